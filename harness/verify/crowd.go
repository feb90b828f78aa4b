package verify

import (
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/punchlab/punchlab/natprofiles"
)

// flood is what came of many endpoints of one inside host that opened a session
// each.
type flood struct {
	got      []netip.AddrPort // external endpoints, in order
	sessions []session
	refusals []word // what those got that were refused
}

// flood lets the i-th inside host open sessions, until all of a volley are
// refused or it has most. In the volley in which a limit is met some pass, and
// the rest are refused; so is half of each once a NAT that keeps parity has no
// even ports left.
func (p *prober) flood(i, most int) (flood, error) {
	var f flood
	ports := p.floodPorts()
	refused := false
	for most = min(most, len(ports)); most > 0 && !refused; {
		n := min(volleySize, most)
		var pairs []pair
		for _, port := range ports[:n] {
			pairs = append(pairs, pair{p.insider(i, port), p.remote(p.observer, 0)})
		}
		ports, most = ports[n:], most-n
		sessions, err := p.open(pairs...)
		if err != nil {
			return f, err
		}
		refused = true
		for _, s := range sessions {
			refused = refused && !s.passed
			if s.passed {
				f.got, f.sessions = append(f.got, s.external()), append(f.sessions, s)
			} else {
				f.refusals = append(f.refusals, s.refusal)
			}
		}
	}
	return f, nil
}

// floodPorts are inside ports in no order. Where a port that cannot be kept is
// refused, they are those that can.
func (p *prober) floodPorts() []uint16 {
	ranges := every
	if t := p.transport(); t.Ports.OnConflict == natprofiles.Fail {
		ranges = t.Ports.Range
	}
	var ports []uint16
	for _, r := range ranges {
		for port := int(r.Lo); port <= int(r.Hi); port++ {
			if port >= leastPort && !p.taken[p.protocol][uint16(port)] {
				ports = append(ports, uint16(port))
			}
		}
	}
	rand.Shuffle(len(ports), func(i, j int) { ports[i], ports[j] = ports[j], ports[i] })
	return ports
}

// double says whether an external endpoint was given out twice.
func (f flood) double() bool {
	seen := map[netip.AddrPort]bool{}
	for _, e := range f.got {
		if seen[e] {
			return true
		}
		seen[e] = true
	}
	return false
}

// ports are the external ports, sorted, each once.
func (f flood) ports() []uint16 {
	var ports []uint16
	for _, e := range f.got {
		ports = append(ports, e.Port())
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// bound is what ends a flood.
type bound int

const (
	boundless  bound = iota // nothing did
	byMappings              // no host gets another mapping of either protocol
	byHost                  // the host gets none, others do
	byRange                 // no host gets another port of the protocol
	byBlock                 // the host gets none of the protocol
)

// bound says what a flood of the i-th host has met: whether the host still gets
// a mapping of the other protocol, and whether the next host gets one of either.
func (p *prober) bound(i int, f flood) (bound, error) {
	if len(f.refusals) == 0 {
		return boundless, nil
	}
	other := *p
	if other.protocol = udp; p.protocol == udp {
		other.protocol = tcp
	}
	var may [3]bool
	for n, try := range []struct {
		as   *prober
		host int
	}{{&other, i}, {p, i + 1}, {&other, i + 1}} {
		ports := try.as.floodPorts()
		if len(ports) == 0 {
			return boundless, unmeasurable(errNoPort)
		}
		got, err := try.as.open(pair{p.insider(try.host, ports[0]), p.remote(p.observer, 0)})
		if err != nil {
			return boundless, err
		}
		may[n] = got[0].passed
	}
	switch {
	case may[0] && may[1]:
		return byBlock, nil
	case may[0]:
		return byRange, nil
	case may[1]:
		return byHost, nil
	}
	return byMappings, nil
}
