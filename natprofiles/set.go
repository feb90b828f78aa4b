package natprofiles

import (
	"reflect"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// Set is a named choice of profiles: a query over their fields and tags, so that
// a new profile joins by itself. Each is one YAML file.
type Set struct {
	// Name is the name of the file without .yaml.
	Name string `json:"name"`
	// Summary is one line for lists.
	Summary string `json:"summary"`

	where, except []condition
}

// Has says whether the profile belongs to the set: whether it meets one of the
// conditions of where and none of except.
func (s Set) Has(p Profile) bool {
	meets := func(c condition) bool { return c.meets(p) }
	return slices.ContainsFunc(s.where, meets) && !slices.ContainsFunc(s.except, meets)
}

// setShape is a set as it is written.
type setShape struct {
	// What the profiles have in common, in one line.
	Summary string `yaml:"summary" jsonschema:"required,minLength=1"`
	// Alternatives: a profile belongs to the set if it meets one of them. The condition {} is met by all.
	Where []condition `yaml:"where" jsonschema:"required,minItems=1"`
	// Exceptions: a profile that meets one of them does not belong to the set.
	Except []condition `yaml:"except"`
}

// condition is met by profiles that have, of every field that it names, one of
// the values that it gives. Fields that TCP and UDP may have in two ways are
// TCP's, as in tables.
type condition struct {
	// Tags, one of which the profile has.
	Tags strictyaml.OneOrMore[string] `yaml:"tags"`
	// Whether it translates.
	Translate strictyaml.OneOrMore[truth] `yaml:"translate"`
	// What a mapping of TCP depends on.
	Mapping strictyaml.OneOrMore[mapping] `yaml:"mapping"`
	// What filtering of TCP depends on.
	Filtering strictyaml.OneOrMore[Dependence] `yaml:"filtering"`
	// How a mapping of TCP gets its port.
	Allocation strictyaml.OneOrMore[Allocation] `yaml:"ports.allocation"`
	// Whether ports are overloaded, that is, whether it is Linux's own NAT.
	Overloading strictyaml.OneOrMore[truth] `yaml:"ports.overloading"`
	// What becomes of a TCP packet from inside to an external endpoint of the same NAT.
	Hairpin strictyaml.OneOrMore[Hairpin] `yaml:"hairpin"`
	// The answer to a TCP packet that nobody asked for.
	Unsolicited strictyaml.OneOrMore[Answer] `yaml:"unsolicited"`
}

// truth is true or false as a word.
type truth string

// truths are the words.
var truths = []truth{"true", "false"}

func (t *truth) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, t, truths...) }

func (c condition) meets(p Profile) bool {
	return (c.Tags == nil || slices.ContainsFunc(c.Tags, func(tag string) bool { return slices.Contains(p.Tags, tag) })) &&
		among(c.Translate, truth(strconv.FormatBool(p.Translate))) &&
		among(c.Mapping, mapping(p.TCP.Mapping)) &&
		among(c.Filtering, p.TCP.Filtering) &&
		among(c.Allocation, p.TCP.Ports.Allocation) &&
		among(c.Overloading, truth(strconv.FormatBool(p.Overloads()))) &&
		among(c.Hairpin, p.TCP.Hairpin) &&
		among(c.Unsolicited, p.TCP.Unsolicited)
}

// among says whether the value is one of those wanted, or none is.
func among[T comparable](wanted []T, value T) bool {
	return wanted == nil || slices.Contains(wanted, value)
}

// ParseSet reads one set, the content of file, whose base name without .yaml is
// the set's name. Its error is like that of [Parse].
func ParseSet(file string, data []byte) (Set, error) {
	var s setShape
	doc, err := strictyaml.Load(file, data, &s)
	if err != nil {
		return Set{}, err
	}
	name := catalogue.NameOf(file)
	if err := catalogue.CheckName(name); err != nil {
		doc.At().Errorf("file name: %v", err)
	}
	doc.At("summary").Require("one line that says what the profiles have in common")
	where := doc.At("where")
	where.Require("a list of conditions such as [{tags: home}], or [{}] for all profiles")
	if where.Given() && where.Sound() && len(s.Where) == 0 {
		where.Errorf("where: empty; want a list of conditions such as [{tags: home}], or [{}] for all profiles")
	}
	for _, list := range []string{"where", "except"} {
		conditions := map[string][]condition{"where": s.Where, "except": s.Except}[list]
		for i, c := range conditions {
			checkCondition(doc, list, strconv.Itoa(i), c)
		}
	}
	if err := doc.Err(); err != nil {
		return Set{}, err
	}
	return Set{Name: name, Summary: s.Summary, where: s.Where, except: s.Except}, nil
}

// checkCondition refuses lists of no values, which no profile has, and tags
// that no profile can have.
func checkCondition(doc *strictyaml.Document, list, i string, c condition) {
	for _, field := range paths(reflect.TypeFor[condition](), "") {
		if at := doc.At(list, i, field); at.IsEmpty() {
			at.Errorf("%s: empty; want a value, or a list of values one of which a profile has", field)
		}
	}
	for n, tag := range c.Tags {
		at := doc.At(list, i, "tags")
		if at.IsList() {
			at = doc.At(list, i, "tags", strconv.Itoa(n))
		}
		if err := catalogue.CheckName(tag); err != nil && at.Sound() {
			at.Errorf("tags: %v", err)
		}
	}
	if at := doc.At(list, i); list == "except" && at.Given() && at.Sound() && at.IsEmpty() {
		at.Errorf("except: {} is met by all profiles, which leaves none; name a field")
	}
}
