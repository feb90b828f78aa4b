package verify

import (
	"github.com/punchlab/punchlab/natprofiles"
)

// hairpin says what becomes of packets between two inside hosts that talk to
// each other's external endpoint. Each host sends in turn, so that filters that
// demand it have seen the host that they protect send first.
func (p *prober) hairpin() (word, error) {
	a, err := p.begun(p.alice, p.remote(p.observer, 0))
	if err != nil {
		return "", err
	}
	b, err := p.begun(p.bob, p.remote(p.observer, 0))
	if err != nil {
		return "", err
	}
	there, back := p.turn(a, b), p.turn(b, a)
	there.reverse, back.reverse = back, there
	turned := false
	for range 2 {
		for _, t := range []*turn{there, back} {
			how, out, err := p.turnRound(t)
			if err != nil || how != "" {
				return how, err
			}
			turned = turned || out
		}
	}
	if turned {
		return word(natprofiles.HairpinExternal), nil
	}
	return word(natprofiles.HairpinNone), nil
}

// turn is a packet from the inside endpoint of one session to the external one
// of another, and the one the other way.
type turn struct {
	from, to session
	sent     shot
	reverse  *turn
}

func (p *prober) turn(from, to session) *turn {
	return &turn{from: from, to: to, sent: p.opening(from.inside, endpoint{AddrPort: to.external()})}
}

// turnRound sends such a packet, and says how it gets there. Where it does not,
// turned says whether the NAT has translated it all the same, as the street
// could see: then it was filtered like everybody else's. That is how it always
// ends where both mapping and filtering depend on the port, as between two such
// NATs.
func (p *prober) turnRound(t *turn) (how word, turned bool, err error) {
	t.sent.packet = p.stamped(t.sent.packet)
	arrived, err := p.shoot(t.sent)
	if err != nil {
		return "", false, err
	}
	for _, a := range arrived {
		if a.id != t.sent.id || !sameContent(a.packet, t.sent.packet) {
			continue
		}
		outside := p.translates && a.source.Addr() == t.from.external().Addr()
		switch {
		case a.at == p.upstream && outside:
			p.taken[p.protocol][a.source.Port()] = true
			turned = true
		case a.at != t.to.inside.at || a.target != t.to.inside.AddrPort:
		case a.broken != "":
			return wordf("a packet in which %s", a.broken), true, nil
		default:
			how, err := p.answered(a, t)
			return how, true, err
		}
	}
	return "", turned, nil
}

// answered names the source that a hairpinned packet has. Where it is an external
// one, the answer must come back from the external endpoint that the packet was
// sent to. A SYN-ACK has the number of the SYN that the host may have sent before
// (RFC 9293 section 3.5, simultaneous open).
func (p *prober) answered(a arrival, t *turn) (word, error) {
	switch {
	case a.source == t.from.inside.AddrPort:
		return word(natprofiles.HairpinInternal), nil
	case a.source.Addr() != t.from.external().Addr():
		return wordf("a packet from %s", a.source), nil
	}
	answer := shot{t.to.inside.at, p.stamped(packet{
		protocol: p.protocol, source: a.target, target: a.source,
		flags: syn | ack, sequence: t.reverse.sent.sequence, ack: a.sequence + 1, options: synOptions,
	})}
	arrived, err := p.shoot(answer)
	for _, back := range arrived {
		if back.id == answer.id && back.at == t.from.inside.at && back.source == t.to.external() && back.target == t.from.inside.AddrPort {
			return word(natprofiles.HairpinExternal), err
		}
	}
	return wordf("%s, but answers do not come back", natprofiles.HairpinExternal), err
}
