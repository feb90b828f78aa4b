package results

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// incidental are options that say where and when trials are made, and not which:
// two shards of a run may differ in them. What a folder of profiles holds is known
// by its content.
var incidental = []string{"observe", "output", "parallel", "pcap", "profiles", "resume", "shard", "topologies"}

// Identity names a run by all that decides what its trials are: version, options,
// seed, profiles, topologies, cells. The manifest must be that of the whole run.
func (m Manifest) Identity() string {
	text, err := json.Marshal(struct {
		Version              string
		Options              map[string]string
		Seed                 uint64
		Profiles, Topologies map[string]string
		Cells                []Cell
		Goal                 Goal
	}{m.Version, m.decisive(), m.Seed, m.Profiles, m.Topologies, m.Cells, m.Goal()})
	if err != nil {
		panic(fmt.Sprintf("a manifest is plain data: %v", err))
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))[:16]
}

// decisive are the options without the incidental ones.
func (m Manifest) decisive() map[string]string {
	options := maps.Clone(m.Options)
	for _, name := range incidental {
		delete(options, name)
	}
	return options
}

// Difference is what two manifests do not have in common.
type Difference struct {
	What string `json:"what"`
	Old  string `json:"old"` // empty where one does not have it
	New  string `json:"new"`
}

// String is for people.
func (d Difference) String() string {
	return fmt.Sprintf("%s: %s and %s", d.What, cmp.Or(d.Old, "none"), cmp.Or(d.New, "none"))
}

// Differences are what two runs do not have in common of all that [Manifest.Identity]
// is made of, in words. Cells are not compared: they follow from the others.
func (m Manifest) Differences(o Manifest) (all []Difference) {
	add := func(what, mine, theirs string) {
		if mine != theirs {
			all = append(all, Difference{what, mine, theirs})
		}
	}
	add("version", m.Version, o.Version)
	for _, part := range []struct {
		what     string
		old, new map[string]string
	}{
		{"--", m.decisive(), o.decisive()}, {"profile ", m.Profiles, o.Profiles}, {"topology ", m.Topologies, o.Topologies},
	} {
		names := maps.Clone(part.old)
		if names == nil {
			names = map[string]string{}
		}
		maps.Copy(names, part.new)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if part.what != "--" || name != "seed" {
				add(part.what+name, part.old[name], part.new[name])
			}
		}
	}
	add("seed", fmt.Sprint(m.Seed), fmt.Sprint(o.Seed))
	return all
}
