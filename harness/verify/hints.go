package verify

import (
	"github.com/punchlab/punchlab/natprofiles"
)

// portsTotal is how many ports a profile gives out for a protocol.
func portsTotal(t natprofiles.Transport) int {
	total := 0
	for _, r := range t.Ports.Range {
		total += portsOf(r)
	}
	return total
}

// capacity is how many sessions the NAT is said to have room for.
func (p *prober) capacity() int { return capacityOf(p.hint, p.protocol) }

func capacityOf(profile natprofiles.Profile, of protocol) int {
	room := 1 << 16
	t := transportOf(profile, of)
	for _, n := range []int{portsTotal(t), profile.Limits.Mappings, profile.Limits.PerHost, t.Ports.Block.Size} {
		if n > 0 {
			room = min(room, n)
		}
	}
	return room
}

// crowd is how many sessions of one host are tried where no limit is said to be
// near.
const crowd = 2048

// exhaustible says whether a profile says that a host can be refused a mapping
// by asking for few enough of them, and how many.
func exhaustible(p natprofiles.Profile, of protocol) (bool, int) {
	t := transportOf(p, of)
	room := capacityOf(p, of)
	switch {
	case p.Limits.Mappings > 0 || p.Limits.PerHost > 0 || room <= 4*crowd:
		return true, room
	case t.Ports.OnConflict == natprofiles.Fail:
		return true, 0 // a conflict is enough
	}
	return false, 0
}

// cramped says whether the probes have to make room for each other.
func cramped(p natprofiles.Profile) bool {
	return min(capacityOf(p, tcp), capacityOf(p, udp)) < crowd
}
