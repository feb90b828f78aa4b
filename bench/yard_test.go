package bench_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
)

// Cells that differ by their strategy alone use one lab, one after the other;
// those with other NATs do not.
func TestStrategiesShareLabs(t *testing.T) {
	var all []bench.Cell
	for _, by := range []string{"auto", "direct", "relay"} {
		all = append(all, cells(t, by, "none", "openwrt")...)
	}
	used, trials := map[string]map[*harness.Lab]bool{}, 0
	plan := bench.Plan{Cells: all, Trials: 2, Patience: 300 * time.Millisecond, Seed: 1, Parallel: 1}
	err := bench.Run(t.Context(), plan, bench.Observer{Lab: func(r results.Trial, lab *harness.Lab) {
		if r.Outcome != results.Invalid {
			trials++
		}
		pair := fmt.Sprint(r.NATA, " x ", r.NATB)
		if used[pair] == nil {
			used[pair] = map[*harness.Lab]bool{}
		}
		used[pair][lab] = true
	}})
	if err != nil {
		t.Fatal(err)
	}
	labs := map[*harness.Lab]bool{}
	for pair, of := range used {
		if len(of) != 1 {
			t.Errorf("%s had %d labs", pair, len(of))
		}
		for lab := range of {
			labs[lab] = true
		}
	}
	if len(used) != 4 || len(labs) != 4 || trials != 2*len(all) {
		t.Errorf("%d pairs had %d labs and %d trials", len(used), len(labs), trials)
	}
}

// The points of a sweep use one lab, whose links are changed between two trials.
func TestPointsShareLabs(t *testing.T) {
	asked := map[string]time.Duration{"near": 20 * time.Millisecond, "far": 120 * time.Millisecond}
	var all []bench.Cell
	for name, rtt := range asked {
		for _, c := range cells(t, "relay", "openwrt") {
			var err error
			if c.Topology, err = c.Topology.WithRTT(rtt); err != nil {
				t.Fatal(err)
			}
			c.Point.Point = results.Point{Parameter: results.SweepRTT, Value: name}
			all = append(all, c)
		}
	}
	labs, rounds := map[*harness.Lab]bool{}, map[string][]float64{}
	plan := bench.Plan{Cells: all, Trials: 3, Patience: 2 * time.Second, Seed: 1, Parallel: 1}
	err := bench.Run(t.Context(), plan, bench.Observer{Lab: func(r results.Trial, lab *harness.Lab) {
		labs[lab] = true
		if r.Outcome == results.Connected {
			rounds[r.Point.Value] = append(rounds[r.Point.Value], *r.RTTMS)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	near, far := rounds["near"], rounds["far"]
	if len(labs) != 1 || len(near) != 3 || len(far) != 3 {
		t.Fatalf("%d labs, round trips %v", len(labs), rounds)
	}
	// A busy machine makes round trips longer, and never shorter than the links are.
	links := results.Milliseconds(asked["far"])
	if slices.Min(far) < links || slices.Min(near) >= links || slices.Min(near) < results.Milliseconds(asked["near"]) {
		t.Errorf("round trips %v of links %v", rounds, asked)
	}
}
