package harness

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/leaktest"
	"github.com/punchlab/punchlab/topologies"
)

// drawn are the first gaps of some traffic, in seconds.
func drawn(c CrossTraffic, count int) []float64 {
	gap, all := c.gaps(), make([]float64, count)
	for i := range all {
		all[i] = gap().Seconds()
	}
	return all
}

// Arrivals of a Poisson process have gaps whose mean and whose standard
// deviation are both one divided by the rate, and e^-1 of the gaps are longer
// than that. The seeds are fixed, so that the test always has the same outcome.
func TestGapsAreThoseOfAPoissonProcess(t *testing.T) {
	const count, tolerance = 100_000, 0.02 // six standard errors
	for seed := range uint64(3) {
		for _, rate := range []float64{0.5, 40, 4000} {
			gaps := drawn(CrossTraffic{PerSecond: rate, Seed: seed}, count)
			var sum, squares, long float64
			for _, g := range gaps {
				sum += g * rate
				squares += g * rate * g * rate
				if g*rate > 1 {
					long++
				}
			}
			mean := sum / count
			for what, c := range map[string][2]float64{
				"mean":                            {mean, 1},
				"standard deviation":              {math.Sqrt(squares/count - mean*mean), 1},
				"part that is longer than it":     {long / count, math.Exp(-1)},
				"part shorter than a tenth of it": {shorter(gaps, 0.1/rate), 1 - math.Exp(-0.1)},
			} {
				if math.Abs(c[0]-c[1]) > tolerance*c[1]*3/2 {
					t.Errorf("seed %d, %v per second: the %s of the gaps, in mean gaps, is %.4f, want %.4f", seed, rate, what, c[0], c[1])
				}
			}
		}
	}
}

// shorter is the part of the gaps that are shorter than limit.
func shorter(gaps []float64, limit float64) (part float64) {
	for _, g := range gaps {
		if g < limit {
			part += 1 / float64(len(gaps))
		}
	}
	return part
}

func TestTheSeedDrawsTheGaps(t *testing.T) {
	one := drawn(CrossTraffic{PerSecond: 100, Seed: 1}, 1000)
	if again := drawn(CrossTraffic{PerSecond: 100, Seed: 1}, 1000); !slices.Equal(one, again) {
		t.Error("the same seed drew other gaps")
	}
	if other := drawn(CrossTraffic{PerSecond: 100, Seed: 2}, 1000); slices.Equal(one, other) {
		t.Error("another seed drew the same gaps")
	}
}

func TestCrossTrafficSaysWhatIsWrong(t *testing.T) {
	lab := build(t, "two-nats", everySlot(topology(t, "two-nats"), profile(t, "none")))
	const prefix = "lab two-nats: cross traffic through "
	for _, c := range []struct {
		nat  string
		t    CrossTraffic
		want string
	}{
		{"nat-a", CrossTraffic{}, "nat-a: 0 flows per second are not from 0.001 to 4000"},
		{"nat-a", CrossTraffic{PerSecond: math.NaN()}, "nat-a: NaN flows per second are not from 0.001 to 4000"},
		{"nat-a", CrossTraffic{PerSecond: 4001}, "nat-a: 4001 flows per second are not from 0.001 to 4000"},
		{"nat-a", CrossTraffic{PerSecond: 1, Protocol: "sctp"}, `nat-a: protocol "sctp" is neither tcp nor udp`},
		{"alice", CrossTraffic{PerSecond: 1}, "alice: no such NAT; the lab has: nat-a, nat-b"},
	} {
		if _, err := lab.CrossTraffic(t.Context(), c.nat, c.t); fmt.Sprint(err) != prefix+c.want {
			t.Errorf("%v, want %s%s", err, prefix, c.want)
		}
	}
}

// traffic opens flows through a NAT until the test ends.
func traffic(t *testing.T, lab *Lab, nat string, c CrossTraffic) *Traffic {
	t.Helper()
	traffic, err := lab.CrossTraffic(t.Context(), nat, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := traffic.Stop(); err != nil {
			t.Error(err)
		}
	})
	return traffic
}

// Cross traffic comes out of every kind of NAT, as deep as it is, with what
// such a NAT makes of its source.
func TestCrossTrafficGoesThroughEveryNAT(t *testing.T) {
	everyLab(t, func(t *testing.T, lab *Lab) {
		core := lab.node(t, topologies.Core)
		sink := core.sink.Addr().Next()
		for nat := range lab.routers {
			access := lab.node(t, nat).machine
			for access.parent != core.machine {
				access = access.parent
			}
			in := listenIn(t, core.ns, access.Name)
			for name, protocol := range map[string]byte{"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP} {
				flows := traffic(t, lab, nat, CrossTraffic{PerSecond: 1000, Protocol: name})
				got := in.next(t, protocol, sink)
				if want := lab.outside(lab.node(t, nat)); !slices.ContainsFunc(want, func(n netip.Prefix) bool { return n.Contains(got.source) }) {
					t.Errorf("%s: cross traffic by %s came from %s, want one of %s", nat, name, got.source, want)
				}
				if err := errors.Join(flows.Stop(), lab.Reset()); err != nil { // nothing of it is under way any more
					t.Error(err)
				}
			}
		}
	})
}

