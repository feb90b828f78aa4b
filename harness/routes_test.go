package harness

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

func TestPlanOfRoutedAddresses(t *testing.T) {
	topo := topology(t, "double-nat")
	p, err := newPlan(topo, NATs{"a": owner(t, 1), "b": profile(t, "linux-masquerade"), "carrier": owner(t, 2)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	// The carrier's external addresses are 203.0.113.3 and .4, and the home's
	// is 100.64.1.3: on no interface, and the way back from each NAT is its
	// gateway.
	for _, want := range []string{
		"transit-a: up 198.18.0.2/28, carrier 203.0.113.1/28, default>198.18.0.1 203.0.113.3/32>203.0.113.2 203.0.113.4/32>203.0.113.2",
		"carrier: wan 203.0.113.2/28, lan 100.64.1.1/24, default>203.0.113.1 203.0.113.3/32>203.0.113.1 203.0.113.4/32>203.0.113.1 100.64.1.3/32>100.64.1.2",
		"nat-a: wan 100.64.1.2/24, lan 192.168.2.1/24, default>100.64.1.1 100.64.1.3/32>100.64.1.1",
		"nat-b: wan 198.51.100.2/28, lan 192.168.3.1/24, default>198.51.100.1",
	} {
		if !strings.Contains(p.text(), want+"\n") {
			t.Errorf("no machine is as in %q:\n%s", want, p.text())
		}
	}
}

// machine is the machine of that name.
func (p *plan) machine(t *testing.T, name string) *machine {
	t.Helper()
	for _, m := range p.machines {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no machine %s", name)
	return nil
}

// Where NATs are neighbours on one segment, each knows the way to the external
// addresses of the others.
func TestPlanOfNeighboursWithRoutedAddresses(t *testing.T) {
	p, err := newPlan(estate, NATs{"a": owner(t, 1), "b": profile(t, "linux-masquerade"), "carrier": owner(t, 1)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	way := kernel.Route{To: netip.MustParsePrefix("100.64.1.3/32"), Via: netip.MustParseAddr("100.64.1.2")}
	for name, want := range map[string]bool{"carrier": true, "nat-b": true, "carol": true, "nat-a": false, "transit": false} {
		if knows := slices.Contains(p.machine(t, name).routes, way); knows != want {
			t.Errorf("%s knows the way %v: %v, want %v", name, way, knows, want)
		}
	}
}

// estate is two homes, and carol without one, behind one carrier.
var estate = topologies.Topology{Name: "estate", Nodes: []topologies.Node{
	{Name: "transit", Kind: topologies.Transit, Behind: topologies.Core, Link: links.Delayed(time.Millisecond)},
	{Name: "carrier", Kind: topologies.NAT, Behind: "transit", Slot: "carrier"},
	{Name: "nat-a", Kind: topologies.NAT, Behind: "carrier", Slot: "a"},
	{Name: "nat-b", Kind: topologies.NAT, Behind: "carrier", Slot: "b"},
	{Name: "alice", Kind: topologies.Host, Behind: "nat-a"},
	{Name: "bob", Kind: topologies.Host, Behind: "nat-b"},
	{Name: "carol", Kind: topologies.Host, Behind: "carrier"},
	{Name: "rendezvous", Kind: topologies.Host, Behind: "transit", Addresses: 2},
}}

// The rules of a NAT must know every network behind it that they may meet.
func TestPlaceOfANAT(t *testing.T) {
	topo := topology(t, "double-nat")
	none := profile(t, "none")
	for _, c := range []struct {
		name     string
		nats     NATs
		external string
		inside   string
	}{
		// Behind the router in slot a are its own two networks.
		{"carrier", NATs{"a": none, "b": none, "carrier": owner(t, 2)}, "203.0.113.3 203.0.113.4",
			"100.64.1.0/24 100.65.1.0/24 100.64.130.0/24 100.65.2.0/24"},
		// The NAT in slot a hides them.
		{"carrier", NATs{"a": owner(t, 1), "b": none, "carrier": none}, "",
			"198.19.129.0/24 198.18.129.0/24"},
		{"nat-a", NATs{"a": owner(t, 1), "b": none, "carrier": none}, "198.19.129.3",
			"192.168.2.0/24 172.16.2.0/24"},
		{"nat-b", NATs{"a": none, "b": profile(t, "openwrt"), "carrier": none}, "", "192.168.3.0/24 172.16.3.0/24"},
	} {
		p, err := newPlan(topo, c.nats, Options{})
		if err != nil {
			t.Fatal(err)
		}
		at := p.machine(t, c.name).place
		if got := words(at.External); got != c.external || at.WAN != "wan" {
			t.Errorf("%s: external addresses %q of %s, want %q of wan", c.name, got, at.WAN, c.external)
		}
		if got := words(at.Inside); got != c.inside {
			t.Errorf("%s: inside are\n%s, want\n%s", c.name, got, c.inside)
		}
	}
}

// words joins what has a text.
func words[T fmt.Stringer](all []T) string {
	var texts []string
	for _, one := range all {
		texts = append(texts, one.String())
	}
	return strings.Join(texts, " ")
}

// What a NAT sends to one of its own external addresses comes back to it, and
// by no link that has a delay.
func TestPacketsToExternalAddressesTurnRound(t *testing.T) {
	topo, err := estate.WithRTT(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, outer := range []struct{ name, profile string }{{"carrier", ""}, {"nat-a", "none"}, {"nat-a", "linux-masquerade"}} {
		nats := everySlot(topo, owner(t, 2))
		if outer.profile != "" {
			nats["carrier"] = profile(t, outer.profile)
		}
		lab := buildTopology(t, topo, nats)
		nat := lab.node(t, outer.name)
		in := listenIn(t, nat.ns, wanDevice)
		for _, addr := range lab.Router(outer.name).External() {
			sendDatagram(t, nat.ns, addr)
			if got := in.next(t, unix.IPPROTO_UDP, addr); got.ttl != 63 {
				t.Errorf("%s: a packet to %s came back with TTL %d, want 63 after one hop", outer.name, addr, got.ttl)
			}
		}
		if stats, err := lab.Links(); err != nil || stats.Held > 0 {
			t.Errorf("%s: the links have held %+v of packets that were on none of them, %v", outer.name, stats, err)
		}
	}
}

// Everybody who should reach a NAT's external address does: those on its own
// segment without any router between.
func TestExternalAddressesAreReached(t *testing.T) {
	lab := buildTopology(t, estate, everySlot(estate, owner(t, 2)))
	for to, from := range map[string]map[string]byte{
		"carrier": {"rendezvous": 63},
		"nat-a":   {"nat-b": 64, "carol": 64, "carrier": 64},
		"nat-b":   {"nat-a": 64},
	} {
		in := listenIn(t, lab.node(t, to).ns, wanDevice)
		for sender, ttl := range from {
			for _, addr := range lab.Router(to).External() {
				sendDatagram(t, lab.node(t, sender).ns, addr)
				if got := in.next(t, unix.IPPROTO_UDP, addr); got.ttl != ttl {
					t.Errorf("%s to %s %s: TTL %d, want %d", sender, to, addr, got.ttl, ttl)
				}
			}
		}
	}
}
