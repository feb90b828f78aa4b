package bench

import (
	"reflect"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
)

// Every classification of a shipped profile can be written, read, and says the
// same again, but for what cannot be told from one place.
func TestAClassificationIsWrittenAsAProfile(t *testing.T) {
	for _, p := range natprofiles.All() {
		c := Classified(p)
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		text, err := Profile(c, `a "lab", 2025`)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		written, err := natprofiles.Parse("probed.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v\n%s", p.Name, err, text)
			continue
		}
		again := Classified(written)
		again.PublicHop, again.NATHop, again.Nested, again.ArmingTTL = c.PublicHop, c.NATHop, c.Nested, c.ArmingTTL
		if !reflect.DeepEqual(again, c) {
			t.Errorf("%s:\n%+v\n%+v\n%s", p.Name, c, again, text)
		}
	}
}

func TestWhatWasNotMeasuredIsSaid(t *testing.T) {
	c := punch.Classification{
		Version: punch.ClassificationVersion, Mapping: punch.EndpointIndependent, Filtering: punch.AddressDependent,
		Nested: punch.Yes, Doubts: []string{"the external address changed"},
	}
	text, err := Profile(c, "somewhere")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# There are several NATs in a row.", "# Doubtful: the external address changed", "# How ports are chosen was not measured.",
		"# What an unsolicited SYN gets was not measured", "fields: [filtering, mapping]}",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	c.Mapping = ""
	if text, err := Profile(c, "somewhere"); err == nil {
		t.Errorf("a profile without a mapping:\n%s", text)
	}
}
