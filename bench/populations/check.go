package populations

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// checker applies the rules between fields. A rule is silent about values that
// could not be decoded.
type checker struct {
	doc   *strictyaml.Document
	names names

	alone  map[string]int // the entry that a profile has of its own
	groups map[string]int // the entry that a group is
}

// What may stand in fields that every entry has.
const (
	weightWords = "a percentage such as 12.5, or a count of a total such as 184/286"
	sourceWords = "where the weight is from: {ref: …, says: documented, measured or assumed}"
	refWords    = "a document with its address; or why it is assumed"
	saysWords   = "documented, measured or assumed"
)

func (c *checker) check(name string, s shape) {
	if err := catalogue.CheckName(name); err != nil {
		c.doc.At().Errorf("file name: %v", err)
	}
	c.doc.At("summary").Require("one line that says whose NATs these are")
	entries := c.doc.At("entries")
	entries.Require("a list of profiles with their weights and sources")
	if entries.IsEmpty() {
		entries.Errorf("entries: empty; want at least one, such as {profile: openwrt, weight: 100, source: {ref: …, says: measured}}")
	}
	c.alone, c.groups = map[string]int{}, map[string]int{}
	var weights []weight
	for i, e := range s.Entries {
		c.entry(i, e)
		weights = append(weights, e.Weight)
	}
	c.addUp(entries, weights, "the weights", "of the population")
}

// entry checks one: a profile, or a group.
func (c *checker) entry(i int, e entry) {
	at := func(path ...string) strictyaml.Place {
		return c.doc.At(append([]string{"entries", strconv.Itoa(i)}, path...)...)
	}
	if !at().IsMapping() {
		return // which has been told
	}
	at("weight").Require(weightWords)
	at("source").Require(sourceWords)
	c.source(at, "source")
	switch profile, group := at("profile").Given(), at("group").Given(); {
	case profile && group:
		at("group").Errorf("group: contradicts profile; an entry is one profile, or a group with a list of profiles")
	case group:
		c.group(at, i, e)
	case profile:
		c.profile(at("profile"), e.Profile, c.alone, i)
		for _, field := range []string{"split", "profiles"} {
			if at(field).Given() {
				at(field).Errorf("%s: only for a group; an entry of one profile has none", field)
			}
		}
	default:
		at("profile").Require("the name of a profile; or group, split and profiles for several of one source")
	}
}

// group checks an entry of several profiles.
func (c *checker) group(at func(path ...string) strictyaml.Place, i int, e entry) {
	if place := at("group"); place.Sound() {
		if err := catalogue.CheckName(e.Group); err != nil {
			place.Errorf("group: %v", err)
		} else if first, again := c.groups[e.Group]; again {
			place.Errorf("group: %s is given twice, first in entry %d", e.Group, first+1)
		} else {
			c.groups[e.Group] = i
		}
	}
	at("split").Require("where the weights within the group are from: {ref: …, says: " + saysWords + "}")
	c.source(at, "split")
	list := at("profiles")
	list.Require("a list of at least two, such as {profile: openwrt, weight: 50}")
	if list.IsList() && len(e.Profiles) < 2 {
		list.Errorf("profiles: want at least two; an entry of one profile is {profile: …, weight: …, source: …} without a group")
	}
	within := map[string]int{}
	var weights []weight
	for n, m := range e.Profiles {
		member := func(field string) strictyaml.Place { return at("profiles", strconv.Itoa(n), field) }
		member("profile").Require("the name of a profile")
		member("weight").Require("its part of the group: " + weightWords)
		c.profile(member("profile"), m.Profile, within, n)
		weights = append(weights, m.Weight)
	}
	c.addUp(list, weights, "the weights of group "+e.Group, "of the group")
}

// profile checks that a profile is one, and the first of its name among those
// that were seen.
func (c *checker) profile(place strictyaml.Place, word string, seen map[string]int, i int) {
	if !place.Given() || !place.Sound() {
		return
	}
	name, known := c.names.canonical[word]
	switch {
	case known:
	case slices.Contains(c.names.sets, word):
		place.Errorf("profile: %s is a set of profiles; a weight is that of one", word)
		return
	case strings.ContainsAny(word, `/\.`):
		place.Errorf("profile: %s is no name; files are not named here, --profiles adds a folder of yours", strictyaml.Quote(word))
		return
	default:
		place.Errorf("profile: %s is not the name of a profile%s (punchlab nat list lists them)",
			strictyaml.Quote(word), strictyaml.DidYouMean(word, c.names.known))
		return
	}
	if first, again := seen[name]; again {
		place.Errorf("profile: %s has a weight already, as number %d of this list; add them up", alias(word, name), first+1)
		return
	}
	seen[name] = i
}

// alias tells a word and what it means.
func alias(word, name string) string {
	if word == name {
		return name
	}
	return fmt.Sprintf("%s, which is %s,", word, name)
}

// source checks what says where a weight is from.
func (c *checker) source(at func(path ...string) strictyaml.Place, field string) {
	if at(field).IsMapping() {
		at(field, "ref").Require(refWords)
		at(field, "says").Require(saysWords)
	}
}

// addUp checks that weights are all of what they are parts of. It is silent
// where one of them has a problem of its own.
func (c *checker) addUp(list strictyaml.Place, weights []weight, what, of string) {
	total := sum(weights)
	if len(weights) == 0 || total == nil || total.Cmp(whole) == 0 {
		return
	}
	lacking, word := new(big.Rat).Sub(whole, total), "missing"
	if lacking.Sign() < 0 {
		lacking.Neg(lacking)
		word = "too much"
	}
	list.Errorf("%s add up to %s %s and must add up to 100 %%: %s %s", what, percent(total), of, percent(lacking), word)
}
