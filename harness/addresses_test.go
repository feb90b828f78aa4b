package harness

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/punchlab/punchlab/topologies"
)

// ranges are those that the documentation of a lab names.
var ranges = map[realm][]netip.Prefix{
	carrier: {netip.MustParsePrefix("100.64.0.0/10")},
	home:    {netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("172.16.0.0/12")},
}

// publicRanges are those of a lab's internet.
var publicRanges = map[Public][]netip.Prefix{
	Reserved: {
		netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	},
	Routable: {
		netip.MustParsePrefix("203.1.113.0/24"), netip.MustParsePrefix("198.52.100.0/24"),
		netip.MustParsePrefix("192.1.2.0/24"), netip.MustParsePrefix("198.20.0.0/15"),
	},
}

// specialPurpose are the IPv4 ranges that IANA's registry of special-purpose
// addresses lists (RFC 6890 and later), multicast (RFC 5771), and 192.88.99.0/24
// (RFC 7526).
var specialPurpose = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
}

// No program may take a routable address for a special one, and every reserved
// one must be special.
func TestRoutableAddressesAreNothingSpecial(t *testing.T) {
	for public, want := range map[Public]bool{Reserved: true, Routable: false} {
		for _, r := range publicRanges[public] {
			special := slices.ContainsFunc(specialPurpose, func(s string) bool { return netip.MustParsePrefix(s).Overlaps(r) })
			if special != want {
				t.Errorf("%s is in a special-purpose range: %v, want %v", r, special, want)
			}
		}
	}
}

func TestAddressesAreOfTheRangesOfTheirRealm(t *testing.T) {
	plans(t, func(t *testing.T, p *plan) {
		within := func(n netip.Prefix) func(r netip.Prefix) bool {
			return func(r netip.Prefix) bool { return r.Overlaps(n) && r.Bits() <= n.Bits() }
		}
		allowed := func(r realm) []netip.Prefix {
			if r != public {
				return ranges[r]
			}
			for choice, net := range internets {
				if net.core == p.pool.internet.core {
					return publicRanges[choice]
				}
			}
			return nil
		}
		for _, m := range p.machines[1:] {
			outside := public
			for up := m.parent; up != nil; up = up.parent {
				if up.hides() {
					outside = up.inside
					break
				}
			}
			for _, a := range slices.Concat(m.addrs, m.external) {
				if !slices.ContainsFunc(allowed(outside), within(netip.PrefixFrom(a, 32))) {
					t.Errorf("%s has %s, which is not of %v", m.Name, a, allowed(outside))
				}
			}
			if m.Kind == topologies.NAT && !slices.ContainsFunc(allowed(m.inside), within(m.crowd)) {
				t.Errorf("behind %s is %s, which is not of %v", m.Name, m.crowd, allowed(m.inside))
			}
		}
	})
}

// What goes to the sink must go to nobody.
func TestNobodyHasTheSink(t *testing.T) {
	plans(t, func(t *testing.T, p *plan) {
		sink := p.machines[0].sink
		for _, m := range p.machines {
			if slices.ContainsFunc(m.networks(), sink.Overlaps) {
				t.Errorf("%s knows a way to %s: %v", m.Name, sink, m.networks())
			}
		}
	})
}

// Every private address must be dropped by the core, or a leak is a success.
func TestTheCoreKnowsAllPrivateRanges(t *testing.T) {
	for _, r := range slices.Concat(ranges[carrier], ranges[home]) {
		if !slices.ContainsFunc(privateRanges, func(p netip.Prefix) bool { return p.Overlaps(r) && p.Bits() <= r.Bits() }) {
			t.Errorf("the core does not drop %s", r)
		}
	}
	for _, r := range slices.Concat(publicRanges[Reserved], publicRanges[Routable]) {
		if slices.ContainsFunc(privateRanges, r.Overlaps) {
			t.Errorf("the core drops the public %s", r)
		}
	}
}

func TestNoTwoAddressesNetworksOrMACsAreTheSame(t *testing.T) {
	plans(t, func(t *testing.T, p *plan) {
		var addrs, lans, macs []string
		for _, m := range p.machines {
			for _, i := range m.interfaces {
				for _, a := range i.Addrs {
					addrs = append(addrs, a.Addr().String())
				}
			}
			for _, a := range m.external {
				addrs = append(addrs, a.String())
			}
			if m.Kind == topologies.NAT {
				lans = append(lans, m.lan.String(), m.crowd.String())
			}
			if m.bridge != nil {
				macs = append(macs, m.bridge.mac.String())
			}
		}
		for _, c := range p.cables {
			macs = append(macs, c.childMAC.String(), c.parentMAC.String())
		}
		for what, all := range map[string][]string{"addresses": addrs, "networks behind NATs": lans, "MACs": macs} {
			slices.Sort(all)
			if unique := slices.Compact(slices.Clone(all)); len(unique) != len(all) {
				t.Errorf("%s: two of %v are the same", what, all)
			}
		}
	})
}
