package harness

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// plan is a lab on paper: every machine, cable, address and route of a
// topology with profiles in its slots. It is pure data; build makes it real.
type plan struct {
	machines []*machine // the core first, then parents before children
	cables   []cable
	pool     addressPool
	macs     uint32
}

// machine is one node of a lab: a network namespace to be.
type machine struct {
	topologies.Node
	profile natprofiles.Profile // of NATs
	parent  *machine
	inside  realm // of the networks behind it

	addrs      []netip.Addr // on the side of its parent
	external   []netip.Addr // of a NAT: not on an interface, but routed to it
	gateway    netip.Addr   // its parent's address on the segment between them
	lan        netip.Prefix // behind a NAT
	crowd      netip.Prefix // behind a NAT, kept free for cross traffic
	bridge     *bridge
	interfaces []kernel.Interface
	routes     []kernel.Route
	place      natrules.Place // of a NAT
	sink       netip.Prefix   // that the core drops packets to
}

// bridge joins the cables of a NAT that has several inside neighbours, so that
// these share one segment, as the sockets of a home router do.
type bridge struct {
	name string
	mac  net.HardwareAddr
}

// cable is a veth pair between a machine and its parent.
type cable struct {
	child, parent       *machine
	childEnd, parentEnd string
	childMAC, parentMAC net.HardwareAddr
}

// The names of interfaces. Towards a child, core and transits name the
// interface after it.
const (
	hostDevice    = "eth0"
	wanDevice     = "wan"
	lanDevice     = "lan"
	transitDevice = "up"
)

// newPlan gives every node of t its place and its addresses.
func newPlan(t topologies.Topology, nats NATs, o Options) (*plan, error) {
	net, known := internets[o.Public]
	if !known {
		return nil, fmt.Errorf("public addresses are %v or %v, not choice %d", Reserved, Routable, o.Public)
	}
	core := &machine{Node: topologies.Node{Name: topologies.Core}, inside: public, sink: net.sink()}
	p := &plan{machines: []*machine{core}, pool: addressPool{internet: net}}
	byName := map[string]*machine{topologies.Core: core}
	for _, n := range t.Nodes {
		m := &machine{Node: n, parent: byName[n.Behind]}
		if n.Kind == topologies.NAT {
			m.profile = nats[n.Slot]
		}
		m.inside = m.realm(t)
		byName[n.Name] = m
		p.machines = append(p.machines, m)
	}
	for _, m := range p.machines {
		if err := p.attach(m, p.children(m)); err != nil {
			return nil, err
		}
	}
	for _, m := range p.machines[1:] {
		p.route(m)
	}
	return p, nil
}

func (p *plan) children(of *machine) []*machine {
	var all []*machine
	for _, m := range p.machines {
		if m.parent == of {
			all = append(all, m)
		}
	}
	return all
}

// realm is the kind of addresses that the networks behind m have.
func (m *machine) realm(t topologies.Topology) realm {
	if !m.hides() {
		return m.parent.inside
	}
	for _, c := range t.Children(m.Name) {
		if c.Kind == topologies.NAT {
			return carrier
		}
	}
	return home
}

// attach lays the cables from m to its children and addresses them: a segment
// for each behind a core or transit, one segment for all behind a NAT.
func (p *plan) attach(m *machine, children []*machine) error {
	switch m.Kind {
	case topologies.Host:
		return nil
	case topologies.NAT:
		net, err := p.pool.lan(m.inside, m.profile.Translate)
		if err != nil {
			return err
		}
		m.lan, m.crowd = net, p.pool.crowd(m.inside)
		return p.segment(m, net, children)
	}
	access, err := p.pool.access(m.Name == topologies.Core)
	if err != nil {
		return err
	}
	m.lan = access
	for i, c := range children {
		net, err := subnet(access, i)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		if err := p.segment(m, net, []*machine{c}); err != nil {
			return err
		}
	}
	return nil
}

