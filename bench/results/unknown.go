package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Newer versions may add fields to the lines without changing the format. What a
// field means nobody here can know; so it is kept, and the reader says that it is
// there.

var (
	trialFields    = fieldNames(reflect.TypeFor[Trial]())
	manifestFields = fieldNames(reflect.TypeFor[Manifest]())
)

// fieldNames are the names that a struct has in JSON.
func fieldNames(of reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(of) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// understood tells whether v has all fields of an object. It costs a second reading
// of the line, which is less than a map of each.
func understood(object []byte, v any) bool {
	d := json.NewDecoder(bytes.NewReader(object))
	d.DisallowUnknownFields()
	return d.Decode(v) == nil
}

// unknown are the fields of an object that are not among the known names, which
// encoding/json compares without case.
func unknown(object []byte, known []string) map[string]json.RawMessage {
	var all map[string]json.RawMessage
	if json.Unmarshal(object, &all) != nil {
		return nil
	}
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool {
		return slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) })
	})
	for name, value := range all {
		var line bytes.Buffer // without white space, so that it fits into a line again
		if json.Compact(&line, value) == nil {
			all[name] = line.Bytes()
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

func unknownOfManifest(line []byte) (names []string) {
	var first map[string]json.RawMessage
	if json.Unmarshal(line, &first) != nil {
		return nil
	}
	for name := range unknown(first["manifest"], manifestFields) {
		names = append(names, "manifest."+name)
	}
	return slices.Sorted(slices.Values(names))
}

// nameUnknown adds the unknown fields of all trials, each once.
func (r *Run) nameUnknown() {
	names := map[string]bool{}
	for _, t := range r.Trials {
		for name := range t.Unknown {
			names[name] = true
		}
	}
	r.Unknown = append(r.Unknown, slices.Sorted(maps.Keys(names))...)
}

// withUnknown puts fields at the end of a line that holds an object.
func withUnknown(line []byte, fields map[string]json.RawMessage) ([]byte, error) {
	if len(fields) == 0 {
		return line, nil
	}
	line = bytes.TrimSuffix(line, []byte("}\n"))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		key, err := json.Marshal(name)
		if err != nil || !json.Valid(fields[name]) {
			return nil, fmt.Errorf("field %q is not JSON", name)
		}
		line = append(append(append(append(line, ','), key...), ':'), fields[name]...)
	}
	return append(line, "}\n"...), nil
}
