package populations_test

import (
	"math"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/bench/populations"
	"github.com/punchlab/punchlab/natprofiles"
)

// catalogue opens the shipped populations over the shipped profiles.
func catalogue(t *testing.T) populations.Catalogue {
	t.Helper()
	profiles, err := natprofiles.Open("")
	if err != nil {
		t.Fatal(err)
	}
	all, err := populations.Open(profiles)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestShippedPopulations(t *testing.T) {
	var names []string
	for _, p := range catalogue(t).All() {
		names = append(names, p.Name)
		total := 0.0
		for _, share := range p.Shares() {
			total += share.Weight
			if found, err := natprofiles.Get(share.Profile); err != nil || found.Name != share.Profile {
				t.Errorf("%s: %s is not the name of a profile: %v", p.Name, share.Profile, err)
			}
		}
		if math.Abs(total-1) > 1e-12 {
			t.Errorf("%s: the weights add up to %v", p.Name, total)
		}
	}
	if got := strings.Join(names, " "); got != "cloud home-2005 home-today mixed mobile" {
		t.Errorf("shipped: %s", got)
	}
}

// What is assumed says so and why; what is counted says where to read it.
func TestShippedSourcesCanBeChecked(t *testing.T) {
	for _, p := range catalogue(t).All() {
		for _, g := range p.Groups {
			sources := []populations.Source{g.Source}
			if g.Split != nil {
				sources = append(sources, *g.Split)
			}
			for _, s := range sources {
				assumed := s.Says == natprofiles.Assumed
				if strings.HasPrefix(s.Ref, "assumed: ") != assumed {
					t.Errorf("%s, %s: %s says %q", p.Name, g.Name, s.Says, s.Ref)
				}
				if !assumed && !strings.Contains(s.Ref, "https://") {
					t.Errorf("%s, %s: %s gives no address", p.Name, g.Name, s.Ref)
				}
			}
		}
	}
}

// The counts of a source are kept as it gives them.
func TestACountIsNotRounded(t *testing.T) {
	p, err := catalogue(t).Get("home-2005")
	if err != nil {
		t.Fatal(err)
	}
	if g := p.Groups[0]; g.Name != "punchable" || g.Weight != 184.0/286 || g.Source.Says != natprofiles.Measured {
		t.Errorf("%+v", g)
	}
	if groups, profiles := p.Counted(); groups != 1 || profiles != 0 {
		t.Errorf("counted: %v of the groups and %v of the profiles; the splits alone are assumed", groups, profiles)
	}
}
