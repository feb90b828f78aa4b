package harness

import (
	"fmt"
	"net/netip"
)

// realm is where an address means something.
type realm int

const (
	public  realm = iota // the internet of a lab
	carrier              // between a carrier's NAT and its subscribers (RFC 6598)
	home                 // behind a home router (RFC 1918)
)

var everywhere = netip.MustParsePrefix("0.0.0.0/0")

// privateRanges are the addresses that mean nothing on the internet (RFC 1918,
// RFC 6598): the core drops packets from and to them whatever its routes say,
// so that neither a leaked packet nor a leaked route can pass for a success.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
}

// Public says what the addresses of a lab's internet are.
type Public int

const (
	// Reserved are addresses that no host of the real internet has: the
	// networks that people know from documents (RFC 5737) and the range for
	// benchmarks (RFC 2544).
	Reserved Public = iota
	// Routable are addresses that hosts of the real internet have, for programs
	// that look at an address before they use it: many take the reserved ones
	// for private and then never punch. A lab is sealed, and so nobody gets to
	// see their packets.
	Routable
)

// String is the name of the choice.
func (p Public) String() string {
	switch p {
	case Reserved:
		return "reserved"
	case Routable:
		return "routable"
	default:
		return fmt.Sprintf("Public(%d)", int(p))
	}
}

// internet is where the public networks of a lab come from.
type internet struct {
	// known are the networks behind the first transits.
	known []netip.Prefix
	// core and edge are two networks of 16 bits: between the routers, and
	// behind those that translate nothing.
	core, edge [2]byte
}

// internets are the two choices. The routable networks are next to those that
// are reserved, and in none of the special-purpose ranges (RFC 6890).
var internets = map[Public]internet{
	Reserved: {
		known: []netip.Prefix{
			netip.MustParsePrefix("203.0.113.0/24"),
			netip.MustParsePrefix("198.51.100.0/24"),
			netip.MustParsePrefix("192.0.2.0/24"),
		},
		core: [2]byte{198, 18}, edge: [2]byte{198, 19},
	},
	Routable: {
		known: []netip.Prefix{
			netip.MustParsePrefix("203.1.113.0/24"),
			netip.MustParsePrefix("198.52.100.0/24"),
			netip.MustParsePrefix("192.1.2.0/24"),
		},
		core: [2]byte{198, 20}, edge: [2]byte{198, 21},
	},
}

// addressPool gives out networks, each once.
type addressPool struct {
	internet       internet
	accesses, lans int
}

const (
	// mostNetworks is how many networks of a kind a lab has.
	mostNetworks = 100
	subnetBits   = 28 // a gateway and 13 addresses
	subnetSize   = 1 << (32 - subnetBits)
)

// access is the network between a transit and what is behind it, or that of
// the core and its transits.
func (a *addressPool) access(core bool) (netip.Prefix, error) {
	if core {
		return network(a.internet.core, 0), nil
	}
	i := a.accesses
	if a.accesses++; a.accesses > mostNetworks {
		return netip.Prefix{}, fmt.Errorf("more than %d transits", mostNetworks)
	}
	if i < len(a.internet.known) {
		return a.internet.known[i], nil
	}
	return network(a.internet.core, 1+i), nil
}

// lan is the network behind a NAT. Every NAT has another one: two homes with
// the same network would hide a route that leaks between them. Behind a router
// that does not translate, the network is of the same realm as in front of it.
func (a *addressPool) lan(inside realm, translated bool) (netip.Prefix, error) {
	i := a.lans
	if a.lans++; a.lans > mostNetworks {
		return netip.Prefix{}, fmt.Errorf("more than %d NATs", mostNetworks)
	}
	third := 1 + i
	if !translated {
		third += 128
	}
	switch inside {
	case home:
		return network([2]byte{192, 168}, third), nil
	case carrier:
		return network([2]byte{100, 64}, third), nil
	}
	return network(a.internet.edge, third), nil
}

// crowd is a second network behind the NAT that lan was called for last, of
// the same realm as the first.
func (a *addressPool) crowd(inside realm) netip.Prefix {
	switch inside {
	case home:
		return network([2]byte{172, 16}, a.lans)
	case carrier:
		return network([2]byte{100, 65}, a.lans)
	}
	return network(a.internet.core, 128+a.lans)
}

// sink is a network that nobody has and that the core drops packets to.
func (i internet) sink() netip.Prefix { return network(i.core, 255) }

func network(high [2]byte, third int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{high[0], high[1], byte(third), 0}), 24)
}

// addresses gives out the addresses of a network, in order.
type addresses struct {
	of   netip.Prefix
	last netip.Addr
}

// take returns that many addresses, or none if there are fewer. The last of
// the network is its broadcast address.
func (a *addresses) take(count int) []netip.Addr {
	var taken []netip.Addr
	for range count {
		if a.last = a.last.Next(); !a.of.Contains(a.last.Next()) {
			return nil
		}
		taken = append(taken, a.last)
	}
	return taken
}

// subnet is the i-th part of a network.
func subnet(n netip.Prefix, i int) (netip.Prefix, error) {
	if i*subnetSize >= 256 {
		return netip.Prefix{}, fmt.Errorf("more than %d neighbours behind one router", 256/subnetSize)
	}
	addr := n.Addr().As4()
	addr[3] = byte(i * subnetSize)
	return netip.PrefixFrom(netip.AddrFrom4(addr), subnetBits), nil
}
