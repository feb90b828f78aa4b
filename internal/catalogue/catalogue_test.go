package catalogue_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// word is a thing whose file holds its aliases.
type word struct {
	name    string
	aliases []string
}

var words = catalogue.Kind[word]{
	Word: "word",
	Parse: func(file string, data []byte) (word, error) {
		if len(data) > strictyaml.MaxSize {
			return word{}, fmt.Errorf("%s: too large", file)
		}
		return word{catalogue.NameOf(file), strings.Fields(string(data))}, nil
	},
	Names: func(w word) (string, []string) { return w.name, w.aliases },
	Clone: func(w word) word { return w },
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// A name beats an alias within one layer; whatever the user has beats what is
// shipped.
func TestPrecedence(t *testing.T) {
	shipped := words.Shipped(fstest.MapFS{"red.yaml": file("crimson"), "green.yaml": file("lime"), "blue.yaml": file("")})
	dir := t.TempDir()
	for name, aliases := range map[string]string{"blue.yaml": "navy", "pink.yaml": "red lime"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(aliases), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := shipped.With(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"red":     "pink [red lime]", // the user's alias before the shipped name
		"lime":    "pink [red lime]",
		"crimson": "red [crimson]",
		"green":   "green [lime]",
		"blue":    "blue [navy]",
		"navy":    "blue [navy]",
	} {
		got, err := all.Get(name)
		if text := fmt.Sprint(got.name, " ", got.aliases); err != nil || text != want {
			t.Errorf("%s: %s, %v; want %s", name, text, err, want)
		}
	}
	var names []string
	for _, w := range all.All() {
		names = append(names, w.name)
	}
	if got := strings.Join(names, " "); got != "blue green pink red" {
		t.Errorf("all: %s", got)
	}
}

func TestWrongShippedFilesPanic(t *testing.T) {
	for what, files := range map[string]fstest.MapFS{
		"two things of one name": {"a.yaml": file("b"), "b.yaml": file("")},
		"no things":              {"a.txt": file("")},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", what)
				}
			}()
			words.Shipped(files)
		}()
	}
}

// A file as large as a disk must not be read whole before it is refused.
func TestReadsNoMoreThanCanBeValid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.yaml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Skipf("no sparse files here: %v", err) // it depends on the file system, and in CI too
	}
	shipped := words.Shipped(fstest.MapFS{"a.yaml": file("")})
	if _, err := shipped.Get(path); err == nil || err.Error() != path+": too large" {
		t.Errorf("%v", err)
	}
}

func TestFileErrorsKeepTheirCause(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing.yaml")
	_, err := words.Shipped(fstest.MapFS{"a.yaml": file("")}).Get(path)
	if !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), path) != 1 {
		t.Errorf("%v", err)
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "2-nats": true, strings.Repeat("x", 40): true,
		"": false, "-a": false, "A": false, "a b": false, "a,b": false, "a/b": false, "a.b": false, "ä": false,
		strings.Repeat("x", 41): false, "a\n": false,
	} {
		if err := catalogue.CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
