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

// accessNetworks are the public networks that people know from documents (RFC
// 5737). Further ones come out of the benchmarking range 198.18.0.0/15 (RFC
// 2544).
var accessNetworks = []netip.Prefix{
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
}

// addressPool gives out networks, each once.
type addressPool struct {
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
		return network(198, 18, 0), nil
	}
	i := a.accesses
	if a.accesses++; a.accesses > mostNetworks {
		return netip.Prefix{}, fmt.Errorf("more than %d transits", mostNetworks)
	}
	if i < len(accessNetworks) {
		return accessNetworks[i], nil
	}
	return network(198, 18, 1+i), nil
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
		return network(192, 168, third), nil
	case carrier:
		return network(100, 64, third), nil
	}
	return network(198, 19, third), nil
}

func network(a, b, c int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(a), byte(b), byte(c), 0}), 24)
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
