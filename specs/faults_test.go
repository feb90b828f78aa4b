package specs

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/links"
)

// What the papers draw packet by packet, through two NATs: each sequence is
// brought about by faults, whatever the timing of the machine.
var _ = Describe("Simultaneous open", func() {
	const (
		loseAlices  = "transit-a up: drop SYN every to bob"
		loseBobs    = "transit-b up: drop SYN every to alice"
		loseAnswerA = "transit-a up: drop SYN-ACK every to bob"
		loseAnswerB = "transit-b up: drop SYN-ACK every to alice"
		loseRefusal = "transit-b up: drop RST every to alice"
	)
	// Between NATs that let in whom a SYN has gone to, and drop all others.
	quiet := func(faults ...string) bench.Cell { return scripted("eim-apdf", faults...) }
	// Between NATs that answer the others by a RST.
	loud := func(faults ...string) bench.Cell { return scripted("eim-apdf-reset", faults...) }

	DescribeTable("", func(ctx SpecContext, c bench.Cell, stagger time.Duration, want results.Outcome, refused bool) {
		a := sound(ctx, c, stagger)
		Expect(a.Outcome).To(Equal(want), a.Trial.String())
		Expect(a.Alice.Refusals > 0).To(Equal(refused), "%d of Alice's SYNs were refused", a.Alice.Refusals)
		for _, f := range a.Faults {
			Expect(f.Acted).To(BeNumerically(">", 0), f.Rule)
		}
	},
		Entry("connects by SYNs that cross", quiet(), time.Duration(0), results.Connected, false, SpecTimeout(time.Minute)),
		Entry("connects by Bob's SYN alone, once Alice's has opened her NAT", quiet(loseAlices), time.Duration(0), results.Connected, false,
			SpecTimeout(time.Minute)),
		Entry("fails where no SYN gets through", quiet(loseAlices, loseBobs), time.Duration(0), results.Failed, false, SpecTimeout(time.Minute)),
		Entry("fails where no SYN is answered", quiet(loseAnswerA, loseAnswerB), time.Duration(0), results.Failed, false, SpecTimeout(time.Minute)),
		Entry("is refused where Alice's SYN comes before Bob's, and connects by the next", loud(), faultRTT, results.Connected, true,
			SpecTimeout(time.Minute)),
		Entry("connects by that SYN itself where the early RST is lost", loud(loseRefusal), faultRTT, results.Connected, false,
			SpecTimeout(time.Minute)),
	)
})

// faultRTT is longer than what a busy machine adds.
const faultRTT = 200 * time.Millisecond

// scripted is a cell of two NATs of one profile, with faults.
func scripted(name string, rules ...string) bench.Cell {
	t, err := topology("two-nats").WithRTT(faultRTT)
	Expect(err).NotTo(HaveOccurred())
	c := bench.Cell{
		Topology: t, NATs: harness.NATs{"a": profile(name), "b": profile(name)}, Strategy: strategy("simultaneous-open"),
	}
	for _, rule := range rules {
		f, err := links.ParseFault(rule)
		Expect(err).NotTo(HaveOccurred())
		c.Faults = append(c.Faults, f)
	}
	return c
}

// sound makes a trial until the machine has not spoilt it.
func sound(ctx context.Context, c bench.Cell, stagger time.Duration) bench.Attempt {
	GinkgoHelper()
	for {
		a, err := bench.Try(ctx, c, bench.TryOptions{Patience: 5 * faultRTT, Stagger: stagger, Seed: 1, Observe: true})
		Expect(err).NotTo(HaveOccurred())
		if a.Outcome != results.Invalid {
			keepIfFailed(CurrentSpecReport().LeafNodeText, a.Seen)
			return a
		}
	}
}
