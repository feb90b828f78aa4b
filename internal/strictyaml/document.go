// Package strictyaml reads the YAML files that people write for punchlab and
// tells them everything that is wrong with one at once: where, what, what is
// allowed, and what was probably meant.
//
// It is stricter than YAML: one document, of one mapping, in at most 64 KiB of
// UTF-8; each field known and given once; no empty values, no anchors, aliases
// or tags. Data files need none of these, and each can hide a mistake.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// MaxSize is the size in bytes above which a file is refused unread. The
// largest file shipped has a twentieth of it.
const MaxSize = 64 << 10

// Document is a YAML file that has been decoded: where each field stands, and
// all that was found wrong with it so far. It is not for concurrent use.
type Document struct {
	file     string
	data     []byte
	root     *yaml.Node
	problems []*Problem
	bad      map[*yaml.Node]bool     // values that have a problem of their own
	meant    map[*yaml.Node][]string // for each mapping, the fields that unknown ones were meant to be
}

// Load decodes data, the content of file, into out, a pointer to a struct with
// yaml tags that already holds the defaults. An error means that there are no
// fields to speak of. Otherwise problems of single fields are kept in the
// document, so that the caller can add those between fields before [Document.Err].
func Load(file string, data []byte, out any) (*Document, error) {
	d := &Document{file: file, data: data, bad: map[*yaml.Node]bool{}, meant: map[*yaml.Node][]string{}}
	if p := d.checkText(data); p != nil {
		return nil, p
	}
	if p := d.compose(data); p != nil {
		return nil, p
	}
	d.decode(out)
	return d, nil
}

// checkText refuses what no person wrote.
func (d *Document) checkText(data []byte) *Problem {
	if len(data) > MaxSize {
		return d.problem(1, 1, "larger than %d KiB", MaxSize>>10)
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		control := r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f
		if control || r == utf8.RuneError && size == 1 {
			line := 1 + bytes.Count(data[:i], []byte("\n"))
			column := 1 + utf8.RuneCount(data[bytes.LastIndexByte(data[:i], '\n')+1:i])
			return d.problem(line, column, "not text: byte 0x%02x", data[i])
		}
		i += size
	}
	return nil
}

// compose reads the YAML into nodes and finds the one mapping that they must be.
func (d *Document) compose(data []byte) *Problem {
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return d.problem(1, 1, "%v", err)
	}
	var first, second yaml.Node
	if err := loader.Load(&first); errors.Is(err, io.EOF) {
		return d.problem(1, 1, "empty: want a mapping of fields")
	} else if err != nil {
		return d.notYAML(err)
	}
	if err := loader.Load(&second); err == nil {
		return d.shown(second.Line, second.Column, "a second document; want one per file")
	} else if !errors.Is(err, io.EOF) {
		return d.notYAML(err)
	}
	d.root = &first
	if d.root.Kind == yaml.DocumentNode {
		d.root = d.root.Content[0]
	}
	if d.root.Kind != yaml.MappingNode {
		return d.shown(d.root.Line, d.root.Column, "want a mapping of fields, not %s", kindOf(d.root))
	}
	return nil
}

// notYAML turns the parser's error into a problem at its place.
func (d *Document) notYAML(err error) *Problem {
	var at *yaml.LoadError
	if !errors.As(err, &at) {
		return d.problem(1, 1, "not YAML: %v", err)
	}
	text := at.Message
	if text == "found character that cannot start any token" && character(d.data, at.Mark.Line, at.Mark.Column) == '\t' {
		text = "found a tab where YAML wants spaces" // nobody sees which character it is
	}
	if at.ContextMsg != "" {
		text += " " + at.ContextMsg
		if at.ContextMark.Line > 0 && at.ContextMark != at.Mark {
			text += fmt.Sprintf(" that starts at %d:%d", at.ContextMark.Line, at.ContextMark.Column)
		}
	}
	return d.shown(max(1, at.Mark.Line), max(1, at.Mark.Column), "not YAML: %s", text)
}

