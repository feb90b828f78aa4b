package bench_test

import (
	"fmt"
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
