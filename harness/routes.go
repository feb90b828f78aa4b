package harness

import (
	"net/netip"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/topologies"
)

// route tells m's neighbours the ways to m, and m what is behind it.
//
// The external addresses of a NAT are routes to it and on none of its
// interfaces. What it sends to one of them itself goes to its gateway, which
// sends it back: a packet from inside to the outside of the same NAT comes in
// again as if it came from elsewhere, and is translated and filtered as such
// (RFC 4787 section 6, "external source IP address and port").
func (p *plan) route(m *machine) {
	for _, to := range p.routed(m) {
		m.parent.routes = append(m.parent.routes, kernel.Route{To: to, Via: m.addrs[0]})
	}
	if m.Kind == topologies.NAT {
		m.place = natrules.Place{WAN: wanDevice, External: m.external, Inside: p.behind(m)}
	}
	for _, addr := range m.external {
		to := netip.PrefixFrom(addr, addr.BitLen())
		m.routes = append(m.routes, kernel.Route{To: to, Via: m.gateway})
		for _, other := range p.segmentOf(m) {
			other.routes = append(other.routes, kernel.Route{To: to, Via: m.addrs[0]})
		}
	}
}

// segmentOf lists the machines that m shares a segment with: its parent, and
// behind a NAT also its siblings.
func (p *plan) segmentOf(m *machine) []*machine {
	others := []*machine{m.parent}
	if m.parent.Kind != topologies.NAT {
		return others
	}
	for _, c := range p.children(m.parent) {
		if c != m {
			others = append(others, c)
		}
	}
	return others
}

// routed lists the networks behind m that its parent must know: those that no
// NAT hides.
func (p *plan) routed(m *machine) []netip.Prefix {
	if m.Kind == topologies.Host || m.hides() {
		return nil
	}
	return p.behind(m)
}

// behind lists the networks behind m that m knows a way to.
func (p *plan) behind(m *machine) []netip.Prefix {
	networks := []netip.Prefix{m.lan}
	if m.Kind == topologies.NAT {
		networks = append(networks, m.crowd)
	}
	for _, c := range p.children(m) {
		networks = append(networks, p.routed(c)...)
	}
	return networks
}
