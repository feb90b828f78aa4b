package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/internal/strictyaml"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

// everything stands for all names in a list of strategies.
const everything = "all"

// choice finds what a command line names, and notes what it cannot find.
type choice struct {
	problems
	catalogue natprofiles.Catalogue
	chosen    map[string]natprofiles.Profile // by name
}

// profile finds one profile for a flag.
func (c *choice) profile(flag, name string) natprofiles.Profile {
	p, err := c.catalogue.Get(name)
	if err != nil {
		c.add(flag, err)
		return p
	}
	c.keep(flag, name, p)
	return p
}

// keep notes that the profile is part of the run. Two that differ may not have
// one name: results could not tell them apart.
func (c *choice) keep(flag, word string, p natprofiles.Profile) {
	if other, taken := c.chosen[p.Name]; taken && !reflect.DeepEqual(p, other) {
		c.addf(flag, "%s: this profile and another of this run are both called %s; rename the file", word, p.Name)
	}
	if c.chosen == nil {
		c.chosen = map[string]natprofiles.Profile{}
	}
	c.chosen[p.Name] = p
}

// profiles finds a list of profiles, each once: words may be names, paths of
// files, and names of sets.
func (c *choice) profiles(flag string, words []string) []natprofiles.Profile {
	var list []natprofiles.Profile
	if len(words) == 0 {
		c.addf(flag, "names no profile (punchlab nat list lists them)")
	}
	for _, word := range words {
		found, err := c.catalogue.Find(word)
		c.add(flag, err)
		for _, p := range found {
			c.keep(flag, word, p)
			if !slices.ContainsFunc(list, func(q natprofiles.Profile) bool { return q.Name == p.Name }) {
				list = append(list, p)
			}
		}
	}
	return list
}

// varied finds the profiles for slot a or b of a topology: some if it has the
// slot, and none otherwise.
func (c *choice) varied(t topologies.Topology, slot string, names []string) []natprofiles.Profile {
	flag := "--nat-" + slot
	switch has := slices.Contains(slotNames(t), slot); {
	case has && len(names) == 0:
		c.addf(flag, "missing: topology %s has a slot %s that needs a profile (punchlab nat list lists them)", t.Name, slot)
		return nil
	case !has && len(names) > 0:
		c.addf(flag, "topology %s has no slot %s (%s)", t.Name, slot, offer("its slots", slotNames(t)))
		return nil
	case !has:
		return nil
	}
	return c.profiles(flag, names)
}

// further fills the slots beyond a and b: by the user's slot=profile pairs, or
// by the topology's defaults.
func (c *choice) further(t topologies.Topology, pairs []string) harness.NATs {
	filled := harness.NATs{}
	defaults := map[string]string{}
	var open []string
	for _, s := range t.Slots() {
		if s.Default != "" {
			defaults[s.Name] = s.Default
			open = append(open, s.Name)
		}
	}
	for _, pair := range pairs {
		slot, name, ok := strings.Cut(pair, "=")
		_, known := defaults[slot]
		_, twice := filled[slot]
		switch {
		case !ok || slot == "" || name == "":
			c.addf("--slot", "%s is not of the form SLOT=PROFILE", strictyaml.Quote(pair))
		case slot == "a" || slot == "b":
			c.addf("--slot", "slot %s is filled by --nat-%s", slot, slot)
		case !known:
			c.addf("--slot", "topology %s has no slot %s%s (%s)", t.Name, strictyaml.Quote(slot),
				strictyaml.DidYouMean(slot, open), offer("--slot fills", open))
		case twice:
			c.addf("--slot", "slot %s is filled twice", slot)
		default:
			filled[slot] = c.profile("--slot", name)
		}
	}
	for _, slot := range open {
		if _, ok := filled[slot]; !ok {
			filled[slot] = c.profile(fmt.Sprintf("topology %s: default of slot %s", t.Name, slot), defaults[slot])
		}
	}
	return filled
}

// strategies finds a list of strategies, each once.
func (c *choice) strategies(names []string) []punch.Strategy {
	var list []punch.Strategy
	add := func(s punch.Strategy) {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	if len(names) == 0 {
		c.addf("--strategy", "names no strategy; want one of %s", strings.Join(strategyNames(), ", "))
	}
	for _, name := range names {
		if name == everything {
			for _, s := range punch.Strategies() {
				add(s)
			}
			continue
		}
		s, err := punch.StrategyNamed(name)
		if err != nil {
			c.add("--strategy", suggest(err, name, strategyNames()))
			continue
		}
		add(s)
	}
	return list
}

func strategyNames() []string {
	var names []string
	for _, s := range punch.Strategies() {
		names = append(names, s.Name())
	}
	return names
}

// offer tells what there is to choose from.
func offer(what string, names []string) string {
	if len(names) == 0 {
		return what + ": nothing" // none is the name of a profile
	}
	return what + ": " + strings.Join(names, ", ")
}

// suggest adds the nearest word to an error that does not have one yet.
func suggest(err error, word string, known []string) error {
	if strings.Contains(err.Error(), "did you mean") {
		return err
	}
	return errors.New(err.Error() + strictyaml.DidYouMean(word, known))
}
