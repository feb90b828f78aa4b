package strictyaml

import (
	"encoding"
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

func (e *Entries[T]) fill(d *Document, n *yaml.Node, field string) {
	if !d.want(n, yaml.MappingNode, field, "a mapping of names") {
		return
	}
	d.eachField(n, func(key, value *yaml.Node) {
		entry := Entry[T]{Name: key.Value}
		d.value(value, reflect.ValueOf(&entry.Value).Elem(), key.Value)
		*e = append(*e, entry)
	})
}

// OneOrMore is a value, or a list of such values.
type OneOrMore[T any] []T

func (o *OneOrMore[T]) fill(d *Document, n *yaml.Node, field string) {
	if n.Kind == yaml.SequenceNode {
		d.elements(n, reflect.ValueOf(o).Elem(), field)
		return
	}
	*o = make([]T, 1)
	d.value(n, reflect.ValueOf(o).Elem().Index(0), field)
}

// filler is a value that knows the form in which a file says it.
type filler interface {
	fill(d *Document, n *yaml.Node, field string)
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
	if to, ok := out.Addr().Interface().(yaml.Unmarshaler); ok { // which knows what to write where there is nothing
		if err := to.UnmarshalYAML(n); err != nil {
			d.complain(n, "%s: %v", name(field), err)
		}
		return
	}
	if isNull(n) {
		d.complain(n, "%s: no value; %s", name(field), insteadOfNull(out))
		return
	}
	switch to := out.Addr().Interface().(type) {
	case filler:
		to.fill(d, n, field)
		return
	case encoding.TextUnmarshaler:
		d.scalar(n, field, func() error { return to.UnmarshalText([]byte(n.Value)) })
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
	}
	return ""
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// insteadOfNull says what to write where a field has no value.
func insteadOfNull(out reflect.Value) string {
	if _, isText := out.Addr().Interface().(encoding.TextUnmarshaler); out.Kind() != reflect.Struct || isText {
		return "write one"
	}
	return "leave the field out, or write {} for a mapping of defaults"
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
	var names []string
	known := make(map[string]reflect.Value)
	collect(out, func(name string, v reflect.Value) {
		names = append(names, name)
		known[name] = v
	})
	d.eachField(n, func(key, value *yaml.Node) {
		if field, ok := known[key.Value]; ok {
			d.value(value, field, key.Value)
			return
		}
		if homes := within(out, key.Value); len(homes) > 0 {
			d.complain(key, "field %s not found here; it stands in %s", name(key.Value), strings.Join(homes, " and in "))
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

// collect visits the fields of a struct that a file can fill, those of embedded
// structs among them.
func collect(out reflect.Value, visit func(name string, v reflect.Value)) {
	for f, v := range out.Fields() {
		if f.Anonymous {
			collect(v, visit)
			continue
		}
		visit(f.Tag.Get("yaml"), v)
	}
}

// within names the fields of a struct that are structs which have the named
// field themselves.
func within(out reflect.Value, name string) []string {
	var homes []string
	collect(out, func(home string, v reflect.Value) {
		if v.Kind() != reflect.Struct {
			return
		}
		collect(v, func(inner string, _ reflect.Value) {
			if inner == name {
				homes = append(homes, home)
			}
		})
	})
	return homes
}

// eachField goes through a mapping, and notes keys that are no words, that merge
// another mapping, or that come again.
func (d *Document) eachField(n *yaml.Node, visit func(key, value *yaml.Node)) {
	first := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			d.complain(key, "want the name of a field, not %s", kindOf(key))
			continue
		}
		if key.ShortTag() == "!!merge" {
			d.complain(key, "merges are not supported; write the fields out")
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
	if plain := strconv.Itoa(i); plain != n.Value { // 010 is eight to some
		return fmt.Errorf("%s: write it as %s", Quote(n.Value), plain)
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
