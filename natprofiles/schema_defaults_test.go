package natprofiles

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// The defaults that the schema tells are those that Parse fills in.
func TestDefaultsInTheSchema(t *testing.T) {
	const least = "summary: X\nmapping: endpoint-independent\nfiltering: address-and-port-dependent\nunsolicited: drop\n"
	for _, path := range paths(reflect.TypeFor[shape](), "") {
		value, ok := defaultOf(reflect.TypeFor[shape](), strings.Split(path, "."))
		if _, inner, block := strings.Cut(path, ".ports."); !ok || block && inner != "" {
			continue // the ports of a block are those outside
		}
		text := least
		switch {
		case strings.Contains(path, "step"):
			text = strings.Replace(least, "summary: X", "summary: X\nports: {allocation: sequential}", 1)
		case strings.HasPrefix(path, "ports.block"):
			text = strings.Replace(least, "summary: X", "summary: X\nports: {allocation: block, block: {size: 8}}", 1)
		case path == "addresses.pooling":
			text = strings.Replace(least, "summary: X", "summary: X\naddresses: {count: 2}", 1)
		case path == "input" || path == "invalid":
			text = strings.Replace(least, "summary: X", "summary: X\nports: {overloading: true}", 1)
		}
		checkDefault(t, text, path, value)
	}
}

// checkDefault compares a file with one that also states the default.
func checkDefault(t *testing.T, text, path, value string) {
	t.Helper()
	unsaid, err := Parse("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var stated map[string]any
	if err := yaml.Unmarshal([]byte(text), &stated); err != nil {
		t.Fatal(err)
	}
	steps := strings.Split(path, ".")
	into := stated
	for _, step := range steps[:len(steps)-1] {
		inner, ok := into[step].(map[string]any)
		if !ok {
			inner = map[string]any{}
			into[step] = inner
		}
		into = inner
	}
	var typed any
	if err := yaml.Unmarshal([]byte(value), &typed); err != nil {
		t.Fatal(err)
	}
	into[steps[len(steps)-1]] = typed
	with, err := yaml.Marshal(stated)
	if err != nil {
		t.Fatal(err)
	}
	said, err := Parse("x.yaml", with)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	unsaid.Stated, said.Stated = nil, nil
	if diff := cmp.Diff(unsaid, said); diff != "" {
		t.Errorf("%s: the schema says that %s is the default (-unsaid +said):\n%s", path, value, diff)
	}
}

// defaultOf reads the default of a field from its tag.
func defaultOf(of reflect.Type, path []string) (string, bool) {
	for f := range of.Fields() {
		if f.Anonymous {
			if value, ok := defaultOf(f.Type, path); ok {
				return value, true
			}
			continue
		}
		if f.Tag.Get("yaml") != path[0] {
			continue
		}
		if len(path) > 1 {
			return defaultOf(f.Type, path[1:])
		}
		for part := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
			if value, ok := strings.CutPrefix(part, "default="); ok {
				return value, true
			}
		}
	}
	return "", false
}
