package natprofiles_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/natprofiles"
)

// stated gives the behaviour fields that a profile says something about.
func stated(p natprofiles.Profile) []string {
	if !p.Translate {
		return []string{"translate", "filtering"}
	}
	fields := []string{"mapping", "filtering", "ports.allocation", "unsolicited", "input", "invalid"}
	if p.Ports.OnConflict != "" {
		fields = append(fields, "ports.on-conflict")
	}
	return fields
}

func TestEveryFieldOfAShippedProfileHasASource(t *testing.T) {
	for _, p := range natprofiles.All() {
		for _, field := range stated(p) {
			sourced := slices.ContainsFunc(p.Sources, func(s natprofiles.Source) bool { return slices.Contains(s.Fields, field) })
			if !sourced {
				t.Errorf("%s: no source for %s", p.Name, field)
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

// Behaviour leaves out what no peer can see, and nothing else.
func TestBehaviourDiffersExactlyWhereAPeerSeesIt(t *testing.T) {
	base := natprofiles.Profile{
		Name: "x", Translate: true,
		Mapping: natprofiles.EndpointIndependent, Filtering: natprofiles.AddressAndPortDependent,
		Ports:       natprofiles.Ports{Allocation: natprofiles.Preserve, OnConflict: natprofiles.Random},
		Unsolicited: natprofiles.Reset, Input: natprofiles.InputFiltered, Invalid: natprofiles.InvalidForward,
	}
	for _, c := range []struct {
		field  string
		change func(*natprofiles.Profile)
		seen   bool
	}{
		{"name", func(p *natprofiles.Profile) { p.Name = "y" }, false},
		{"input", func(p *natprofiles.Profile) { p.Input = natprofiles.InputOpen }, false},
		{"invalid", func(p *natprofiles.Profile) { p.Invalid = natprofiles.InvalidDrop }, false},
		{"translate", func(p *natprofiles.Profile) { p.Translate = false }, true},
		{"mapping", func(p *natprofiles.Profile) { p.Mapping = natprofiles.AddressAndPortDependent }, true},
		{"filtering", func(p *natprofiles.Profile) { p.Filtering = natprofiles.EndpointIndependent }, true},
		{"ports", func(p *natprofiles.Profile) { p.Ports.Allocation = natprofiles.Random }, true},
		{"unsolicited", func(p *natprofiles.Profile) { p.Unsolicited = natprofiles.Drop }, true},
	} {
		changed := base
		c.change(&changed)
		if seen := changed.Behaviour() != base.Behaviour(); seen != c.seen {
			t.Errorf("%s: %s, was %s", c.field, changed.Behaviour(), base.Behaviour())
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
