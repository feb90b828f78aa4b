package verify

import (
	"net/netip"

	"github.com/punchlab/punchlab/natprofiles"
)

// unsolicited says what is answered to a packet that nobody asked for: to a
// port that no mapping has, and to one that filtering refuses the sender; and
// that no packet comes in that is sent to an inside address from next door.
func (p *prober) unsolicited() (word, error) {
	s, unmapped, err := p.besideSession()
	if err != nil {
		return "", err
	}
	free, err := p.poke(p.remote(p.stranger, 0), endpoint{AddrPort: unmapped})
	if err != nil {
		return "", err
	}
	if free.delivered {
		return wordf("a packet to %s, which has no mapping, reaches %s", unmapped, free.at.name), nil
	}
	used, err := p.poke(p.remote(p.stranger, 0), endpoint{AddrPort: s.external()})
	switch {
	case err != nil:
		return "", err
	case !used.delivered && used.answer != free.answer:
		return wordf("%s at an unmapped port, %s at a mapped one", free.answer, used.answer), nil
	}
	if leak, err := p.enters(s); err != nil || leak != "" {
		return leak, err
	}
	return free.answer, nil
}

// besideSession begins a session, and finds an endpoint beside its own that has
// no mapping.
func (p *prober) besideSession() (s session, unmapped netip.AddrPort, err error) {
	if s, err = p.begun(p.alice, p.remote(p.observer, 0)); err != nil {
		return session{}, netip.AddrPort{}, err
	}
	unmapped, err = p.unmapped(s)
	return s, unmapped, err
}

// unmapped is an endpoint beside that of a session that has no mapping.
func (p *prober) unmapped(s session) (netip.AddrPort, error) {
	if !p.translates {
		local, err := p.local(p.alice)
		return local.AddrPort, err
	}
	for port := s.external().Port() ^ 1; ; port++ {
		if port >= leastPort && !p.taken[p.protocol][port] {
			return netip.AddrPortFrom(s.external().Addr(), port), nil
		}
	}
}

// enters says whether a packet from the WAN side comes in that is sent to an
// inside address, past translation: to the endpoint of a session, by its remote
// endpoint and by a stranger. Linux without any rules forwards it.
func (p *prober) enters(s session) (word, error) {
	if !p.translates || p.hint.Input == natprofiles.InputOpen {
		return "", nil
	}
	for _, from := range []endpoint{s.remote, p.remote(p.stranger, 0)} {
		try, err := p.poke(from, endpoint{AddrPort: s.inside.AddrPort})
		if err != nil {
			return "", err
		}
		if try.delivered {
			return wordf("a packet from %s to the inside address %s comes in", from.at.name, s.inside.Addr()), nil
		}
	}
	return "", nil
}
