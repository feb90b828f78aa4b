package natprofiles_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/natprofiles"
)

// Every field of behaviour that a file states has a source; defaults, which it
// leaves out, need none.
func TestEveryFieldOfAShippedProfileHasASource(t *testing.T) {
	for _, p := range natprofiles.All() {
		for _, field := range p.Stated {
			if !slices.ContainsFunc(p.Sources, func(s natprofiles.Source) bool { return s.Covers(field) }) {
				t.Errorf("%s: no source for %s", p.Name, field)
			}
		}
	}
}

// A source is one of something that the file says.
func TestEverySourceOfAShippedProfileIsOneOfAField(t *testing.T) {
	for _, p := range natprofiles.All() {
		for _, s := range p.Sources {
			for _, field := range s.Fields {
				one := natprofiles.Source{Fields: []string{field}}
				if !slices.ContainsFunc(p.Stated, one.Covers) {
					t.Errorf("%s: %s is a source of %s, which the file does not state", p.Name, s.Ref, field)
				}
			}
		}
	}
}

func TestShippedNamesAndAliasesAreUnique(t *testing.T) {
	owner := make(map[string]string)
	for _, p := range natprofiles.All() {
		for _, name := range append(p.Aliases, p.Name) {
			if other, taken := owner[name]; taken {
				t.Errorf("%s is a name of both %s and %s", name, other, p.Name)
			}
			owner[name] = p.Name
		}
	}
}

// The behaviours are written out here so that a change of a field shows.
func TestShippedBehaviours(t *testing.T) {
	want := map[string]string{
		"none":             "none",
		"linux-masquerade": "EIM/preserve/APDF/drop",
		"linux-open-input": "EIM/preserve/APDF/reset",
		"openwrt":          "EIM/preserve/APDF/reset",
		"linux-random":     "APDM/random/APDF/drop",
	}
	for name, behaviour := range want {
		p, err := natprofiles.Get(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := p.Behaviour(); got != behaviour {
			t.Errorf("%s: behaviour %s, want %s", name, got, behaviour)
		}
	}
}

func TestProfilesAreTheCallersToChange(t *testing.T) {
	p, err := natprofiles.Get("openwrt")
	if err != nil {
		t.Fatal(err)
	}
	p.Tags[0], p.SeenOn[0], p.Sources[0].Ref, p.Sources[0].Fields[0] = "changed", "changed", "changed", "changed"
	again, err := natprofiles.Get("openwrt")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprint(again), "changed") {
		t.Errorf("a change of a copy came back: %+v", again)
	}
}
