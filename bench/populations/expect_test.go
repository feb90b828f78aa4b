package populations_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/punchlab/punchlab/bench/populations"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/natprofiles"
)

// near forgives what the order of additions does.
var near = cmpopts.EquateApprox(0, 1e-6)

// entry is a profile with a weight of its own.
func entry(profile string, weight float64, says natprofiles.Claim) populations.Group {
	return populations.Group{
		Name: profile, Weight: weight, Source: populations.Source{Ref: "a test", Says: says},
		Members: []populations.Member{{Profile: profile, Weight: 1}},
	}
}

// twoKinds is the population of the oracle: three quarters x, the others y.
func twoKinds(ofX, ofY natprofiles.Claim) populations.Population {
	return populations.Population{Name: "test", Groups: []populations.Group{entry("x", 0.75, ofX), entry("y", 0.25, ofY)}}
}

// cell is what was measured of a pair of profiles.
func cell(a, b results.Name, successes, trials int) results.Summary {
	return results.Summary{
		Cell:      results.Cell{Topology: "two-nats", NATA: a, NATB: b, Strategy: "auto"},
		Successes: successes, Trials: trials,
	}
}

// measured is the oracle's run. y x x was not measured.
var measured = []results.Summary{cell("x", "x", 4, 4), cell("x", "y", 1, 2), cell("y", "y", 0, 4)}

func everywhere(string) bool { return true }
func nowhere(string) bool    { return false }

