package harness

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
)

// leak gives every router the way to what is behind NATs, as a mistake in the
// plan would.
func (l *Lab) leak(t *testing.T) {
	t.Helper()
	for _, n := range l.nodes {
		if !n.hides() {
			continue
		}
		for below := n.machine; below.parent != nil; below = below.parent {
			err := l.node(t, below.parent.Name).ns.AddRoute(kernel.Route{To: n.lan, Via: below.addrs[0]})
			if err != nil && !errors.Is(err, unix.EEXIST) {
				t.Fatal(err)
			}
		}
	}
}

// Peers behind NATs have addresses that nobody else may reach, not even where
// all routers know a way: a success would be one of the leak's. This NAT has no
// firewall that could stand in for the core.
func TestTheCoreDropsPrivateAddressesEvenIfRoutesLeak(t *testing.T) {
	open := profile(t, "linux-open-input")
	for _, topo := range []string{"two-nats", "double-nat"} {
		t.Run(topo, func(t *testing.T) {
			lab := build(t, topo, everySlot(topology(t, topo), open))
			lab.leak(t)
			serve(t, lab.Host("alice"))
			serve(t, lab.Host("bob"))
			for _, names := range [][2]string{{"alice", "bob"}, {"bob", "alice"}, {"rendezvous", "alice"}} {
				from, to := lab.Host(names[0]), lab.Host(names[1])
				if got := dialed(t, from, netip.AddrPortFrom(to.Addrs()[0], port)); got != "dropped" {
					t.Errorf("%s to %s's private address was %s", from.Name(), to.Name(), got)
				}
			}
		})
	}
}

// The leak is one: where the core has no part, such a route does connect. The
// carrier itself knows none.
func TestALeakedRouteConnectsWhereTheCoreHasNoPart(t *testing.T) {
	lab := build(t, "double-nat", everySlot(topology(t, "double-nat"), profile(t, "linux-open-input")))
	alice := lab.Host("alice")
	serve(t, alice)
	nat, carrier := lab.node(t, "nat-a"), lab.node(t, "carrier")
	home := kernel.Route{To: nat.lan, Via: nat.addrs[0]}
	if slices.Contains(carrier.routes, home) {
		t.Fatal("the carrier knows the way to a home without any leak")
	}
	if err := carrier.ns.AddRoute(home); err != nil {
		t.Fatal(err)
	}
	from := &Host{name: "carrier", ns: carrier.ns}
	if got := dialedAs(t, from, netip.IPv4Unspecified(), netip.AddrPortFrom(alice.Addrs()[0], port)); got != "connected" {
		t.Errorf("the carrier's SYN to alice by a leaked route was %s", got)
	}
}
