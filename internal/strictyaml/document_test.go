package strictyaml_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

type colour string

func (c *colour) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, c, "red", "green") }

type paint struct {
	Colour colour        `yaml:"colour"`
	Coats  int           `yaml:"coats"`
	Dries  time.Duration `yaml:"dries"`
	Matt   bool          `yaml:"matt"`
	Notes  []string      `yaml:"notes"`
}

type house struct {
	Name  string                    `yaml:"name"`
	Rooms strictyaml.Entries[paint] `yaml:"rooms"`
}

func load(t *testing.T, text string, out any) *strictyaml.Document {
	t.Helper()
	doc, err := strictyaml.Load("house.yaml", []byte(text), out)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestLoadKeepsDefaultsAndTheOrderOfTheFile(t *testing.T) {
	got := house{Name: "default"}
	doc := load(t, `
rooms:
  kitchen: {colour: green, coats: 2, dries: 1h30m, matt: true, notes: [2.10, true, "a b"]}
  attic: {}
  bath: {matt: false}
`, &got)
	if err := doc.Err(); err != nil {
		t.Fatal(err)
	}
	want := house{Name: "default", Rooms: strictyaml.Entries[paint]{
		{Name: "kitchen", Value: paint{"green", 2, 90 * time.Minute, true, []string{"2.10", "true", "a b"}}},
		{Name: "attic"},
		{Name: "bath"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An element that cannot be decoded keeps its place, so that rules about the
// others still name the right ones.
func TestABadElementKeepsItsPlace(t *testing.T) {
	var got house
	doc := load(t, "rooms:\n  bath: {notes: [one, [], three]}\n", &got)
	if diff := cmp.Diff([]string{"one", "", "three"}, got.Rooms[0].Value.Notes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	doc.At("rooms", "bath", "notes", "2").Errorf("too many")
	want := `house.yaml:2:23: notes: want a single value, not a list
      bath: {notes: [one, [], three]}
                          ^
house.yaml:2:27: too many
      bath: {notes: [one, [], three]}
                              ^`
	if err := doc.Err(); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestPlaces(t *testing.T) {
	const text = `# a comment
name: A house
rooms:
  kitchen:
    colour: blue
`
	for _, c := range []struct {
		path  []string
		given bool
		sound bool
		at    string
	}{
		{nil, true, true, "2:1"},
		{[]string{"name"}, true, true, "2:7"},
		{[]string{"rooms"}, true, true, "3:1"},
		{[]string{"rooms", "kitchen"}, true, true, "4:3"},
		{[]string{"rooms", "kitchen", "colour"}, true, false, "5:13"},
		{[]string{"rooms", "kitchen", "coats"}, false, true, "4:3"},
		{[]string{"rooms", "attic", "coats"}, false, true, "3:1"},
		{[]string{"name", "0"}, false, true, "2:7"},
		{[]string{"garden", "-1"}, false, true, "2:1"},
	} {
		doc := load(t, text, &house{})
		place := doc.At(c.path...)
		if place.Given() != c.given || place.Sound() != c.sound {
			t.Errorf("%v: given %t, sound %t", c.path, place.Given(), place.Sound())
		}
		place.Errorf("here")
		if err := doc.Err(); err == nil || !strings.Contains(err.Error(), "house.yaml:"+c.at+": here") {
			t.Errorf("%v: want a problem at %s, got %v", c.path, c.at, err)
		}
	}
}

func TestRequireIsSilentWhereTheCauseHasBeenTold(t *testing.T) {
	for text, want := range map[string]string{
		"rooms: {}\n":                "house.yaml:1:1: field name is required: what it is called",
		"nam: x\n":                   "house.yaml:1:1: field nam not found; did you mean name?\n    nam: x\n    ^",
		"name:\n":                    "house.yaml:1:6: name: no value; write one\n    name:\n         ^",
		"name: x\nrooms: {attic: 1}": "house.yaml:2:16: attic: want a mapping of fields, not the single value \"1\"\n    rooms: {attic: 1}\n                   ^",
	} {
		doc := load(t, text, &house{})
		doc.At("name").Require("what it is called")
		if doc.At("rooms", "attic").Given() {
			doc.At("rooms", "attic", "colour").Require("red or green")
		}
		doc.At("garden", "tree").Require("a tree")
		if err := doc.Err(); err == nil || err.Error() != want {
			t.Errorf("%q: got\n%v\nwant\n%s", text, err, want)
		}
	}
}

// weight is a value that knows its own text.
type weight int

func (w *weight) UnmarshalText(text []byte) error {
	kilos, isKilos := strings.CutSuffix(string(text), "kg")
	n, err := strconv.Atoi(kilos)
	if !isKilos || err != nil {
		return fmt.Errorf("%s is not a weight such as 5kg", strictyaml.Quote(string(text)))
	}
	*w = weight(n)
	return nil
}

type common struct {
	Weight weight `yaml:"weight"`
}

type furniture struct {
	common
	Colours strictyaml.OneOrMore[colour] `yaml:"colours"`
	Drawer  struct {
		common
		Handle string `yaml:"handle"`
	} `yaml:"drawer"`
}

func TestLoadReadsEmbeddedFieldsTextsAndOneOrMore(t *testing.T) {
	for colours, want := range map[string][]colour{"green": {"green"}, "[red, green]": {"red", "green"}, "[]": {}} {
		var got furniture
		doc := load(t, "weight: 5kg\ncolours: "+colours+"\ndrawer: {weight: 1kg, handle: brass}\n", &got)
		if err := doc.Err(); err != nil {
			t.Fatal(err)
		}
		if got.Weight != 5 || got.Drawer.Weight != 1 || got.Drawer.Handle != "brass" || !slices.Equal(got.Colours, want) {
			t.Errorf("%s: %+v", colours, got)
		}
	}
}

func TestBadEmbeddedFieldsTextsAndOneOrMore(t *testing.T) {
	doc := load(t, `weight: heavy
colours: [red, blue]
handle: brass
drawer:
  weight: [5kg]
  colours: red
`, &furniture{})
	want := `house.yaml:1:9: weight: "heavy" is not a weight such as 5kg
    weight: heavy
            ^
house.yaml:2:16: colours: "blue" is not one of red, green
    colours: [red, blue]
                   ^
house.yaml:3:1: field handle not found here; it stands in drawer
    handle: brass
    ^
house.yaml:5:11: weight: want a single value, not a list
      weight: [5kg]
              ^
house.yaml:6:3: field colours not found; the fields here are weight, handle
      colours: red
      ^`
	if diff := cmp.Diff(want, fmt.Sprint(doc.Err())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A number that two people would read differently is none.
func TestWholeNumbersAreWrittenInOneWay(t *testing.T) {
	for _, text := range []string{"010", "+5", "0x10", "-0", "1_000", "1e3", "1.0", "99999999999999999999"} {
		if doc := load(t, "rooms: {bath: {coats: "+text+"}}\n", &house{}); doc.Err() == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

// Rules that are applied for several reasons tell a problem once.
func TestTheSameProblemIsToldOnce(t *testing.T) {
	doc := load(t, "name: x\n", &house{})
	doc.At("name").Errorf("too short")
	doc.At("name").Errorf("no vowel")
	doc.At("name").Errorf("too short")
	want := "house.yaml:1:7: too short\n    name: x\n          ^\nhouse.yaml:1:7: no vowel\n    name: x\n          ^"
	for range 2 {
		if err := doc.Err(); err == nil || err.Error() != want {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
	}
}

// After an error an enumeration is empty, whatever its default was.
func TestOneOfClearsTheDefault(t *testing.T) {
	got := paint{Colour: "red"}
	doc := load(t, "colour: blue\n", &got)
	if got.Colour != "" || doc.Err() == nil {
		t.Errorf("colour %q, %v", got.Colour, doc.Err())
	}
}

func TestAProgrammersMistakePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a field of a type that no file can fill was accepted")
		}
	}()
	load(t, "weight: 1.5\n", &struct {
		Weight float64 `yaml:"weight"`
	}{})
}