// By hand: x x x weighs 9/16 and always connects, x x y and y x x weigh 6/16
// together and connect half of the time, y x y weighs 1/16 and never does. So
// 9/16 + 3/16 = 3/4. The ends of the interval were found apart from this code, by
// a search over all rates of the three cells: at 0.4158 the likeliest of them are
// 0.6187, 0.1808 and 0, and (3/4 - 0.4158)² is 1.96² times
// (9/16)² · 0.6187 · 0.3813 / 4 + (6/16)² · 0.1808 · 0.8192 / 2.
func TestExpectBothWaysRound(t *testing.T) {
	p := twoKinds(natprofiles.Measured, natprofiles.Documented)
	got := populations.Expect(measured, p, p, everywhere)
	want := []populations.Expectation{{
		Topology: "two-nats", Strategy: "auto", A: "test", B: "test",
		Success:  &populations.Estimate{Rate: 0.75, Low: 0.415796, High: 0.902051},
		Coverage: 1, Least: 0.75, Most: 0.75, Mirrored: 0.1875, Cells: 3, Trials: 10,
		Sensitivity: &populations.Sensitivity{Low: 0.75, High: 0.75, Influences: []populations.Influence{}},
	}}
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// By hand: without y x x, 13/16 are covered, of which 9/16 + 1/2 · 3/16 connect.
func TestWhatWasNotMeasuredIsSaid(t *testing.T) {
	p := twoKinds(natprofiles.Measured, natprofiles.Measured)
	got := populations.Expect(measured, p, p, nowhere)[0]
	want := populations.Expectation{
		Topology: "two-nats", Strategy: "auto", A: "test", B: "test",
		Success:  &populations.Estimate{Rate: 21.0 / 26},
		Coverage: 13.0 / 16, Least: 10.5 / 16, Most: 13.5 / 16, Cells: 3, Trials: 10,
		Missing: []populations.Pair{{A: "y", B: "x", Weight: 3.0 / 16}},
	}
	ends := cmpopts.IgnoreFields(populations.Estimate{}, "Low", "High")
	if diff := cmp.Diff(want, got, near, ends, cmpopts.IgnoreFields(want, "Sensitivity")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Two populations: the phones of z meet the homes of x and y.
func TestSidesOfTwoPopulations(t *testing.T) {
	homes := twoKinds(natprofiles.Measured, natprofiles.Measured)
	phones := populations.Population{Name: "phones", Groups: []populations.Group{entry("z", 1, natprofiles.Measured)}}
	got := populations.Expect([]results.Summary{cell("x", "z", 8, 10), cell("z", "y", 2, 10)}, homes, phones, everywhere)[0]
	if got.A != "test" || got.B != "phones" || math.Abs(got.Success.Rate-0.65) > 1e-12 || got.Mirrored != 0.25 || got.Coverage != 1 {
		t.Errorf("%+v with %+v; want 0.75 · 0.8 + 0.25 · 0.2", got, got.Success)
	}
}

// A cell that was measured both ways round is two cells.
func TestACellIsNotMirroredWhereItsMirrorWasMeasured(t *testing.T) {
	p := twoKinds(natprofiles.Measured, natprofiles.Measured)
	got := populations.Expect(append(measured, cell("y", "x", 0, 2)), p, p, everywhere)[0]
	if want := (9 + 1.5) / 16; got.Mirrored != 0 || math.Abs(got.Success.Rate-want) > 1e-12 {
		t.Errorf("%v with %v mirrored; want %v with none", got.Success.Rate, got.Mirrored, want)
	}
}

func TestNothingMeasuredIsNoFigure(t *testing.T) {
	p := twoKinds(natprofiles.Measured, natprofiles.Assumed)
	spoilt := cell("x", "x", 0, 0)
	spoilt.Invalid = 7
	got := populations.Expect([]results.Summary{spoilt, cell("v", "w", 3, 3)}, p, p, everywhere)[0]
	want := []populations.Pair{{A: "x", B: "x", Weight: 9.0 / 16}, {A: "x", B: "y", Weight: 6.0 / 16}, {A: "y", B: "y", Weight: 1.0 / 16}}
	if got.Success != nil || got.Sensitivity != nil || got.Coverage != 0 || got.Least != 0 || got.Most != 1 {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(want, got.Missing, near); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

// The points of a sweep are weighed apart, as what was asked differs.
func TestEachPointIsOneExpectation(t *testing.T) {
	var cells []results.Summary
	for i, value := range []string{"0%", "5%"} {
		for _, s := range []results.Summary{cell("x", "x", 4-4*i, 4), cell("x", "y", 2, 2), cell("y", "y", 4, 4)} {
			s.Point = results.Point{Parameter: results.SweepLoss, Value: value}
			cells = append(cells, s)
		}
	}
	p := twoKinds(natprofiles.Measured, natprofiles.Measured)
	got := populations.Expect(cells, p, p, everywhere)
	if len(got) != 2 || got[0].Point != cells[0].Point || got[0].Success.Rate != 1 || got[1].Success.Rate != 7.0/16 || got[1].Coverage != 1 {
		t.Errorf("%+v", got)
	}
}

// Topologies and strategies are kept apart; one without a slot b tells of single
// NATs, and one without any slot of nothing.
func TestEachTableIsOneExpectation(t *testing.T) {
	single := func(a results.Name, successes int) results.Summary {
		return results.Summary{Cell: results.Cell{Topology: "one-nat", NATA: a, Strategy: "direct"}, Successes: successes, Trials: 10}
	}
	carried := cell("x", "x", 1, 4)
	carried.Topology, carried.Slots = "double-nat", results.SlotsOf(map[string]string{"carrier": "pf"})
	public := results.Summary{Cell: results.Cell{Topology: "open", Strategy: "direct"}, Successes: 3, Trials: 3}
	p := twoKinds(natprofiles.Measured, natprofiles.Measured)
	asked := map[string]int{}
	got := populations.Expect([]results.Summary{single("x", 10), carried, public, single("y", 2), measured[0]}, p, p,
		func(topology string) bool { asked[topology]++; return false })
	var told []string
	for _, e := range got {
		told = append(told, e.Topology+" "+e.Slots.String()+" "+e.Strategy+" "+e.A+" "+e.B)
	}
	want := []string{"one-nat  direct test ", "double-nat carrier=pf auto test test", "two-nats  auto test test"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if one := got[0]; math.Abs(one.Success.Rate-0.8) > 1e-12 || one.Coverage != 1 {
		t.Errorf("single NATs: %+v; want 0.75 · 1 + 0.25 · 0.2", one.Success)
	}
	if diff := cmp.Diff(map[string]int{"double-nat": 1, "two-nats": 1}, asked); diff != "" {
		t.Errorf("symmetry was asked of (-want +got):\n%s", diff)
	}
}
