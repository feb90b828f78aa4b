package natprofiles

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// field is the name of a field that a source can be the source of: its path in
// a file with dots, such as ports.allocation or tcp.timeouts.syn-sent. Without
// tcp or udp before it, it stands for the field of both.
type field string

// fieldWords tells what fields are to somebody who has named none.
const fieldWords = "such as mapping, ports.allocation or tcp.timeouts"

// descriptive are the fields of a file that say nothing of behaviour.
var descriptive = []string{"summary", "seen-on", "sources", "aliases", "tags"}

// behaviours are the fields at the top of a file that say how a NAT behaves,
// fields those and all within them that a source may name.
var behaviours, fields = fieldsOf(reflect.TypeFor[shape]())

func fieldsOf(shape reflect.Type) (top, all []string) {
	for _, path := range paths(shape, "") {
		head, _, inner := strings.Cut(path, ".")
		if slices.Contains(descriptive, head) {
			continue
		}
		if !inner {
			top = append(top, path)
		}
		all = append(all, path)
	}
	for _, path := range all {
		if short := ofBoth(path); !slices.Contains(all, short) {
			all = append(all, short)
		}
	}
	return top, all
}

// ofBoth names the field without the protocol that it is of.
func ofBoth(path string) string {
	for _, block := range []string{"tcp.", "udp."} {
		if short, ok := strings.CutPrefix(path, block); ok {
			return short
		}
	}
	return path
}

// paths gives the paths of all fields of a struct and of the structs in it.
func paths(of reflect.Type, prefix string) []string {
	var all []string
	for f := range of.Fields() {
		if f.Anonymous {
			all = append(all, paths(f.Type, prefix)...)
			continue
		}
		path := prefix + f.Tag.Get("yaml")
		all = append(all, path)
		if f.Type.Kind() == reflect.Struct {
			all = append(all, paths(f.Type, path+".")...)
		}
	}
	return all
}

// stated gives the paths of the fields of behaviour that a file states: those
// with a value, and blocks that are empty on purpose.
func stated(doc *strictyaml.Document) []string {
	var all []string
	for _, path := range paths(reflect.TypeFor[shape](), "") {
		steps := strings.Split(path, ".")
		at := doc.At(steps...)
		if at.Given() && (!at.IsMapping() || at.IsEmpty()) && !slices.Contains(descriptive, steps[0]) {
			all = append(all, path)
		}
	}
	return all
}

// States says whether the file states the field with this path, or has it from
// outside the block that the path leads into. What it does not state has its
// default.
func (p Profile) States(path string) bool {
	if slices.Contains(p.Stated, path) {
		return true
	}
	shared := ofBoth(path)
	if shared == path || !slices.Contains(p.Stated, shared) {
		return false
	}
	// The ports of a block replace those outside as a whole.
	field, _, _ := strings.Cut(shared, ".")
	block := strings.TrimSuffix(path, shared) + field
	return !slices.ContainsFunc(p.Stated, func(of string) bool { return holds(block, of) })
}

// UnmarshalYAML accepts the paths of all fields of behaviour.
func (f *field) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("want the name of a field, %s", fieldWords)
	}
	if !slices.Contains(fields, n.Value) {
		hint := strictyaml.DidYouMean(n.Value, fields)
		if hint == "" {
			hint = "; want one " + fieldWords
		}
		return fmt.Errorf("%s is not a field that says how a NAT behaves%s", strictyaml.Quote(n.Value), hint)
	}
	*f = field(n.Value)
	return nil
}

// Covers says whether the source is one of the field with this path, such as
// tcp.timeouts.syn-sent: one of that field itself, of what holds it, or of the
// same for both protocols.
func (s Source) Covers(path string) bool {
	return slices.ContainsFunc(s.Fields, func(of string) bool {
		return holds(of, path) || holds(of, ofBoth(path))
	})
}

func holds(outer, path string) bool {
	return path == outer || strings.HasPrefix(path, outer+".")
}
