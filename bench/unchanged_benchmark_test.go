package bench_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

// BenchmarkObservationChangesNothing makes b.N trials that are observed and b.N that
// are not, in turn and in the same labs, of a pair that connects and of one at the
// edge, where half a millisecond decides: between NATs that answer a SYN which comes
// too early by a RST, with a stagger of half a round trip, about half of the SYNs cross,
// and the others take a round trip more than there is patience for. It reports the rate and the
// median time of both, and how probable a difference such as theirs is if there is none:
// by Fisher's exact test of the rates and by the rank test of the times. 200 trials each:
//
//	go test -run '^$' -bench ObservationChangesNothing -benchtime 200x ./bench
func BenchmarkObservationChangesNothing(b *testing.B) {
	harness.Need(b)
	for _, pair := range []struct {
		name, nat                 string
		stagger, jitter, patience time.Duration
	}{
		{"connecting", "linux-masquerade", 0, 0, 300 * time.Millisecond},
		{"at-the-edge", "openwrt", 20 * time.Millisecond, time.Millisecond, 85 * time.Millisecond},
	} {
		b.Run(pair.name, func(b *testing.B) {
			sites := edgeSites(b, pair.nat, pair.jitter)
			var seen, unseen outcomes
			var trials sync.WaitGroup
			for i, site := range sites {
				trials.Go(func() {
					for n := i; n < b.N; n += len(sites) {
						o := bench.TryOptions{Patience: pair.patience, Stagger: pair.stagger, Seed: uint64(n)}
						both := [2]*outcomes{&unseen, &seen}
						for turn := range both { // each is the first of two every other time
							o.Observe = (n/len(sites)+turn)%2 == 1
							both[(n/len(sites)+turn)%2].try(b, site, o)
						}
					}
				})
			}
			trials.Wait()
			seen.report(b, "seen")
			unseen.report(b, "unseen")
			b.ReportMetric(results.Fisher(seen.tally, unseen.tally), "p-rates")
			less, more := results.RankLess(seen.ms, unseen.ms), results.RankLess(unseen.ms, seen.ms)
			b.ReportMetric(min(1, 2*min(less, more)), "p-times")
		})
	}
}

// sideBySide is few labs, so that hardly a trial is spoilt.
const sideBySide = 4

func edgeSites(b *testing.B, nat string, jitter time.Duration) (sites []*bench.Site) {
	b.Helper()
	t, errT := topologies.Get("two-nats")
	p, errP := natprofiles.Get(nat)
	s, errS := punch.StrategyNamed("simultaneous-open")
	for _, err := range []error{errT, errP, errS} {
		if err != nil {
			b.Fatal(err)
		}
	}
	t = t.WithLinks(func(n topologies.Node) links.Link {
		if n.Link.Up.Delay > 0 {
			n.Link.Up.Jitter.Spread, n.Link.Down.Jitter.Spread = jitter, jitter
		}
		return n.Link
	})
	for range sideBySide {
		site, err := bench.Open(b.Context(), bench.Cell{Topology: t, NATs: harness.NATs{"a": p, "b": p}, Strategy: s})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := site.Close(); err != nil {
				b.Error(err)
			}
		})
		sites = append(sites, site)
	}
	return sites
}

// outcomes are those of trials of one kind.
type outcomes struct {
	mu      sync.Mutex
	tally   results.Tally
	ms      []float64
	invalid int
}

// try makes a trial until it counts.
func (o *outcomes) try(b *testing.B, site *bench.Site, how bench.TryOptions) {
	for {
		a, err := one(b.Context(), site, how)
		if err != nil {
			b.Error(err)
			return
		}
		o.mu.Lock()
		if a.Outcome == results.Invalid {
			o.invalid++
			o.mu.Unlock()
			continue
		}
		o.tally = o.tally.With(a.Outcome)
		if a.ConnectMS != nil {
			o.ms = append(o.ms, *a.ConnectMS)
		}
		o.mu.Unlock()
		return
	}
}

// one is a trial and what makes the site fit for the next.
func one(ctx context.Context, site *bench.Site, how bench.TryOptions) (bench.Attempt, error) {
	a, err := site.Try(ctx, how)
	if err == nil {
		err = site.Reset()
	}
	return a, err
}

func (o *outcomes) report(b *testing.B, kind string) {
	b.ReportMetric(100*o.tally.Rate(), "%connected-"+kind)
	if m := results.Median(o.ms); m != nil {
		b.ReportMetric(*m, "connect-ms-"+kind)
	}
	b.ReportMetric(float64(o.invalid), "invalid-"+kind)
}
