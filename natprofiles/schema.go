package natprofiles

import _ "embed" // for the schemas

//go:embed profile.schema.json
var profileSchema string

//go:embed sets/set.schema.json
var setSchema string

// Schema gives the JSON Schema (draft 2020-12) of the files of profiles, for
// editors: field names, allowed words, defaults and what they mean. It knows
// the form of each field; the rules between fields are those of [Parse].
func Schema() string { return profileSchema }

// SetSchema gives the JSON Schema of the files of sets.
func SetSchema() string { return setSchema }
