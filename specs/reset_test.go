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
	// labsCompared is how many labs are tried fresh, and how many reset.
	labsCompared = 200
	// trialsStaggered lets what trials leave behind add up. They are staggered by
	// a round trip, so that SYNs are refused and mappings die.
	trialsStaggered = 2
)

// together is how the trials are made that are compared.
var together = bench.TryOptions{Patience: patience, Observe: true}

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

// compare makes a trial in each of n fresh labs, and in each of n that were reset a
// few times.
func compare(ctx context.Context, c bench.Cell, n int) (fresh, reset sample) {
	GinkgoHelper()
	fresh.kept, reset.kept = surprises{}, surprises{}
	var adding sync.Mutex
	var errs []error
	var workers sync.WaitGroup
	pairs := make(chan int, n)
	for i := range n {
		pairs <- i
	}
	close(pairs)
	for range 8 {
		workers.Go(func() {
			for i := range pairs {
				of, err := freshAndReset(ctx, c, i%2)
				adding.Lock()
				if errs = append(errs, err); err == nil {
					fresh.add(of[0])
					reset.add(of[1])
				}
				adding.Unlock()
			}
		})
	}
	workers.Wait()
	Expect(errs).To(HaveEach(BeNil()))
	return fresh, reset
}

// freshAndReset makes a trial in a fresh lab and one in a lab that was used and
// reset, the one or the other first. Trials that the machine spoilt are repeated, in
// other labs.
func freshAndReset(ctx context.Context, c bench.Cell, first int) (of [2]bench.Attempt, err error) {
	for {
		of, err = pair(ctx, c, first)
		if err != nil || of[0].Outcome != results.Invalid && of[1].Outcome != results.Invalid {
			return of, err
		}
	}
}

// pair has both labs before it makes the first trial, and resets the used one right
// before its own. What else the machine does then,
// such as building the labs of other pairs, is the same for both; a trial that always
// followed its own lab's building and one that always came before its end would differ
// by some 70 microseconds, whatever the labs are.
func pair(ctx context.Context, c bench.Cell, first int) (of [2]bench.Attempt, err error) {
	used, err := bench.Open(ctx, c)
	if err != nil {
		return of, err
	}
	defer used.Close()
	if err := use(ctx, used); err != nil {
		return of, err
	}
	fresh, err := bench.Open(ctx, c)
	if err != nil {
		return of, err
	}
	defer fresh.Close()
	labs := [2]*bench.Site{fresh, used}
	for _, i := range []int{first, 1 - first} {
		if labs[i] == used {
			if err := used.Reset(); err != nil {
				return of, err
			}
		}
		if of[i], err = labs[i].Try(ctx, together); err != nil {
			return of, err
		}
	}
	return of, nil
}

// use makes trials in a lab, with a reset between them, and leaves it as the last one
// did: one as those that are compared, and staggered ones.
func use(ctx context.Context, s *bench.Site) error {
	if _, err := s.Try(ctx, together); err != nil {
		return err
	}
	for range trialsStaggered {
		if err := s.Reset(); err != nil {
			return err
		}
		if _, err := s.Try(ctx, bench.TryOptions{Patience: patience, Stagger: crossing}); err != nil {
			return err
		}
	}
	return nil
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
