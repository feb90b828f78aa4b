package results

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGoal(t *testing.T) {
	tests := []struct {
		goal           Goal
		tally          Tally
		reached, ended bool
	}{
		{Goal{Trials: 10}, Tally{5, 9}, false, false},
		{Goal{Trials: 10}, Tally{5, 10}, true, true},
		{Goal{Trials: 10, HalfWidth: 0.02}, Tally{10, 10}, false, false},
		{Goal{Trials: 10, HalfWidth: 0.02}, Tally{92, 92}, false, false},
		{Goal{Trials: 10, HalfWidth: 0.02}, Tally{93, 93}, true, true},
		{Goal{Trials: 100, HalfWidth: 0.02}, Tally{93, 93}, false, false},
		{Goal{Trials: 10, HalfWidth: 0.02, Most: 200}, Tally{100, 199}, false, false},
		{Goal{Trials: 10, HalfWidth: 0.02, Most: 200}, Tally{100, 200}, false, true},
		{Goal{Trials: 300, HalfWidth: 0.02, Most: 200}, Tally{100, 200}, false, false}, // at least counts more
		{Goal{Trials: 10, HalfWidth: 0.02}, Tally{1199, 2397}, false, false},
		{Goal{Trials: 10, HalfWidth: 0.02}, Tally{1199, 2398}, true, true},
	}
	for _, test := range tests {
		if r, e := test.goal.Reached(test.tally), test.goal.Ended(test.tally); r != test.reached || e != test.ended {
			t.Errorf("%+v with %v: reached %t, ended %t", test.goal, test.tally, r, e)
		}
	}
}

// Who looks at the interval after every trial, and ends when it is narrow, has an
// interval that holds less often than it says. By how much follows exactly from all
// ways to get there.
func TestStoppingCostsLittleConfidence(t *testing.T) {
	for _, goal := range []Goal{{Trials: 10, HalfWidth: 0.1}, {Trials: 10, HalfWidth: 0.05}, {Trials: 50, HalfWidth: 0.05}} {
		worst, mean, n := 1.0, 0.0, 0
		for rate := 0.5; rate <= 0.9951; rate += 0.005 {
			holds := goal.coverage(rate)
			worst, mean, n = min(worst, holds), mean+holds, n+1
		}
		t.Logf("%+v: the interval holds the rate in %.1f %% of all runs in the mean, and in %.1f %% at the worst rate", goal, 100*mean/float64(n), 100*worst)
		if mean/float64(n) < 0.945 || worst < 0.92 {
			t.Errorf("%+v: %v in the mean, %v at worst", goal, mean/float64(n), worst)
		}
	}
}

// coverage is the probability that the interval holds the rate when the goal is reached.
func (g Goal) coverage(rate float64) (holds float64) {
	going := []float64{1} // by successes, the probability to be there
	for n := 0; len(going) > 0; n++ {
		next := make([]float64, n+2)
		left := false
		for s, p := range going {
			if p == 0 {
				continue
			}
			t := Tally{s, n}
			if n > 0 && g.Reached(t) {
				if i := t.Interval(); i.Low <= rate && rate <= i.High {
					holds += p
				}
				continue
			}
			left = true
			next[s] += p * (1 - rate)
			next[s+1] += p * rate
		}
		if !left {
			return holds
		}
		going = next
	}
	return holds
}

func TestRunsThatWereToBeNarrow(t *testing.T) {
	narrow, wide := cell, cell
	narrow.NATA, wide.NATA = "narrow", "wide"
	run := Run{Manifest: manifest(2, narrow, wide)}
	run.Manifest.Until, run.Manifest.Most = 0.2, 20
	for n := range 10 {
		run.Trials = append(run.Trials, connected(narrow, n, 40, 60))
		if n%2 == 0 {
			run.Trials = append(run.Trials, failed(wide, n, "silence"), connected(wide, n+10, 40, 60))
		}
	}
	if got := run.Missing(); got != "1 of 2 cells have trials enough" {
		t.Errorf("missing: %s", got)
	}
	if run.Complete() || fmt.Sprint(run.Wide()) != "[two-nats wide x linux-random by simultaneous-open: 5/10 (24–76 %), median 60.0 ms]" {
		t.Errorf("complete: %t; wide: %v", run.Complete(), run.Wide())
	}
	for n := range 10 {
		run.Trials = append(run.Trials, failed(wide, 20+n, "silence"))
	}
	if !run.Complete() || len(run.Wide()) != 0 {
		t.Errorf("complete: %t; wide: %v", run.Complete(), run.Wide())
	}
}

func TestBegun(t *testing.T) {
	told := failed(cell, 4, "silence")
	told.Story = "alice …"
	run := Run{Trials: []Trial{connected(cell, 0, 40, 60), invalid(cell, 1), told, failed(cell, 3, "silence")}}
	want := map[Cell]Begun{cell: {
		Tally: Tally{1, 3}, Next: 5, Told: map[Outcome]bool{Connected: false, Invalid: false, Failed: true},
	}}
	if diff := cmp.Diff(want, run.Begun()); diff != "" {
		t.Error(diff)
	}
}

// What is certain does not depend on what comes of it.
func TestLeastFurtherTrials(t *testing.T) {
	for _, c := range []struct {
		goal Goal
		t    Tally
		want int
	}{
		{Goal{Trials: 10}, Tally{}, 10},
		{Goal{Trials: 10}, Tally{Trials: 7, Successes: 3}, 3},
		{Goal{Trials: 10}, Tally{Trials: 10}, 0},
		{Goal{Trials: 2, HalfWidth: 0.2}, Tally{}, 6}, // all connect, or none does
		{Goal{Trials: 2, HalfWidth: 0.2}, Tally{Trials: 5, Successes: 5}, 1},
		{Goal{Trials: 2, HalfWidth: 0.2, Most: 4}, Tally{Trials: 1}, 3},
		{Goal{Trials: 2, HalfWidth: 0.02}, Tally{Trials: 40, Successes: 20}, 50},
	} {
		if got := c.goal.Least(c.t, 50); got != c.want {
			t.Errorf("%+v after %+v: %d, want %d", c.goal, c.t, got, c.want)
		}
	}
}
