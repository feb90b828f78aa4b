package populations

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/natprofiles"
)

const rounding = 1e-9

// drawn makes a population of up to five groups over eight profiles.
func drawn(r *rand.Rand, name string) Population {
	claims := []natprofiles.Claim{natprofiles.Assumed, natprofiles.Measured, natprofiles.Documented}
	source := func() Source { return Source{Says: claims[r.IntN(len(claims))]} }
	p := Population{Name: name}
	for _, weight := range shares(r, 1+r.IntN(5)) {
		g := Group{Name: fmt.Sprint(len(p.Groups)), Weight: weight, Source: source(), Split: new(source())}
		for _, part := range shares(r, 1+r.IntN(4)) {
			g.Members = append(g.Members, Member{Profile: fmt.Sprint("nat-", r.IntN(8)), Weight: part})
		}
		p.Groups = append(p.Groups, g)
	}
	return p
}

// shares draws n weights that add up to 1.
func shares(r *rand.Rand, n int) []float64 {
	weights := make([]float64, n)
	total := 0.0
	for i := range weights {
		weights[i] = 0.01 + r.Float64()
		total += weights[i]
	}
	for i := range weights {
		weights[i] /= total
	}
	return weights
}

// matrix draws the cells of all pairs of the eight profiles, a few of which were
// not measured.
func matrix(r *rand.Rand) []results.Summary {
	var cells []results.Summary
	for a := range 8 {
		for b := range 8 {
			s := results.Summary{Cell: results.Cell{
				Topology: "two-nats", NATA: results.Name(fmt.Sprint("nat-", a)), NATB: results.Name(fmt.Sprint("nat-", b)), Strategy: "auto",
			}}
			if r.IntN(5) > 0 {
				s.Trials = 1 + r.IntN(20)
				s.Successes = r.IntN(s.Trials + 1)
			}
			cells = append(cells, s)
		}
	}
	return cells
}

func total(p Population) float64 {
	sum := 0.0
	for _, s := range p.Shares() {
		sum += s.Weight
	}
	return sum
}

func TestMovedWeightsStillAddUp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		p := drawn(r, "p")
		for _, k := range p.knobs() {
			for _, factor := range []float64{0.5, 2} {
				if sum := total(k.moved(factor)); math.Abs(sum-1) > rounding {
					t.Fatalf("%+v: %+v times %v: the weights add up to %v", p, k, factor, sum)
				}
			}
		}
	}
}

// What is counted keeps its weight whatever is assumed about the rest.
func TestMovedWeightsLeaveCountedOnesAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		p := drawn(r, "p")
		for _, k := range p.knobs() {
			for i, g := range k.moved(2).Groups {
				if was := p.Groups[i]; !was.Source.assumed() && g.Weight != was.Weight {
					t.Fatalf("%+v: counted group %s went from %v to %v", k, g.Name, was.Weight, g.Weight)
				}
			}
		}
	}
}

// A population of one profile is a cell: its rate, and its interval.
func TestOneProfileGivesItsCell(t *testing.T) {
	for trials := 1; trials <= 30; trials++ {
		for successes := range trials + 1 {
			one := Population{Name: "one", Groups: []Group{{Name: "nat", Weight: 1, Members: []Member{{Profile: "nat", Weight: 1}}}}}
			cell := results.Summary{
				Cell:      results.Cell{Topology: "two-nats", NATA: "nat", NATB: "nat", Strategy: "auto"},
				Successes: successes, Trials: trials,
			}
			got, want := *Expect([]results.Summary{cell}, one, one, func(string) bool { return true })[0].Success, wilson(successes, trials)
			for _, ends := range [][2]float64{{got.Rate, want.Rate}, {got.Low, want.Low}, {got.High, want.High}} {
				if math.Abs(ends[0]-ends[1]) > rounding {
					t.Errorf("%d/%d: %+v; want %+v", successes, trials, got, want)
				}
			}
		}
	}
}

// A mean lies within its interval and between the rates of its cells; what was
// not measured has room for either outcome.
func TestExpectationsAreInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		a, b := drawn(r, "a"), drawn(r, "b")
		for _, e := range Expect(matrix(r), a, b, func(string) bool { return r.IntN(2) == 0 }) {
			missing := 0.0
			for _, pair := range e.Missing {
				missing += pair.Weight
			}
			if math.Abs(e.Coverage+missing-1) > rounding {
				t.Fatalf("covered %v and missing %v", e.Coverage, missing)
			}
			if e.Success == nil {
				continue
			}
			s := *e.Success
			ordered := []float64{0, e.Least, e.Coverage * s.Rate, e.Most, 1}
			ends := []float64{0, s.Low, s.Rate, s.High, 1}
			moved := []float64{0, e.Sensitivity.Low, s.Rate, e.Sensitivity.High, 1}
			for _, list := range [][]float64{ordered, ends, moved} {
				for i := range list[1:] {
					if list[i] > list[i+1]+rounding {
						t.Fatalf("%v is not in order, of %+v %+v", list, e, s)
					}
				}
			}
		}
	}
}

// In a symmetric topology it does not matter which side is which.
func TestASymmetricTopologyHasNoSides(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	yes := func(string) bool { return true }
	for range 200 {
		a, b, cells := drawn(r, "a"), drawn(r, "b"), matrix(r)
		turned := make([]results.Summary, len(cells))
		for i, s := range cells {
			s.NATA, s.NATB = s.NATB, s.NATA
			turned[i] = s
		}
		one, other := Expect(cells, a, b, yes)[0], Expect(turned, b, a, yes)[0]
		if math.Abs(one.Coverage-other.Coverage) > rounding || (one.Success == nil) != (other.Success == nil) ||
			one.Success != nil && math.Abs(one.Success.Rate-other.Success.Rate) > rounding {
			t.Fatalf("%+v and, turned, %+v", one, other)
		}
	}
}

// Counted weights alone leave nothing to be moved.
func TestACountedPopulationIsNotSensitive(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 200 {
		p := drawn(r, "p")
		for i := range p.Groups {
			p.Groups[i].Source.Says, p.Groups[i].Split.Says = natprofiles.Documented, natprofiles.Measured
		}
		for _, e := range Expect(matrix(r), p, p, func(string) bool { return true }) {
			if s := e.Sensitivity; s != nil && (len(s.Influences) > 0 || s.Low != e.Success.Rate || s.High != e.Success.Rate) {
				t.Fatalf("%+v", s)
			}
		}
	}
}
