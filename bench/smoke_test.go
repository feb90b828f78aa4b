package bench_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/report"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

func TestMain(m *testing.M) { harness.Main(m.Run) }

func TestSmoke(t *testing.T) {
	topo, _ := topologies.Get("two-nats")
	cells, err := bench.Cells(topo, natprofiles.All(), natprofiles.All(), nil, punch.Strategies())
	if err != nil {
		t.Fatal(err)
	}
	p := bench.Plan{Cells: cells, Trials: 6, Patience: 1500 * time.Millisecond}
	run := results.Run{Manifest: p.Manifest("x", nil)}
	t0 := time.Now()
	inv := 0
	hist := map[int][]float64{}
	late := 0.0
	err = bench.Run(t.Context(), p, bench.Observer{Trial: func(tr results.Trial) {
		run.Trials = append(run.Trials, tr)
		late = max(late, tr.LatenessMS)
		hist[tr.Number] = append(hist[tr.Number], tr.LatenessMS)
		if tr.Outcome == results.Invalid {
			inv++
		}
	}})
	t.Log(err, time.Since(t0), len(run.Trials), "invalid", inv, "late", late)
	report.Terminal(os.Stdout, run, 120, false)
	for n := range 10 {
		slices.Sort(hist[n])
		if k := len(hist[n]); k > 0 {
			t.Log("late", n, hist[n][k/2], hist[n][k*9/10], hist[n][k-1])
		}
	}
	for _, tr := range run.Trials[:20] {
		t.Log(tr, tr.Packets)
	}
}