// character is the one at a line and column that count from one; 0 if there is
// none.
func character(data []byte, line, column int) rune {
	lines := bytes.Split(data, []byte("\n"))
	if line < 1 || line > len(lines) {
		return 0
	}
	runes := []rune(string(lines[line-1]))
	if column < 1 || column > len(runes) {
		return 0
	}
	return runes[column-1]
}

// problem is one without an excerpt.
func (d *Document) problem(line, column int, format string, args ...any) *Problem {
	return &Problem{File: d.file, Line: line, Column: column, Text: fmt.Sprintf(format, args...)}
}

// shown is a problem with the line that it is about.
func (d *Document) shown(line, column int, format string, args ...any) *Problem {
	p := d.problem(line, column, format, args...)
	p.Excerpt = excerpt(d.data, line, column)
	return p
}

// complain notes a problem of the node's own.
func (d *Document) complain(n *yaml.Node, format string, args ...any) {
	d.bad[n] = true
	p := d.problem(n.Line, n.Column, format, args...)
	p.quote = true
	d.problems = append(d.problems, p)
}

// Place is where a field stands, or would stand, in a document.
type Place struct {
	doc          *Document
	line, column int
	parent       *yaml.Node // the mapping that holds the field, nil if that is missing too
	value        *yaml.Node // nil if the field is missing
	name         string
}

// At finds the field that path leads to from the top: names of fields, and
// indices of list elements. A missing field has the place of the innermost one
// on the way that is there.
func (d *Document) At(path ...string) Place {
	p := Place{doc: d, line: d.root.Line, column: d.root.Column, value: d.root}
	for _, step := range path {
		p.parent, p.name = p.value, step
		key, value := child(p.parent, step)
		p.value = value
		switch {
		case value == nil:
		case value.Kind == yaml.ScalarNode || key == nil:
			p.line, p.column = value.Line, value.Column
		default:
			p.line, p.column = key.Line, key.Column
		}
	}
	return p
}

// child finds a field of a mapping or an element of a list.
func child(parent *yaml.Node, step string) (key, value *yaml.Node) {
	if parent == nil {
		return nil, nil
	}
	switch parent.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(parent.Content); i += 2 {
			if parent.Content[i].Value == step {
				return parent.Content[i], parent.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(parent.Content) {
			return nil, parent.Content[i]
		}
	}
	return nil, nil
}

// Given reports whether the file has the field, whatever its value.
func (p Place) Given() bool { return p.value != nil }

// Sound reports whether the field is missing or has a value that could be
// decoded: a rule about its value makes no sense otherwise.
func (p Place) Sound() bool { return !p.doc.bad[p.value] }

// Is reports whether the file has the field with this single value.
func (p Place) Is(value string) bool {
	return p.Given() && p.value.Kind == yaml.ScalarNode && p.value.Value == value
}

// IsList reports whether the file has the field with a list as its value.
func (p Place) IsList() bool { return p.Given() && p.value.Kind == yaml.SequenceNode }

// IsMapping reports whether the file has the field with a mapping as its value.
func (p Place) IsMapping() bool { return p.Given() && p.value.Kind == yaml.MappingNode }

// IsEmpty reports whether the file has the field with {} or [] as its value.
func (p Place) IsEmpty() bool {
	return p.Given() && p.value.Kind != yaml.ScalarNode && len(p.value.Content) == 0
}

// Line is the place's, counted from one, for those who refer to it later.
func (p Place) Line() int { return p.line }

// Errorf notes that something is wrong at this place.
func (p Place) Errorf(format string, args ...any) {
	problem := p.doc.problem(p.line, p.column, format, args...)
	problem.quote = p.Given() && p.parent != nil
	p.doc.problems = append(p.doc.problems, problem)
}

// Require notes a problem if the field is missing; allowed says what to write.
// It keeps silent where something else has been told already: where what should
// hold the field is missing or no mapping, and where an unknown field beside it
// was probably meant to be it.
func (p Place) Require(allowed string) {
	if p.Given() || p.parent == nil || p.parent.Kind != yaml.MappingNode || slices.Contains(p.doc.meant[p.parent], p.name) {
		return
	}
	p.Errorf("field %s is required: %s", p.name, allowed)
}
