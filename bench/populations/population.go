// Package populations says how common NATs are, as data: weights over profiles,
// each with its source, one YAML file per population. It weighs with them what a
// run of the bench has measured of pairs of profiles, and so answers how likely
// two random members of a population connect, how sure that is, how much of it
// was measured, and how it hangs on weights that nobody has counted.
//
// It knows nothing of labs: it builds on every system.
package populations

import (
	"slices"

	"github.com/punchlab/punchlab/natprofiles"
)

// Population is how common NATs are among some set of peers.
type Population struct {
	// Name is the name of the file without .yaml.
	Name string `json:"name"`
	// Summary is one line for lists.
	Summary string `json:"summary"`
	// Groups are its parts, in the order of the file. Their weights add up to 1.
	Groups []Group `json:"groups"`
}

// Group is a part of a population whose weight one source gives: a single
// profile, or several that the source does not tell apart.
type Group struct {
	// Name is what the file calls a group; that of its profile if it has one.
	Name string `json:"name"`
	// Weight is its share of the population, above 0 and at most 1.
	Weight float64 `json:"weight"`
	// Source is where the weight is from.
	Source Source `json:"source"`
	// Split is where the weights within the group are from; nil if it has one
	// profile.
	Split *Source `json:"split,omitempty"`
	// Members are its profiles. Their weights are shares of the group and add up
	// to 1.
	Members []Member `json:"members"`
}

// Member is a profile of a group.
type Member struct {
	Profile string  `json:"profile"` // its name, never an alias
	Weight  float64 `json:"weight"`  // its share of the group
}

// Source is where a weight is from.
type Source struct {
	// Ref is a document with its address; for what is assumed, the reason.
	Ref string `json:"ref"`
	// Says is how far the source goes. Only what somebody has counted is
	// measured; documented is what a maker or an operator says of itself.
	Says natprofiles.Claim `json:"says"`
}

// assumed reports whether nobody has counted what the source says.
func (s Source) assumed() bool { return s.Says == natprofiles.Assumed }

// Share is a profile and its share of the whole population.
type Share struct {
	Profile string  `json:"profile"`
	Weight  float64 `json:"weight"`
}

// Shares gives each profile of the population once with its weight over all
// groups, in the order of the file. The weights add up to 1.
func (p Population) Shares() []Share {
	var shares []Share
	for _, g := range p.Groups {
		for _, m := range g.Members {
			i := slices.IndexFunc(shares, func(s Share) bool { return s.Profile == m.Profile })
			if i < 0 {
				i = len(shares)
				shares = append(shares, Share{Profile: m.Profile})
			}
			shares[i].Weight += g.Weight * m.Weight
		}
	}
	return shares
}

// Counted gives the shares of the population whose weight somebody has counted,
// and not assumed: as that of a group, and as that of a profile.
func (p Population) Counted() (groups, profiles float64) {
	for _, g := range p.Groups {
		if g.Source.assumed() {
			continue
		}
		groups += g.Weight
		if g.Split == nil || !g.Split.assumed() {
			profiles += g.Weight
		}
	}
	return groups, profiles
}

// clone copies the population with all that it points to.
func (p Population) clone() Population {
	p.Groups = slices.Clone(p.Groups)
	for i, g := range p.Groups {
		p.Groups[i].Members = slices.Clone(g.Members)
		if g.Split != nil {
			p.Groups[i].Split = new(*g.Split)
		}
	}
	return p
}