// outside is where packets from behind a NAT seem to come from in the core.
func (l *Lab) outside(n *node) (seen []netip.Prefix) {
	seen = []netip.Prefix{n.crowd}
	for m := n.machine; m != nil; m = m.parent {
		if m.hides() {
			seen = nil
			for _, addr := range l.Router(m.Name).External() {
				seen = append(seen, netip.PrefixFrom(addr, 32))
			}
		}
	}
	return seen
}

// Every flow has a source endpoint of its own, and what is counted is what was
// sent.
func TestEveryFlowIsANewOne(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "none")})
	first := traffic(t, lab, "nat-a", CrossTraffic{PerSecond: 1000, Seed: 1})
	second := traffic(t, lab, "nat-a", CrossTraffic{PerSecond: 1000, Seed: 1})
	in := listenIn(t, lab.node(t, "nat-a").ns, crowdDevice)
	seen := map[netip.AddrPort]bool{}
	for range 100 {
		h := in.next(t, unix.IPPROTO_TCP, lab.node(t, topologies.Core).sink.Addr().Next())
		if from := netip.AddrPortFrom(h.source, h.port); seen[from] {
			t.Errorf("two flows came from %s", from)
		} else {
			seen[from] = true
		}
	}
	if err := errors.Join(first.Stop(), second.Stop()); err != nil {
		t.Fatal(err)
	}
	one, _ := first.Stats()
	two, _ := second.Stats()
	crowd := lab.crowds[lab.node(t, "nat-a")]
	if sum := one.Opened + two.Opened; sum < 100 || sum != crowd.flows.Load() || one.Opened == 0 || two.Opened == 0 {
		t.Errorf("%d and %d flows were counted, and %d were made", one.Opened, two.Opened, crowd.flows.Load())
	}
	if one.Lateness <= 0 {
		t.Errorf("no flow was late by a nanosecond: %+v", one)
	}
	if len(lab.traffic) > 0 {
		t.Errorf("the lab keeps %d that have ended", len(lab.traffic))
	}
	if later, _ := first.Stats(); later != one {
		t.Errorf("traffic that was stopped went on: %+v after %+v", later, one)
	}
}

// The first packet of every flow is a sound one, to the last endpoint and round
// to the first.
func TestSourceEndpointsOfTheCrowd(t *testing.T) {
	c := &crowd{addrs: []netip.Addr{
		netip.MustParseAddr("172.16.1.2"), {}, {}, {}, {}, {}, {}, netip.MustParseAddr("172.16.1.9"),
	}, sink: netip.MustParseAddrPort("198.18.255.1:443")}
	for _, f := range []struct {
		flow uint64
		want string
	}{
		{0, "172.16.1.2:1024"}, {64511, "172.16.1.2:65535"}, {crowdEndpoints - 1, "172.16.1.9:65535"}, {crowdEndpoints, "172.16.1.2:1024"},
	} {
		c.flows.Store(f.flow)
		if got := parseHeader(c.next(unix.IPPROTO_UDP)); netip.AddrPortFrom(got.source, got.port).String() != f.want {
			t.Errorf("flow %d comes from %s:%d, want %s", f.flow, got.source, got.port, f.want)
		}
	}
}

func TestCrossTrafficGoesOnAfterAReset(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "linux-masquerade")})
	flows := traffic(t, lab, "nat-a", CrossTraffic{PerSecond: 1000})
	in := listenIn(t, lab.node(t, "nat-a").ns, crowdDevice)
	if err := lab.Reset(); err != nil {
		t.Fatal(err)
	}
	before, _ := flows.Stats()
	for after := before; after.Opened <= before.Opened; after, _ = flows.Stats() {
		in.next(t, unix.IPPROTO_TCP, lab.nodes[0].sink.Addr().Next())
	}
}

func TestCrossTrafficEndsWithItsContext(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "none")})
	ctx, cancel := context.WithCancel(t.Context())
	flows, err := lab.CrossTraffic(ctx, "nat-a", CrossTraffic{PerSecond: 0.001})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case <-flows.ended:
	case <-time.After(hopes):
		t.Fatal("the traffic goes on after the end of its context")
	}
	if err := flows.Stop(); err != nil {
		t.Error(err)
	}
}

func TestClosingALabEndsItsCrossTraffic(t *testing.T) {
	Need(t)
	one := func() {
		lab, err := New(t.Context(), topology(t, "one-nat"), NATs{"a": profile(t, "none")})
		if err != nil {
			t.Fatal(err)
		}
		flows, err := lab.CrossTraffic(t.Context(), "nat-a", CrossTraffic{PerSecond: 1000})
		if err := errors.Join(err, lab.Close()); err != nil {
			t.Fatal(err)
		}
		if err := flows.Stop(); err != nil {
			t.Error(err)
		}
	}
	one() // opens what is opened once
	leaktest.Watch(t)
	one()
}

// What ends traffic is told: here its NAT's end of the cable is gone.
func TestCrossTrafficTellsWhatEndedIt(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "none")})
	flows, err := lab.CrossTraffic(t.Context(), "nat-a", CrossTraffic{PerSecond: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.crowds[lab.node(t, "nat-a")].ns.SetDown(hostDevice); err != nil {
		t.Fatal(err)
	}
	select {
	case <-flows.ended:
	case <-time.After(hopes):
		t.Fatal("the traffic goes on without a cable")
	}
	if err := flows.Stop(); err == nil || !strings.HasPrefix(err.Error(), "cross traffic: ") || errors.Is(err, os.ErrClosed) {
		t.Errorf("the traffic ended with %v", err)
	}
}
