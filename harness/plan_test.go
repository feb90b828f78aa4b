package harness

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// plans calls f with the plan of every shipped topology and one more, with
// NATs of both kinds and with routers that only forward in all of its slots.
func plans(t *testing.T, f func(t *testing.T, p *plan)) {
	t.Helper()
	for _, topo := range append(topologies.All(), estate) {
		for _, nat := range []natprofiles.Profile{profile(t, "linux-masquerade"), profile(t, "none"), owner(t, 3)} {
			for _, public := range []Public{Reserved, Routable} {
				t.Run(fmt.Sprint(topo.Name, "/", nat.Name, "/", public), func(t *testing.T) {
					p, err := newPlan(topo, everySlot(topo, nat), Options{Public: public})
					if err != nil {
						t.Fatal(err)
					}
					f(t, p)
				})
			}
		}
	}
}

// text writes a plan's machines, addresses and routes, one machine on a line.
func (p *plan) text() string {
	var b strings.Builder
	for _, m := range p.machines {
		fmt.Fprintf(&b, "%s:", m.Name)
		for _, i := range m.interfaces {
			fmt.Fprintf(&b, " %s", i.Name)
			if i.Bridge != "" {
				fmt.Fprintf(&b, "@%s", i.Bridge)
			}
			for _, a := range i.Addrs {
				fmt.Fprintf(&b, " %s", a)
			}
			b.WriteByte(',')
		}
		for _, r := range m.routes {
			fmt.Fprintf(&b, " %s>%s", strings.Replace(r.To.String(), "0.0.0.0/0", "default", 1), r.Via)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestPlanOfTwoNATs(t *testing.T) {
	topo := topology(t, "two-nats")
	p, err := newPlan(topo, NATs{"a": profile(t, "linux-masquerade"), "b": profile(t, "none")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Nobody but its NAT knows the way to alice; everybody knows one to bob.
	want := `
core: transit-a 198.18.0.1/28, transit-b 198.18.0.17/28, transit-s 198.18.0.33/28, 203.0.113.0/24>198.18.0.2 198.51.100.0/24>198.18.0.18 198.19.130.0/24>198.18.0.18 198.18.130.0/24>198.18.0.18 192.0.2.0/24>198.18.0.34
transit-a: up 198.18.0.2/28, nat-a 203.0.113.1/28, default>198.18.0.1
transit-b: up 198.18.0.18/28, nat-b 198.51.100.1/28, default>198.18.0.17 198.19.130.0/24>198.51.100.2 198.18.130.0/24>198.51.100.2
transit-s: up 198.18.0.34/28, rendezvous 192.0.2.1/28, default>198.18.0.33
nat-a: wan 203.0.113.2/28, lan 192.168.1.1/24, default>203.0.113.1
nat-b: wan 198.51.100.2/28, lan 198.19.130.1/24, default>198.51.100.1
alice: eth0 192.168.1.2/24, default>192.168.1.1
bob: eth0 198.19.130.2/24, default>198.19.130.1
rendezvous: eth0 192.0.2.2/28 192.0.2.3/28, default>192.0.2.1
`
	if diff := cmp.Diff(want, "\n"+p.text()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPlanOfACarrier(t *testing.T) {
	topo := topology(t, "double-nat")
	p, err := newPlan(topo, everySlot(topo, profile(t, "linux-masquerade")), Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Between two NATs is a carrier's network (RFC 6598), behind the last a home.
	for name, want := range map[string]string{
		"carrier": "carrier: wan 203.0.113.2/28, lan 100.64.1.1/24, default>203.0.113.1",
		"nat-a":   "nat-a: wan 100.64.1.2/24, lan 192.168.2.1/24, default>100.64.1.1",
		"alice":   "alice: eth0 192.168.2.2/24, default>192.168.2.1",
		"bob":     "bob: eth0 192.168.3.2/24, default>192.168.3.1",
	} {
		if !strings.Contains(p.text(), want+"\n") {
			t.Errorf("%s is not as in %q:\n%s", name, want, p.text())
		}
	}
}

func TestPlanOfASharedNetwork(t *testing.T) {
	topo := topology(t, "same-nat")
	p, err := newPlan(topo, everySlot(topo, profile(t, "linux-masquerade")), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := "nat-a: wan 203.0.113.2/28, lan0@lan, lan1@lan, lan 192.168.1.1/24, default>203.0.113.1\n"
	if !strings.Contains(p.text(), want) {
		t.Errorf("the NAT is not as in %q:\n%s", want, p.text())
	}
}

func TestOnlyVisibleNetworksAreRouted(t *testing.T) {
	plans(t, func(t *testing.T, p *plan) {
		for _, m := range p.machines {
			hidden := m.addrs
			for up := m.parent; up != nil; up = up.parent {
				known := slices.ContainsFunc(hidden, func(a netip.Addr) bool {
					return slices.ContainsFunc(up.networks(), func(n netip.Prefix) bool { return n.Contains(a) })
				})
				inSight := m.visibleTo(up)
				if len(hidden) > 0 && known != inSight {
					t.Errorf("%s knows a way to %s: %v, want %v", up.Name, m.Name, known, inSight)
				}
			}
		}
	})
}

// networks are what m has a route to, apart from the default.
func (m *machine) networks() (all []netip.Prefix) {
	for _, i := range m.interfaces {
		for _, a := range i.Addrs {
			all = append(all, a.Masked())
		}
	}
	for _, r := range m.routes {
		if r.To != everywhere {
			all = append(all, r.To)
		}
	}
	return all
}

// visibleTo says whether no NAT between m and up hides m.
func (m *machine) visibleTo(up *machine) bool {
	for between := m.parent; between != up; between = between.parent {
		if between.hides() {
			return false
		}
	}
	return true
}

func TestDefaultsOfSlotsAreProfiles(t *testing.T) {
	for _, topo := range topologies.All() {
		for _, s := range topo.Slots() {
			if s.Default == "" {
				continue
			}
			if _, err := natprofiles.Get(s.Default); err != nil {
				t.Errorf("%s: slot %s: %v", topo.Name, s.Name, err)
			}
		}
	}
}

// crowded is a topology with n hosts behind one NAT and as many transits
// beside it.
func crowded(hosts, addresses, transits int) topologies.Topology {
	nodes := []topologies.Node{
		{Name: "transit", Kind: topologies.Transit, Behind: topologies.Core},
		{Name: "nat", Kind: topologies.NAT, Behind: "transit", Slot: "a"},
	}
	for i := range hosts {
		nodes = append(nodes, topologies.Node{Name: fmt.Sprintf("host%d", i), Kind: topologies.Host, Behind: "nat", Addresses: addresses})
	}
	for i := range transits {
		name := fmt.Sprintf("transit%d", i)
		nodes = append(nodes, topologies.Node{Name: name, Kind: topologies.Transit, Behind: topologies.Core},
			topologies.Node{Name: name + "h", Kind: topologies.Host, Behind: name})
	}
	return topologies.Topology{Name: "crowded", Nodes: nodes}
}

func TestPlanSaysWhatIsTooMuch(t *testing.T) {
	for name, c := range map[string]struct {
		topology topologies.Topology
		want     string
	}{
		"fits":          {crowded(50, 5, 15), ""},
		"addresses":     {crowded(1, 254, 0), "nat: no address left in 192.168.1.0/24 for host0"},
		"all addresses": {crowded(1, 253, 0), ""},
		"transits":      {crowded(1, 1, 16), "core: more than 16 neighbours behind one router"},
	} {
		_, err := newPlan(c.topology, NATs{"a": profile(t, "linux-masquerade")}, Options{})
		if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Names that an interface cannot have, or that are taken, are good names for
// hosts.
func TestInterfacesOfHostsWithTakenNames(t *testing.T) {
	Need(t)
	topo := crowded(1, 1, 0)
	for _, name := range []string{"up", "lo", "all", "default", "eth0", "wan", "lan"} {
		topo.Nodes = append(topo.Nodes, topologies.Node{Name: name, Kind: topologies.Host, Behind: "transit"})
	}
	buildTopology(t, topo, NATs{"a": profile(t, "none")})
}
