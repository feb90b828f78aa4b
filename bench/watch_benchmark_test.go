package bench_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/harness"
)

// BenchmarkWatchedTrial makes the trials of BenchmarkTrial, first unwatched and
// then watched, in the same labs. It reports the processor time of both and
// their ratio, what a recording holds, how long it takes to begin and to end
// one, and the share of watched trials that do not count.
func BenchmarkWatchedTrial(b *testing.B) {
	harness.Need(b)
	for _, width := range widths[:3] {
		b.Run(fmt.Sprintf("parallel=%d", width), func(b *testing.B) {
			sites := openSites(b, width)
			var plain, watched tries
			var w watching
			for _, site := range sites { // the first watch of a lab opens its sockets
				if err := w.idle(b.Context(), site); err != nil {
					b.Fatal(err)
				}
			}
			w = watching{}
			unwatched := measure(b, sites, plain.add)
			cost := measure(b, sites, func(ctx context.Context, site *bench.Site) error { return w.trial(ctx, site, &watched) })
			watched.report(b)
			b.ReportMetric(unwatched.cpuMS, "unwatched-cpu-ms")
			b.ReportMetric(cost.cpuMS, "watched-cpu-ms")
			b.ReportMetric(cost.cpuMS/unwatched.cpuMS, "watched/unwatched")
			w.report(b)
		})
	}
}

// watching is what recordings came to, all together.
type watching struct {
	recordings, packets, flows, lost atomic.Int64
	beginning, ending                atomic.Int64 // nanoseconds
}

func (w *watching) idle(ctx context.Context, site *bench.Site) error {
	return w.record(ctx, site, func() error { return nil })
}

// trial is a trial that is watched.
func (w *watching) trial(ctx context.Context, site *bench.Site, all *tries) error {
	return w.record(ctx, site, func() error { return all.add(ctx, site) })
}

func (w *watching) record(ctx context.Context, site *bench.Site, f func() error) error {
	began := time.Now()
	watch, err := site.Lab().Watch(ctx)
	if err != nil {
		return err
	}
	w.beginning.Add(int64(time.Since(began)))
	failed := f()
	ended := time.Now()
	r, err := watch.Stop()
	w.ending.Add(int64(time.Since(ended)))
	w.recordings.Add(1)
	w.packets.Add(int64(len(r.Packets)))
	w.flows.Add(int64(len(r.Flows)))
	if r.Missing() != nil {
		w.lost.Add(1)
	}
	return errors.Join(failed, err)
}

func (w *watching) report(b *testing.B) {
	n := float64(w.recordings.Load())
	b.ReportMetric(float64(w.packets.Load())/n, "packets")
	b.ReportMetric(float64(w.flows.Load())/n, "events")
	b.ReportMetric(float64(w.beginning.Load())/n/1e6, "begin-ms")
	b.ReportMetric(float64(w.ending.Load())/n/1e6, "end-ms")
	b.ReportMetric(100*float64(w.lost.Load())/n, "%incomplete")
}
