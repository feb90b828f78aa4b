package populations

import (
	"cmp"
	"math"
	"reflect"
	"slices"
)

// Sensitivity is how an expected rate hangs on weights that are assumed.
type Sensitivity struct {
	// Low and High are the least and the greatest rate that halving or doubling
	// one assumed weight comes to; the rate itself where none moves it.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Influences are those of single weights, the greatest first.
	Influences []Influence `json:"influences"`
}

// Influence is what one assumed weight does to an expectation. The weight is
// halved and doubled, and the other assumed weights beside it, of groups or
// within its group, make up for it in proportion: what somebody has counted
// stays what it is. So a single assumed weight beside counted ones has no
// influence; it is what they leave.
type Influence struct {
	// Population is whose weight it is. Where both sides are of one population,
	// both have the changed one.
	Population string `json:"population"`
	Group      string `json:"group"`
	// Profile is empty for the weight of a group as a whole.
	Profile string `json:"profile,omitempty"`
	// Weight is what the file says: a share of the population, or with a profile
	// a share of the group.
	Weight float64 `json:"weight"`
	// Halved and Doubled are the rate of success then.
	Halved  float64 `json:"halved"`
	Doubled float64 `json:"doubled"`
}

// String names the weight: "mobile", or "openwrt in home".
func (i Influence) String() string {
	if i.Profile == "" {
		return i.Group
	}
	return i.Profile + " in " + i.Group
}

func (t *table) sensitivity(a, b Population, rate float64) *Sensitivity {
	s := &Sensitivity{Low: rate, High: rate, Influences: t.influences(a, b, rate)}
	for _, i := range s.Influences {
		s.Low, s.High = min(s.Low, i.Halved, i.Doubled), max(s.High, i.Halved, i.Doubled)
	}
	return s
}

// influences tells what each assumed weight does to a rate, the greatest first.
// Weights that do nothing are left out.
func (t *table) influences(a, b Population, rate float64) []Influence {
	all := []Influence{}
	same := reflect.DeepEqual(a, b)
	for _, k := range a.knobs() {
		all = append(all, k.turn(func(changed Population) float64 {
			if same {
				return mean(t.weigh(changed, changed).parts)
			}
			return mean(t.weigh(changed, b).parts)
		}))
	}
	if t.pairs && !same {
		for _, k := range b.knobs() {
			all = append(all, k.turn(func(changed Population) float64 { return mean(t.weigh(a, changed).parts) }))
		}
	}
	const rounding = 1e-12
	effect := func(i Influence) float64 { return max(math.Abs(i.Halved-rate), math.Abs(i.Doubled-rate)) }
	all = slices.DeleteFunc(all, func(i Influence) bool { return effect(i) < rounding })
	slices.SortStableFunc(all, func(x, y Influence) int { return cmp.Compare(effect(y), effect(x)) })
	return all
}

// knob is an assumed weight of a population that can be moved.
type knob struct {
	of            Population
	group, member int // member is -1 for the weight of the group
}

// knobs gives the assumed weights that others can make up for.
func (p Population) knobs() []knob {
	var knobs []knob
	if free := p.assumedGroups(); len(free) > 1 {
		for _, g := range free {
			knobs = append(knobs, knob{p, g, -1})
		}
	}
	for g, group := range p.Groups {
		if group.Split != nil && group.Split.assumed() {
			for m := range group.Members {
				knobs = append(knobs, knob{p, g, m})
			}
		}
	}
	return knobs
}

// assumedGroups are the groups whose weight is assumed.
func (p Population) assumedGroups() []int {
	var free []int
	for i, g := range p.Groups {
		if g.Source.assumed() {
			free = append(free, i)
		}
	}
	return free
}

// turn halves and doubles the weight and measures each.
func (k knob) turn(measure func(Population) float64) Influence {
	g := k.of.Groups[k.group]
	i := Influence{Population: k.of.Name, Group: g.Name, Weight: g.Weight}
	if k.member >= 0 {
		i.Profile, i.Weight = g.Members[k.member].Profile, g.Members[k.member].Weight
	}
	// No weight becomes nothing, so what has a rate keeps one.
	i.Halved, i.Doubled = measure(k.moved(0.5)), measure(k.moved(2))
	return i
}

// moved is the population with the weight times a factor.
func (k knob) moved(factor float64) Population {
	p := k.of.clone()
	if k.member >= 0 {
		members := p.Groups[k.group].Members
		var weights []float64
		for _, m := range members {
			weights = append(weights, m.Weight)
		}
		for i, w := range rescaled(weights, k.member, factor) {
			members[i].Weight = w
		}
		return p
	}
	free := p.assumedGroups()
	var weights []float64
	for _, g := range free {
		weights = append(weights, p.Groups[g].Weight)
	}
	for i, w := range rescaled(weights, slices.Index(free, k.group), factor) {
		p.Groups[free[i]].Weight = w
	}
	return p
}

// rescaled multiplies one weight and brings all of them back to their sum.
func rescaled(weights []float64, i int, factor float64) []float64 {
	before, after := 0.0, 0.0
	for j, w := range weights {
		before += w
		if j == i {
			weights[j] *= factor
		}
		after += weights[j]
	}
	for j := range weights {
		weights[j] *= before / after
	}
	return weights
}
