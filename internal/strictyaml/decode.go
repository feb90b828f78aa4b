package strictyaml

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// Entry is one name of a mapping and what it stands for.
type Entry[T any] struct {
	Name  string
	Value T
}

// Entries is a mapping whose names the author of the file chooses, in the order
// of the file.
type Entries[T any] []Entry[T]

func (e *Entries[T]) fill(d *Document, n *yaml.Node) {
	d.eachField(n, func(key, value *yaml.Node) {
		entry := Entry[T]{Name: key.Value}
		d.value(value, reflect.ValueOf(&entry.Value).Elem(), key.Value)
		*e = append(*e, entry)
	})
}

// filler is what all Entries are to the decoder.
type filler interface {
	fill(d *Document, n *yaml.Node)
}

func (d *Document) decode(out any) {
	d.value(d.root, reflect.ValueOf(out).Elem(), "")
}

// value decodes n, the value of the named field, into out. What cannot be
// decoded is noted and leaves out as it was.
func (d *Document) value(n *yaml.Node, out reflect.Value, field string) {
	if reason := refused(n); reason != "" {
		d.complain(n, "%s: %s", name(field), reason)
		return
	}
	switch to := out.Addr().Interface().(type) {
	case yaml.Unmarshaler:
		if err := to.UnmarshalYAML(n); err != nil {
			d.complain(n, "%s: %v", name(field), err)
		}
		return
	case filler:
		if d.want(n, yaml.MappingNode, field, "a mapping of names") {
			to.fill(d, n)
		}
		return
	case *time.Duration:
		d.scalar(n, field, func() error { return duration(n, to) })
		return
	}
	d.plain(n, out, field)
}

// refused says why a node can stand nowhere in a strict file; "" if it can.
func refused(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return "anchors and aliases are not supported; write the value out"
	case n.Style&yaml.TaggedStyle != 0:
		return "tags are not supported; write the value alone"
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		return "no value; leave the field out, or write {} for a mapping of defaults"
	}
	return ""
}

// plain decodes into Go's own kinds of values.
func (d *Document) plain(n *yaml.Node, out reflect.Value, field string) {
	switch out.Kind() {
	case reflect.Struct:
		if d.want(n, yaml.MappingNode, field, "a mapping of fields") {
			d.fields(n, out)
		}
	case reflect.Slice:
		if d.want(n, yaml.SequenceNode, field, "a list such as [x, y]") {
			d.elements(n, out, field)
		}
	case reflect.String:
		d.scalar(n, field, func() error { return text(n, out) })
	case reflect.Bool:
		d.scalar(n, field, func() error { return boolean(n, out) })
	case reflect.Int:
		d.scalar(n, field, func() error { return integer(n, out) })
	default:
		panic(fmt.Sprintf("strictyaml: field %s has type %s, which no file can fill", field, out.Type()))
	}
}

// want notes a problem unless n is of the kind that the field needs.
func (d *Document) want(n *yaml.Node, kind yaml.Kind, field, what string) bool {
	if n.Kind == kind {
		return true
	}
	d.complain(n, "%s: want %s, not %s", name(field), what, kindOf(n))
	return false
}

func (d *Document) scalar(n *yaml.Node, field string, decode func() error) {
	if !d.want(n, yaml.ScalarNode, field, "a single value") {
		return
	}
	if err := decode(); err != nil {
		d.complain(n, "%s: %v", name(field), err)
	}
}

// fields decodes a mapping into a struct.
func (d *Document) fields(n *yaml.Node, out reflect.Value) {
	known := make(map[string]reflect.Value)
	var names []string
	for f, v := range out.Fields() {
		tag := f.Tag.Get("yaml")
		known[tag] = v
		names = append(names, tag)
	}
	d.eachField(n, func(key, value *yaml.Node) {
		if field, ok := known[key.Value]; ok {
			d.value(value, field, key.Value)
			return
		}
		near := Nearest(key.Value, names)
		if near == "" {
			d.complain(key, "field %s not found; the fields here are %s", name(key.Value), List(names...))
			return
		}
		d.meant[n] = append(d.meant[n], near)
		d.complain(key, "field %s not found; did you mean %s?", name(key.Value), near)
	})
}

// eachField goes through a mapping, and notes keys that are no words or that
// come again.
func (d *Document) eachField(n *yaml.Node, visit func(key, value *yaml.Node)) {
	first := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			d.complain(key, "want the name of a field, not %s", kindOf(key))
			continue
		}
		if line, again := first[key.Value]; again {
			d.complain(key, "field %s is given twice, first on line %d", name(key.Value), line)
			continue
		}
		first[key.Value] = key.Line
		visit(key, n.Content[i+1])
	}
}

// elements decodes a list into a slice. Elements that cannot be decoded keep
// their place, so that an index means the same in the file and in the slice.
func (d *Document) elements(n *yaml.Node, out reflect.Value, field string) {
	out.Set(reflect.MakeSlice(out.Type(), len(n.Content), len(n.Content)))
	for i, element := range n.Content {
		d.value(element, out.Index(i), field)
	}
}

// text accepts any scalar as it is written, so that the version 1.10 needs no
// quotes, if it is one line that can be printed.
func text(n *yaml.Node, out reflect.Value) error {
	s := strings.TrimSpace(n.Value)
	if s == "" {
		return fmt.Errorf("empty; want one line of text")
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("holds the character %U; want one line of printable text", r)
		}
	}
	out.SetString(s)
	return nil
}

func boolean(n *yaml.Node, out reflect.Value) error {
	var word string
	if err := OneOf(n, &word, "true", "false"); err != nil {
		return err
	}
	out.SetBool(word == "true")
	return nil
}

func integer(n *yaml.Node, out reflect.Value) error {
	i, err := strconv.Atoi(n.Value)
	if err != nil {
		return fmt.Errorf("%s is not a whole number", Quote(n.Value))
	}
	out.SetInt(int64(i))
	return nil
}

func duration(n *yaml.Node, out *time.Duration) error {
	parsed, err := time.ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("%s is not a duration such as 10ms, 1.5s or 0s", Quote(n.Value))
	}
	*out = parsed
	return nil
}

// kindOf names what a node is to somebody who writes YAML.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	default:
		return "the single value " + Quote(n.Value)
	}
}
