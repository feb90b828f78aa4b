// Package catalogue keeps things of one kind that are each a YAML file: those
// shipped inside the program and those of a user's own folder. It finds one by
// its name, by an alias, or by the path of a file.
package catalogue

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// Kind is what a catalogue must know about the things in it.
type Kind[T any] struct {
	Word  string                                    // what one is called in messages
	Parse func(file string, data []byte) (T, error) // its errors start with file
	Names func(T) (name string, aliases []string)   // all that Get finds it by
	Clone func(T) T                                 // a copy that shares nothing that can be changed
}

// Catalogue is a set of things with unique names. It never changes, so any
// number of goroutines may use it at once.
type Catalogue[T any] struct {
	kind   Kind[T]
	items  []T          // sorted by name
	byName map[string]T // by name and by alias
}

// Shipped makes the catalogue of the files that are part of the program. It
// panics if one is wrong: they are code, and a test reads them all.
func (k Kind[T]) Shipped(files fs.FS) Catalogue[T] {
	c, err := k.Read(files)
	if err != nil {
		panic(fmt.Sprintf("shipped %s: %v", k.Word, err))
	}
	return c
}

// Read is Shipped for files whose meaning hangs on what the user has, which may
// make them wrong.
func (k Kind[T]) Read(files fs.FS) (Catalogue[T], error) {
	items, err := k.folder(files, "")
	if err != nil {
		return Catalogue[T]{}, err
	}
	return Catalogue[T]{kind: k}.with(items), nil
}

// With gives a catalogue that also has what is in the user's folder dir, which
// goes before what c has under the same name or alias. An empty dir adds
// nothing.
func (c Catalogue[T]) With(dir string) (Catalogue[T], error) {
	if dir == "" {
		return c, nil
	}
	items, err := c.kind.Folder(dir)
	if err != nil {
		return Catalogue[T]{}, err
	}
	return c.with(items), nil
}

func (c Catalogue[T]) with(items []T) Catalogue[T] {
	union := make(map[string]T)
	byName := make(map[string]T)
	for _, layer := range [][]T{c.items, items} {
		for _, item := range layer {
			_, aliases := c.kind.Names(item)
			for _, alias := range aliases {
				byName[alias] = item
			}
		}
		for _, item := range layer {
			byName[c.kind.name(item)] = item
			union[c.kind.name(item)] = item
		}
	}
	result := Catalogue[T]{kind: c.kind, byName: byName}
	for _, name := range sortedKeys(union) {
		result.items = append(result.items, union[name])
	}
	return result
}

// All gives everything in the catalogue, sorted by name; the copies are the
// caller's.
func (c Catalogue[T]) All() []T {
	all := make([]T, len(c.items))
	for i, item := range c.items {
		all[i] = c.kind.Clone(item)
	}
	return all
}

// Get finds one by name or alias; a name that ends in .yaml is the path of a
// file instead. The error for an unknown name tells the nearest and what else
// is known, and that the names of also may stand there too.
func (c Catalogue[T]) Get(name string, also ...Others) (T, error) {
	var none T
	if isPath(name) {
		return c.kind.file(name)
	}
	if item, ok := c.byName[name]; ok {
		return c.kind.Clone(item), nil
	}
	names, known := sortedKeys(c.byName), c.known(name)
	for _, others := range also {
		names = append(names, others.Names...)
		known += fmt.Sprintf("; or one of %d %s", len(others.Names), others.Word)
	}
	return none, fmt.Errorf("unknown %s %s%s (%s; or the path of a %s file)",
		c.kind.Word, strictyaml.Quote(name), strictyaml.DidYouMean(name, names), known, ext)
}

// Others are names of something else that may stand where a name of the
// catalogue may.
type Others struct {
	Word  string // what several are called in messages
	Names []string
}

// manyNames is how many names a message may list without hiding what it says.
const manyNames = 20

// known tells what names there are: all of them if they are few, and otherwise
// those that hold the word which somebody took for one.
func (c Catalogue[T]) known(word string) string {
	var names, akin []string
	for _, item := range c.items {
		names = append(names, c.kind.name(item))
	}
	if len(names) <= manyNames {
		return "known: " + strings.Join(names, ", ")
	}
	for _, name := range names {
		if word != "" && strings.Contains(name, strings.ToLower(word)) {
			akin = append(akin, name)
		}
	}
	text := fmt.Sprintf("%d are known", len(names))
	if len(akin) > 0 && len(akin) <= manyNames {
		text += ", among them " + strings.Join(akin, ", ")
	}
	return text
}

// name is the first of the item's names.
func (k Kind[T]) name(item T) string {
	name, _ := k.Names(item)
	return name
}

// unique checks that no two things of one folder claim one name.
func (k Kind[T]) unique(items []T, dir string) error {
	var errs []error
	owner := make(map[string]string)
	for _, item := range items {
		owner[k.name(item)] = k.name(item)
	}
	for _, item := range items {
		name, aliases := k.Names(item)
		for _, alias := range aliases {
			if other, taken := owner[alias]; taken {
				file := filepath.Join(dir, name+ext)
				errs = append(errs, fmt.Errorf("%s: aliases: %s is taken by %s", file, alias, other))
			}
			owner[alias] = name
		}
	}
	return errors.Join(errs...)
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
