package natprofiles

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/goldentest"
)

const (
	profileSchemaFile = "profile.schema.json"
	setSchemaFile     = "sets/set.schema.json"
)

// The schemas are those of the types.
func TestSchemasAreCurrent(t *testing.T) {
	for file, of := range map[string]reflect.Type{
		profileSchemaFile: reflect.TypeFor[shape](), setSchemaFile: reflect.TypeFor[setShape](),
	} {
		goldentest.Compare(t, file, string(generate(t, file, of)))
	}
}

// generate makes the schema of a file of the given shape.
func generate(t *testing.T, file string, of reflect.Type) []byte {
	t.Helper()
	r := &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		ExpandedStruct:             true,
		Mapper:                     mapped,
		LookupComment:              comments(t, "shape.go", "set.go"),
		Namer:                      func(t reflect.Type) string { return strings.TrimSuffix(t.Name(), "Shape") },
	}
	s := r.ReflectFromType(of)
	s.ID = jsonschema.ID("https://github.com/punchlab/punchlab/natprofiles/" + file)
	for _, list := range []string{"aliases", "tags"} {
		if names, ok := s.Properties.Get(list); ok {
			names.Items.Pattern = catalogue.NameForm
			names.UniqueItems = true
		}
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// words are the types whose values are words.
var words = map[reflect.Type][]any{
	reflect.TypeFor[mapping]():    anys(mappings),
	reflect.TypeFor[Dependence](): anys(filterings),
	reflect.TypeFor[Allocation](): anys(allocations),
	reflect.TypeFor[fallback]():   anys(fallbacks),
	reflect.TypeFor[inside]():     anys(insides),
	reflect.TypeFor[Pooling]():    anys(poolings),
	reflect.TypeFor[Hairpin]():    anys(hairpins),
	reflect.TypeFor[Answer]():     anys(answers),
	reflect.TypeFor[refusal]():    anys(refusals),
	reflect.TypeFor[Passage]():    anys(passages),
	reflect.TypeFor[Fate]():       anys(fates),
	reflect.TypeFor[Crossing]():   anys(crossings),
	reflect.TypeFor[Sequence]():   anys(sequences),
	reflect.TypeFor[Refresh]():    anys(refreshes),
	reflect.TypeFor[Input]():      anys(inputs),
	reflect.TypeFor[Invalid]():    anys(invalids),
	reflect.TypeFor[Claim]():      anys(claims),
	reflect.TypeFor[field]():      anys(fields),
}

func anys[T any](values []T) []any {
	var all []any
	for _, v := range values {
		all = append(all, v)
	}
	return all
}

// mapped gives the schemas of types that are not written as Go keeps them.
func mapped(t reflect.Type) *jsonschema.Schema {
	if allowed, ok := words[t]; ok {
		return &jsonschema.Schema{Type: "string", Enum: allowed}
	}
	switch t {
	case reflect.TypeFor[truth]():
		return &jsonschema.Schema{Type: "boolean"}
	case reflect.TypeFor[Interval]():
		return &jsonschema.Schema{Type: "string", Pattern: intervalForm.String(), Examples: []any{"1024-65535"}}
	case reflect.TypeFor[Timeout]():
		least := uint64(2)
		return &jsonschema.Schema{Type: "string", Pattern: timeoutForm.String(), MinLength: &least, Examples: []any{"10s", "2m", "2h4m"}}
	}
	if t.Kind() == reflect.Slice && strings.HasPrefix(t.Name(), "OneOrMore[") {
		one := mapped(t.Elem())
		if one == nil { // tags
			one = &jsonschema.Schema{Type: "string", Pattern: catalogue.NameForm}
		}
		least := uint64(1)
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{one, {Type: "array", Items: one, MinItems: &least}}}
	}
	return nil
}

