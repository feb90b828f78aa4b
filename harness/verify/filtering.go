package verify

import (
	"github.com/punchlab/punchlab/natprofiles"
)

// filtering says whose packets come in: after an inside endpoint has talked to
// one remote endpoint, others try (RFC 5780 section 4.4).
func (p *prober) filtering() (word, error) {
	if !p.translates {
		if open, err := p.unfiltered(); err != nil || open {
			return word(natprofiles.Unfiltered), err
		}
	}
	s, err := p.begun(p.alice, p.remote(p.observer, 0))
	if err != nil {
		return "", err
	}
	others := []endpoint{p.another(s.remote), p.remote(p.observer, 1), p.remote(p.stranger, 0)}
	var enters [3]bool
	for i, from := range others {
		try, err := p.poke(from, endpoint{AddrPort: s.external()})
		if err != nil {
			return "", err
		}
		if try.delivered && !try.reaches(s.inside) {
			return wordf("a packet to %s reaches %s at %s", s.external(), try.target, try.at.name), nil
		}
		if enters[i] = try.delivered; enters[i] {
			if from, err := p.answersFrom(try, s); err != nil || from != "" {
				return from, err
			}
		}
	}
	if in, err := p.alive(s); err != nil || !in {
		return "nobody's packets come in, not even answers", err
	}
	switch enters {
	case [3]bool{true, true, true}:
		return word(natprofiles.EndpointIndependent), nil
	case [3]bool{true, false, false}:
		return word(natprofiles.AddressDependent), nil
	case [3]bool{}:
		return word(natprofiles.AddressAndPortDependent), nil
	}
	return wordf("from another port of the address: %t, another address: %t, another host: %t", enters[0], enters[1], enters[2]), nil
}

// unfiltered says whether a packet comes in that no mapping and no session is
// there for.
func (p *prober) unfiltered() (bool, error) {
	local, err := p.local(p.alice)
	if err != nil {
		return false, err
	}
	try, err := p.poke(p.remote(p.stranger, 0), endpoint{AddrPort: local.AddrPort})
	return try.reaches(local), err
}

// answersFrom lets the inside host answer a packet that came in, and says what
// is wrong with the answer, if anything is.
func (p *prober) answersFrom(in poke, s session) (word, error) {
	from := endpoint{at: s.inside.at, AddrPort: in.target}
	answer := shot{from.at, p.stamped(packet{
		protocol: p.protocol, source: in.target, target: in.source,
		flags: syn | ack, sequence: ^in.sequence, ack: in.sequence + 1, options: synOptions,
	})}
	arrived, err := p.shoot(answer)
	if err != nil {
		return "", err
	}
	for _, a := range arrived {
		if a.id != answer.id || p.inside(a.at) || a.target != in.source {
			continue
		}
		p.taken[p.protocol][a.source.Port()] = true
		if a.source != s.external() {
			return wordf("answers to those who may come in leave from %s instead of %s", a.source, s.external()), nil
		}
		return "", nil
	}
	return "answers to those who may come in do not come out", nil
}
