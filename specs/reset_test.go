package specs

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"gonum.org/v1/gonum/stat"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
)

const (
	// labsCompared is how many labs are tried fresh, and tried again reset.
	labsCompared = 200
	// trialsBetween lets what trials leave behind add up. They are staggered by
	// a round trip, so that SYNs are refused and mappings die.
	trialsBetween = 2
)

// sample is what a number of trials came to.
type sample struct {
	connected int
	connectMS []float64
	packets   []float64
	ports     []uint16 // at which the server saw alice
	kept      surprises
}

func (s *sample) add(a bench.Attempt) {
	s.ports = append(s.ports, a.Alice.Observed.Port())
	if a.Outcome == results.Failed {
		s.kept.seen(a.Trial, a.Seen)
	}
	if a.Outcome == results.Connected {
		s.connected++
		s.connectMS = append(s.connectMS, *a.ConnectMS)
		s.packets = append(s.packets, float64(a.Packets))
	}
}

var _ = Describe("A trial in a reset lab", Serial, func() {
	It("is indistinguishable from one in a fresh lab", func(ctx SpecContext) {
		fresh, reset := compare(ctx, bench.Cell{
			Topology: topology("two-nats"), Strategy: strategy("simultaneous-open"),
			NATs: harness.NATs{"a": profile("linux-masquerade"), "b": profile("openwrt")},
		}, labsCompared)
		fresh.kept.show(slices.Collect(maps.Keys(fresh.kept))...)
		reset.kept.show(slices.Collect(maps.Keys(reset.kept))...)
		Expect(fresh.connected).To(Equal(labsCompared))
		Expect(reset.connected).To(Equal(labsCompared))
		Expect(distance(fresh.connectMS, reset.connectMS)).To(BeNumerically("<", noise(labsCompared)), "times to connect")
		Expect(distance(fresh.packets, reset.packets)).To(BeNumerically("<", noise(labsCompared)), "packets")
	}, SpecTimeout(2*time.Minute))

	It("gets other random ports than the one before", func(ctx SpecContext) {
		fresh, reset := compare(ctx, bench.Cell{
			Topology: topology("two-nats"), Strategy: strategy("relay"),
			NATs: harness.NATs{"a": profile("linux-random"), "b": profile("none")},
		}, 20)
		for _, s := range []sample{fresh, reset} {
			slices.Sort(s.ports)
			// Two of 20 draws from 64,512 are the same once in 340 times; two
			// such pairs once in 200,000.
			Expect(len(slices.Compact(s.ports))).To(BeNumerically(">=", 19))
		}
	}, SpecTimeout(time.Minute))
})

// compare makes a trial in each of n fresh labs, and one more in each after it
// was reset a few times. Both kinds alternate, so that a busy minute of the
// machine falls on both.
func compare(ctx context.Context, c bench.Cell, n int) (fresh, reset sample) {
	GinkgoHelper()
	fresh.kept, reset.kept = surprises{}, surprises{}
	var adding sync.Mutex
	var errs []error
	var workers sync.WaitGroup
	labs := make(chan struct{}, n)
	for range n {
		labs <- struct{}{}
	}
	close(labs)
	for range 8 {
		workers.Go(func() {
			for range labs {
				first, last, err := firstAndLast(ctx, c)
				adding.Lock()
				if errs = append(errs, err); err == nil {
					fresh.add(first)
					reset.add(last)
				}
				adding.Unlock()
			}
		})
	}
	workers.Wait()
	Expect(errs).To(HaveEach(BeNil()))
	return fresh, reset
}

// firstAndLast makes trials in one lab, with a reset between them. Trials that
// the machine spoilt are repeated, the first one in another fresh lab.
func firstAndLast(ctx context.Context, c bench.Cell) (first, last bench.Attempt, err error) {
	for {
		first, last, err = attempts(ctx, c)
		if err != nil || first.Outcome != results.Invalid && last.Outcome != results.Invalid {
			return first, last, err
		}
	}
}

func attempts(ctx context.Context, c bench.Cell) (first, last bench.Attempt, err error) {
	site, err := bench.Open(ctx, c)
	if err != nil {
		return first, last, err
	}
	defer site.Close()
	together := bench.TryOptions{Patience: patience, Observe: true}
	if first, err = site.Try(ctx, together); err != nil {
		return first, last, err
	}
	for range trialsBetween {
		if err = site.Reset(); err != nil {
			return first, last, err
		}
		if _, err = site.Try(ctx, bench.TryOptions{Patience: patience, Stagger: crossing}); err != nil {
			return first, last, err
		}
	}
	if err = site.Reset(); err != nil {
		return first, last, err
	}
	last, err = site.Try(ctx, together)
	return first, last, err
}

// distance is the Kolmogorov-Smirnov distance of two samples: the largest
// difference between their distribution functions.
func distance(x, y []float64) float64 {
	slices.Sort(x)
	slices.Sort(y)
	return stat.KolmogorovSmirnov(x, nil, y, nil)
}

// noise is the distance that two samples of n from one distribution exceed
// once in ten thousand times: sqrt(-ln(alpha/2)/n).
func noise(n int) float64 { return math.Sqrt(-math.Log(0.0001/2) / float64(n)) }
