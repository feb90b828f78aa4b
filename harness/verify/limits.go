package verify

import (
	"slices"
	"strconv"

	"github.com/punchlab/punchlab/natprofiles"
)

// observeRoom finds out how many mappings there is room for, and what the ports
// are that are given out.
func (p *prober) observeRoom(how allocation, found findings) error {
	if err := p.fresh(); err != nil {
		return err
	}
	f, err := p.flood(0, p.most())
	if err != nil {
		return err
	}
	end, err := p.bound(0, f)
	if err := found.note("limits.mappings", p.protocol, unlimited, err); err != nil {
		return err
	}
	found[key{"limits.per-host", p.protocol}] = unlimited
	if len(f.refusals) > 0 {
		if err := p.atLimit(f, found); err != nil {
			return err
		}
	}
	switch end {
	case byMappings:
		found[key{"limits.mappings", p.protocol}] = strconv.Itoa(len(f.got))
	case byHost:
		found[key{"limits.per-host", p.protocol}] = strconv.Itoa(len(f.got))
		if err := p.total(len(f.got), found); err != nil {
			return err
		}
	case byBlock:
		found[key{"ports.block.size", p.protocol}] = strconv.Itoa(len(f.got))
	}
	if f.double() {
		found[key{"ports.overloading", p.protocol}] = "true"
	}
	if p.translates && how.how != natprofiles.Preserve {
		found[key{"ports.range", p.protocol}] = p.rangeSeen(f.ports(), end == byRange, how.how)
	}
	return nil
}

// most is how many sessions of one host a flood tries: enough to meet what
// there is said to be, and one volley more.
func (p *prober) most() int {
	most := crowd
	if near, room := exhaustible(p.hint, p.protocol); near {
		most = max(most, room+1)
		if p.transport().Ports.Parity {
			most += room // half of them are refused while there are ports of the other kind
		}
	}
	if p.hint.Limits.PerHost == 0 {
		most = max(most, p.hint.Limits.Mappings+1)
	}
	return most
}

// total finds the limit of all mappings where each host has one of its own: one
// host after the other takes what it gets.
func (p *prober) total(each int, found findings) error {
	if err := p.fresh(); err != nil || each == 0 {
		return err
	}
	const atLeast = 4 // hosts, where no limit is said to be near
	sum, want := 0, max(p.hint.Limits.Mappings, atLeast*each)
	for host := 0; sum <= want && host < mostHosts; host++ {
		f, err := p.flood(host, each)
		if err != nil {
			return err
		}
		if sum += len(f.got); len(f.got) < each {
			found[key{"limits.mappings", p.protocol}] = strconv.Itoa(sum)
			return nil
		}
	}
	return nil
}

// mostHosts is how many inside hosts there are to be had in their network.
const mostHosts = 200

// atLimit notes what a host gets that asks for one mapping too many, and
// whether those that there were before still work.
func (p *prober) atLimit(f flood, found findings) error {
	answer := p.refused(f.refusals)
	if len(f.sessions) > 0 {
		in, err := p.alive(f.sessions[0])
		if err != nil {
			return err
		}
		if !in {
			answer += ", and older mappings end"
		}
	}
	found[key{"limits.at-limit", p.protocol}] = answer
	return nil
}

// refused names the answer that all got who were refused a mapping.
func (p *prober) refused(answers []word) word {
	answers = slices.Compact(slices.Sorted(slices.Values(answers)))
	switch {
	case len(answers) > 1:
		return wordf("%s or %s", answers[0], answers[1])
	case p.protocol == udp && answers[0] == word(natprofiles.PortUnreachable):
		return word(natprofiles.Reset)
	}
	return answers[0]
}
