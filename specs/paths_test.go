package specs

import (
	"context"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/topologies"
)

var _ = Describe("The paths of a lab", func() {
	for _, t := range topologies.All() {
		It("are as long as declared in "+t.Name, func(ctx SpecContext) {
			lab := start(ctx, t, transparent(t))
			for _, from := range hosts {
				for _, to := range hosts {
					if from != to {
						Expect(connectTime(ctx, lab, from, to)).To(BeNumerically(">=", t.RTT(from, to)), "%s to %s", from, to)
					}
				}
			}
		}, SpecTimeout(20*time.Second))
	}

	It("are scaled alike by a given round trip", func(ctx SpecContext) {
		t, err := topology("two-nats").WithRTT(100 * time.Millisecond)
		Expect(err).NotTo(HaveOccurred())
		lab := start(ctx, t, transparent(t))
		Expect(connectTime(ctx, lab, topologies.Alice, topologies.Bob)).To(BeNumerically(">=", 100*time.Millisecond))
		Expect(connectTime(ctx, lab, topologies.Alice, topologies.Rendezvous)).To(BeNumerically(">=", 50*time.Millisecond))
	}, SpecTimeout(20*time.Second))
})

var hosts = []string{topologies.Alice, topologies.Bob, topologies.Rendezvous}

// transparent puts a router that translates nothing into every slot, so that
// every host can dial every other one over the very links that peers behind
// NATs use.
func transparent(t topologies.Topology) harness.NATs {
	GinkgoHelper()
	nats := harness.NATs{}
	for _, s := range t.Slots() {
		nats[s.Name] = profile("none")
	}
	return nats
}

// connectTime is how long the fastest of three plain connects takes: one round
// trip.
func connectTime(ctx context.Context, lab *harness.Lab, from, to string) time.Duration {
	GinkgoHelper()
	l, err := lab.Host(to).Listen(ctx, ":0")
	Expect(err).NotTo(HaveOccurred())
	defer l.Close()
	port := netip.MustParseAddrPort(l.Addr().String()).Port()
	fastest := time.Hour
	for range 3 {
		began := time.Now()
		conn, err := lab.Host(from).Dial(ctx, netip.AddrPortFrom(lab.Host(to).Addrs()[0], port))
		Expect(err).NotTo(HaveOccurred(), "%s dials %s", from, to)
		fastest = min(fastest, time.Since(began))
		Expect(conn.Close()).To(Succeed())
	}
	return fastest
}