// segment connects children to m over one IP network, in which m has the
// first address.
func (p *plan) segment(m *machine, network netip.Prefix, children []*machine) error {
	gateway := kernel.Neighbour{Addr: network.Addr().Next(), MAC: p.mac()}
	gatewayEnd := p.gatewayInterface(m, gateway.MAC, children)
	members := []kernel.Neighbour{gateway}
	free := &addresses{of: network, last: gateway.Addr}
	for i, c := range children {
		mac := p.mac()
		if !c.settle(free) {
			return fmt.Errorf("%s: no address left in %s for %s", m.Name, network, c.Name)
		}
		for _, addr := range c.addrs {
			members = append(members, kernel.Neighbour{Addr: addr, MAC: mac})
		}
		c.gateway = gateway.Addr
		c.routes = append(c.routes, kernel.Route{To: everywhere, Via: gateway.Addr})
		cable := cable{child: c, parent: m, childEnd: c.upDevice(), childMAC: mac, parentEnd: gatewayEnd, parentMAC: gateway.MAC}
		if m.bridge != nil {
			cable.parentEnd, cable.parentMAC = fmt.Sprintf("%s%d", lanDevice, i), p.mac()
			m.interfaces = append(m.interfaces, kernel.Interface{Name: cable.parentEnd, Bridge: m.bridge.name})
		}
		p.cables = append(p.cables, cable)
	}
	m.interfaces = append(m.interfaces, configured(gatewayEnd, network, []netip.Addr{gateway.Addr}, members))
	for _, c := range children {
		c.interfaces = append(c.interfaces, configured(c.upDevice(), network, c.addrs, members))
	}
	return nil
}

// settle gives m its addresses in the network in front of it, and says whether
// there were enough.
func (m *machine) settle(free *addresses) bool {
	m.addrs = free.take(max(m.Addresses, 1))
	if m.owns() {
		m.external = free.take(m.profile.Addresses.Count)
		return len(m.external) > 0
	}
	return len(m.addrs) > 0
}

// owns says whether m is a NAT with external addresses of its own, apart from
// that of its interface, as all have but Linux's.
func (m *machine) owns() bool { return m.hides() && !m.profile.Overloads() }

// hides says whether m is a NAT that translates, behind which addresses mean
// nothing to others.
func (m *machine) hides() bool { return m.Kind == topologies.NAT && m.profile.Translate }

// gatewayInterface names m's interface towards children, a bridge where a NAT
// has several.
func (p *plan) gatewayInterface(m *machine, mac net.HardwareAddr, children []*machine) string {
	if m.Kind != topologies.NAT {
		return toward(children[0].Name)
	}
	if len(children) > 1 {
		m.bridge = &bridge{name: lanDevice, mac: mac}
	}
	return lanDevice
}

// toward names a router's interface after the node behind it. No node has a
// name with a point, which keeps clear of names that are taken: the uplink's,
// the loopback's, and those of directories in /proc/sys/net/ipv4/conf.
func toward(child string) string {
	if slices.Contains([]string{transitDevice, "lo", "all", "default"}, child) {
		return child + ".0"
	}
	return child
}

// configured is an interface that has addrs in network and knows the other
// members of the segment.
func configured(name string, network netip.Prefix, addrs []netip.Addr, members []kernel.Neighbour) kernel.Interface {
	i := kernel.Interface{Name: name}
	for _, a := range addrs {
		i.Addrs = append(i.Addrs, netip.PrefixFrom(a, network.Bits()))
	}
	for _, n := range members {
		if !slices.Contains(addrs, n.Addr) {
			i.Neighbours = append(i.Neighbours, n)
		}
	}
	return i
}

// upDevice names m's interface towards its parent.
func (m *machine) upDevice() string {
	switch m.Kind {
	case topologies.Host:
		return hostDevice
	case topologies.NAT:
		return wanDevice
	}
	return transitDevice
}

// mac gives out locally administered addresses: bit 1 of the first byte says
// that no maker assigned them.
func (p *plan) mac() net.HardwareAddr {
	p.macs++
	return binary.BigEndian.AppendUint32(net.HardwareAddr{0x02, 0x00}, p.macs)
}
