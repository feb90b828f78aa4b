package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/natprofiles"
)

// readme is the README, which stands two folders above this one, as examples do.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// between is what stands in text between two words.
func between(t *testing.T, text, begin, end string) string {
	t.Helper()
	_, text, begun := strings.Cut(text, begin)
	text, _, ended := strings.Cut(text, end)
	if !begun || !ended {
		t.Fatalf("the README has nothing between %q and %q", begin, end)
	}
	return text
}

// The example is a test of its own module: all of that file below its imports.
func TestREADMEShowsATestThatRuns(t *testing.T) {
	shown := between(t, readme(t), "<!-- example -->\n```go\n", "```\n<!-- /example -->")
	const path = "examples/readme/readme_test.go"
	file, err := os.ReadFile(filepath.Join("../..", path))
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(string(file), "\n)\n\n")
	if !found {
		t.Fatalf("%s has no imports", path)
	}
	if shown != body {
		t.Errorf("the README shows\n%s\nand below the imports of %s stands\n%s", shown, path, body)
	}
}

func TestREADMEShowsAProfileThatIsOne(t *testing.T) {
	shown := between(t, readme(t), "```yaml\nsummary:", "```")
	path := filepath.Join(t.TempDir(), "office.yaml")
	if err := os.WriteFile(path, []byte("summary:"+shown), 0o600); err != nil {
		t.Fatal(err)
	}
	shipped, err := natprofiles.Open("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shipped.Get(path); err != nil {
		t.Error(err)
	}
}
