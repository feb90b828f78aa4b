package bench_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkTrial(b *testing.B) {
	for _, width := range []int{1, 8, 16, 32, 48, 64, 96} {
		b.Run(fmt.Sprintf("parallel=%d", width), func(b *testing.B) { benchmarkTrial(b, width) })
	}
}

func benchmarkTrial(b *testing.B, width int) {
	topo, _ := topologies.Get("two-nats")
	p, _ := natprofiles.Get("linux-masquerade")
	s, _ := punch.StrategyNamed("simultaneous-open")
	var cells []bench.Cell
	for range width {
		cells = append(cells, bench.Cell{Topology: topo, NATs: harness.NATs{"a": p, "b": p}, Strategy: s})
	}
	plan := bench.Plan{Cells: cells, Trials: max(1, b.N/width), Patience: time.Second, Parallel: width}
	var late, conn []float64
	bad := 0
	var began time.Time
	var cpu time.Duration
	n := 0
	err := bench.Run(b.Context(), plan, bench.Observer{Trial: func(t results.Trial) {
		n++
		if n == width {
			began = time.Now()
			cpu = cpuTime()
		}
		late = append(late, t.LatenessMS)
		if t.Outcome == results.Invalid {
			bad++
		}
		if t.ConnectMS != nil {
			conn = append(conn, *t.ConnectMS)
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	d := time.Since(began)
	slices.Sort(late)
	slices.Sort(conn)
	k := float64(n - width)
	b.ReportMetric(k/d.Seconds(), "trials/s")
	b.ReportMetric(float64(cpuTime()-cpu)/k/1e6, "cpu-ms/trial")
	b.ReportMetric(late[len(late)/2], "late-p50-ms")
	b.ReportMetric(late[len(late)*99/100], "late-p99-ms")
	b.ReportMetric(conn[len(conn)/2], "connect-p50-ms")
	b.ReportMetric(float64(bad), "invalid")
}
