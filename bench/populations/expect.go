package populations

import (
	"cmp"
	"slices"

	"github.com/punchlab/punchlab/bench/results"
)

// Expectation is what a strategy is worth to two random members of populations,
// drawn independently of each other, in one topology.
type Expectation struct {
	Topology string        `json:"topology"`
	Slots    results.Slots `json:"slots"`
	Strategy string        `json:"strategy"`
	Point    results.Point `json:"point,omitzero"` // of a sweep, each of which is weighed by itself

	// A and B are the names of the populations of both sides. B is empty where
	// the topology has no slot b: the expectation is then one of single NATs.
	A string `json:"population_a"`
	B string `json:"population_b,omitempty"`

	// Success is the expected share of pairs that connect, of those whose cell
	// was measured; nil if none was. Its interval is that of the trials: weights
	// are taken as given, and Sensitivity tells what they do.
	Success *Estimate `json:"success"`

	// Coverage is the share of all pairs, by weight, whose cell was measured.
	// Least and Most are the success of all pairs if none of the others
	// connected, and if all did.
	Coverage float64 `json:"coverage"`
	Least    float64 `json:"least"`
	Most     float64 `json:"most"`

	// Mirrored is the share of all pairs for which the cell with both profiles
	// changed over stands: only in topologies in which that is the same.
	Mirrored float64 `json:"mirrored"`

	// Cells is how many measured cells had a weight, and Trials how many trials
	// they had together.
	Cells  int `json:"cells"`
	Trials int `json:"trials"`

	// Missing are the pairs whose cell was not measured, the heaviest first. In
	// a symmetric topology both ways round are one.
	Missing []Pair `json:"missing,omitempty"`

	// Sensitivity is how the rate of Success hangs on weights that are assumed;
	// nil where there is no rate.
	Sensitivity *Sensitivity `json:"sensitivity"`
}

// Pair is two profiles and how much of all pairs they are.
type Pair struct {
	A      string  `json:"a"`
	B      string  `json:"b,omitempty"`
	Weight float64 `json:"weight"`
}

// String is for people: "openwrt x pfsense".
func (p Pair) String() string {
	if p.B == "" {
		return p.A
	}
	return p.A + " x " + p.B
}

// Expect weighs the cells of a run by how common their pairs are: one
// expectation for each strategy in each topology that has a slot, in the order
// of the cells. Side a is drawn from one population and side b from another, or
// from the same. Symmetric says of a topology, by its name, whether a x b is the
// same experiment as b x a; a cell that was measured one way round stands for
// the other there.
func Expect(cells []results.Summary, a, b Population, symmetric func(topology string) bool) []Expectation {
	var expectations []Expectation
	for _, t := range tables(cells) {
		t.symmetric = t.pairs && symmetric(t.of.Topology)
		expectations = append(expectations, t.expect(a, b))
	}
	return expectations
}

// table is what was measured by one strategy in one topology.
type table struct {
	of        results.Cell // without profiles
	pairs     bool         // the topology has a slot b
	symmetric bool
	measured  map[Pair]results.Summary // by pairs without weight
}

// tables sorts cells by topology, slots and strategy. Topologies without a slot
// have nothing that could be weighed.
func tables(cells []results.Summary) []*table {
	var all []*table
	for _, s := range cells {
		if s.NATA == "" {
			continue
		}
		of := results.Cell{Topology: s.Topology, Slots: s.Slots, Strategy: s.Strategy, Point: s.Point}
		i := slices.IndexFunc(all, func(t *table) bool { return t.of == of })
		if i < 0 {
			i = len(all)
			all = append(all, &table{of: of, measured: map[Pair]results.Summary{}})
		}
		all[i].pairs = all[i].pairs || s.NATB != ""
		if s.Trials > 0 { // a cell whose trials were all spoilt was not measured
			all[i].measured[Pair{A: string(s.NATA), B: string(s.NATB)}] = s
		}
	}
	return all
}

func (t *table) expect(a, b Population) Expectation {
	e := Expectation{Topology: t.of.Topology, Slots: t.of.Slots, Strategy: t.of.Strategy, Point: t.of.Point, A: a.Name}
	if t.pairs {
		e.B = b.Name
	}
	w := t.weigh(a, b)
	e.Success, e.Coverage, e.Mirrored, e.Missing = estimate(w.parts), w.covered, w.mirrored, w.missing
	e.Cells, e.Trials = len(w.parts), w.trials
	e.Most = 1 - e.Coverage
	if e.Success == nil {
		return e
	}
	e.Least = e.Coverage * e.Success.Rate
	e.Most += e.Least
	e.Sensitivity = t.sensitivity(a, b, e.Success.Rate)
	return e
}

// weighed is what the pairs of two populations come to in a table.
type weighed struct {
	parts             []part // one for each measured cell, since a cell that stands for two pairs errs for both
	covered, mirrored float64
	trials            int
	missing           []Pair
}

// weigh finds for each pair the cell that speaks of it.
func (t *table) weigh(a, b Population) weighed {
	var w weighed
	index := map[Pair]int{}
	lacking := map[Pair]float64{}
	for _, pair := range t.allPairs(a, b) {
		key, turned := Pair{A: pair.A, B: pair.B}, Pair{A: pair.B, B: pair.A}
		if _, found := t.measured[key]; !found && t.symmetric {
			if _, found := t.measured[turned]; found {
				key = turned
				w.mirrored += pair.Weight
			} else if turned.A < key.A {
				key = turned // so that both ways round are told as one
			}
		}
		s, found := t.measured[key]
		if !found {
			lacking[key] += pair.Weight
			continue
		}
		i, known := index[key]
		if !known {
			i = len(w.parts)
			index[key] = i
			w.parts = append(w.parts, part{successes: s.Successes, trials: s.Trials})
			w.trials += s.Trials
		}
		w.parts[i].weight += pair.Weight
	}
	for _, p := range w.parts {
		w.covered += p.weight
	}
	w.covered = tidy(w.covered)
	w.missing = heaviestFirst(lacking)
	return w
}

// allPairs gives every pair with its weight; single profiles where the topology
// has no slot b.
func (t *table) allPairs(a, b Population) []Pair {
	var pairs []Pair
	for _, x := range a.Shares() {
		if !t.pairs {
			pairs = append(pairs, Pair{A: x.Profile, Weight: x.Weight})
			continue
		}
		for _, y := range b.Shares() {
			pairs = append(pairs, Pair{A: x.Profile, B: y.Profile, Weight: x.Weight * y.Weight})
		}
	}
	return pairs
}

func heaviestFirst(weights map[Pair]float64) []Pair {
	var pairs []Pair
	for pair, weight := range weights {
		pair.Weight = weight
		pairs = append(pairs, pair)
	}
	slices.SortFunc(pairs, func(x, y Pair) int {
		return cmp.Or(cmp.Compare(y.Weight, x.Weight), cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B))
	})
	return pairs
}

// tidy gives 1 for what is all but the rounding of a sum: full coverage must be
// told from nearly full.
func tidy(share float64) float64 {
	const rounding = 1e-9
	if share > 1-rounding {
		return 1
	}
	return share
}