// comments finds the comments of fields in Go files.
func comments(t *testing.T, files ...string) func(reflect.Type, string) string {
	t.Helper()
	texts := make(map[string]string)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						texts[spec.Name.Name+"."+name.Name] = strings.TrimSpace(f.Doc.Text())
					}
				}
			}
			return true
		})
	}
	return func(t reflect.Type, field string) string { return texts[t.Name()+"."+field] }
}

// Whoever writes a file sees what each field means.
func TestEveryFieldOfTheSchemasIsDescribed(t *testing.T) {
	look := comments(t, "shape.go", "set.go")
	for _, of := range []reflect.Type{
		reflect.TypeFor[shape](), reflect.TypeFor[source](), reflect.TypeFor[transport](), reflect.TypeFor[tcpShape](), reflect.TypeFor[udpShape](),
		reflect.TypeFor[tcpTimeouts](), reflect.TypeFor[udpTimeouts](), reflect.TypeFor[portsShape](), reflect.TypeFor[blockShape](),
		reflect.TypeFor[addressesShape](), reflect.TypeFor[limitsShape](), reflect.TypeFor[setShape](), reflect.TypeFor[condition](),
	} {
		for f := range of.Fields() {
			if text := look(of, f.Name); !f.Anonymous && !strings.HasSuffix(text, ".") {
				t.Errorf("%s.%s: %q is no sentence", of.Name(), f.Name, text)
			}
		}
	}
}

// schema compiles a schema as an editor would.
func schema(t *testing.T, file string) *validator.Schema {
	t.Helper()
	s, err := validator.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate holds a YAML file against a schema. An error that is no
// *validator.ValidationError means that it could not be read.
func validate(s *validator.Schema, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var content any
	if err := yaml.Unmarshal(data, &content); err != nil {
		return err
	}
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	value, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(value)
}

func TestShippedFilesAreValidByTheSchemas(t *testing.T) {
	for pattern, file := range map[string]string{"*.yaml": profileSchemaFile, "sets/*.yaml": setSchemaFile} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		s := schema(t, file)
		for _, path := range paths {
			if err := validate(s, path); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

// beyondForm are the bad files that a schema cannot refuse: what is wrong is
// between fields, or below or above what JSON knows.
var beyondForm = []string{
	// Between fields.
	"block-arbitrary", "block-differs", "block-idle", "block-intervals", "block-larger", "block-parity", "block-step",
	"conflict-idle", "firewall", "firewall-half", "firewall-incomplete", "firewall-silent", "input-alone", "limits-order", "missing-half",
	"nat-unfiltered", "open-drop", "overloading-address", "overloading-default", "overloading-fields", "overloading-half", "overloading-ports",
	"overloading-random", "overloading-random-range", "overloading-replaced", "parity-step", "parity-unpaired", "pooling-count-one", "pooling-one", "range-overlap", "range-pieces",
	"router", "step-idle", "step-leap", "step-zero", "udp-after-6s",
	// In the arithmetic of a text.
	"range-inverted", "range-outside",
	// In the name of the file, in the YAML, or in the bytes.
	"My_NAT", "binary", "duplicate", "everything", "latin1", "second-broken", "second-document", "syntax", "tab", "yaml-tricks",
}

// Editors tell of every mistake in the form of a field, as Parse does.
func TestTheSchemaRefusesBadForms(t *testing.T) {
	paths, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := schema(t, profileSchemaFile)
	for _, path := range paths {
		var invalid *validator.ValidationError
		refused := errors.As(validate(s, path), &invalid)
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		if beyond := slices.Contains(beyondForm, name); refused == beyond {
			t.Errorf("%s: refused by the schema: %t; listed as beyond its reach: %t", path, refused, beyond)
		}
	}
}

func TestTheSchemaOfSetsRefusesBadForms(t *testing.T) {
	s := schema(t, setSchemaFile)
	for _, name := range []string{"empty", "fields", "missing", "values"} {
		var invalid *validator.ValidationError
		if err := validate(s, "testdata/bad-sets/"+name+".yaml"); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
