package verify

import (
	"math"
	"net/netip"
	"strings"

	"github.com/punchlab/punchlab/natprofiles"
)

// rangeSeen says what range the ports come from that many sessions got. All
// must be in the range that the NAT is said to have. Where all ports were given
// out, or where they are random, there may be no stretch of it without any.
func (p *prober) rangeSeen(ports []uint16, all bool, how natprofiles.Allocation) word {
	declared := p.transport().Ports.Range
	widest := 1 << 16
	switch {
	case len(ports) == 0:
		return "none seen"
	case all:
		widest = 1
	case how == natprofiles.Random:
		widest = unseen(portsTotal(p.transport()), len(ports))
	}
	next := 0
	for _, r := range declared {
		last := int(r.Lo) - 1
		for ; next < len(ports) && ports[next] <= r.Hi; next++ {
			if ports[next] < r.Lo || int(ports[next])-last > widest {
				return seen(ports, widest)
			}
			last = int(ports[next])
		}
		if int(r.Hi)+1-last > widest {
			return seen(ports, widest)
		}
	}
	if next < len(ports) {
		return seen(ports, widest)
	}
	return rangesText(declared)
}

// unseen is how far apart neighbours can be of so many different random ports
// out of total: farther in one case of a billion.
func unseen(total, count int) int {
	n := float64(count)
	return 1 + int(math.Ceil(float64(total)*(math.Log(n)+math.Log(1e9))/n))
}

// seen describes ports as ranges between stretches without any.
func seen(ports []uint16, widest int) word {
	var words []string
	for i := 0; i < len(ports); {
		j := i
		for j+1 < len(ports) && int(ports[j+1])-int(ports[j]) <= widest {
			j++
		}
		words = append(words, wordf("%d-%d", ports[i], ports[j]))
		i = j + 1
	}
	const few = 4
	if len(words) > few {
		words = append(words[:few], "…")
	}
	return strings.Join(words, ", ") + " seen"
}

// edges says whether the ports at the ends of the range are kept and those
// beyond are not, where ports are preserved. Well-known ports are left alone:
// Linux keeps those as well.
func (p *prober) edges() (word, error) {
	declared := p.transport().Ports.Range
	for _, r := range declared {
		for _, port := range []int{int(r.Lo) - 1, int(r.Lo), int(r.Hi), int(r.Hi) + 1} {
			if port < leastPort || port > math.MaxUint16 || p.taken[p.protocol][uint16(port)] {
				continue
			}
			p.taken[p.protocol][uint16(port)] = true
			local := endpoint{p.alice, netip.AddrPortFrom(p.alice.addrs[0], uint16(port))}
			got, err := p.open(pair{local, p.remote(p.observer, 0)})
			if err != nil {
				return "", err
			}
			kept := got[0].passed && got[0].external().Port() == local.Port()
			if want := within(declared, uint16(port)); kept != want {
				return wordf("%d is kept: %t", port, kept), nil
			}
			if out := got[0]; out.passed && !within(declared, out.external().Port()) {
				return wordf("%d gets %d", port, out.external().Port()), nil
			}
		}
	}
	return rangesText(declared), nil
}

func within(ranges []natprofiles.Interval, port uint16) bool {
	for _, r := range ranges {
		if r.Lo <= port && port <= r.Hi {
			return true
		}
	}
	return false
}
