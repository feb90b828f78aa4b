package verify

import (
	"github.com/punchlab/punchlab/natprofiles"
)

// ICMP types and codes (RFC 792, RFC 1812 section 5.2.7.1).
const (
	unreachable       = 3
	portUnreachable   = 3
	adminProhibited   = 13
	timeExceeded      = 11
	exceededInTransit = 0
)

// answerTo says what the sender of a packet got for it, in the words of a
// profile. An answer that is wrong in itself is said to be.
func (s *scene) answerTo(sent shot, arrived []arrival) word {
	answer := word(natprofiles.Drop)
	for _, a := range arrived {
		if a.at != sent.from {
			continue
		}
		switch inner, is := a.quoted(); {
		case is && inner.id == sent.id:
			answer = icmpAnswer(a.packet, inner, sent.packet)
		case !is && a.protocol == tcp && a.source == sent.target && a.target == sent.source:
			answer = tcpAnswer(a.packet, sent.packet)
		}
	}
	return answer
}

func icmpAnswer(a, inner, sent packet) word {
	answer := wordf("icmp %d/%d", a.kind, a.code)
	switch {
	case a.kind == unreachable && a.code == portUnreachable:
		answer = word(natprofiles.PortUnreachable)
	case a.kind == unreachable && a.code == adminProhibited:
		answer = word(natprofiles.AdminProhibited)
	}
	switch {
	case a.broken != "":
		return wordf("%s, but %s", answer, a.broken)
	case inner.source != sent.source || inner.target != sent.target:
		return wordf("%s about another packet, from %s to %s", answer, inner.source, inner.target)
	}
	return answer
}

// tcpAnswer names an answer to a SYN. The numbers of a RST are those that let
// the sender believe it (RFC 9293 section 3.10.7.1).
func tcpAnswer(a, sent packet) word {
	switch {
	case a.flags&rst == 0:
		return wordf("a segment with flags %#x", uint8(a.flags))
	case a.broken != "":
		return wordf("%s, but %s", natprofiles.Reset, a.broken)
	case sent.flags&ack == 0 && (a.flags&ack == 0 || a.ack != sent.sequence+1):
		return wordf("%s with numbers that its receiver does not believe", natprofiles.Reset)
	}
	return word(natprofiles.Reset)
}

// poke is what became of a packet from outside.
type poke struct {
	// delivered says whether it has come to an inside host, and to which one.
	delivered bool
	arrival
	// answer is what its sender got.
	answer word
}

// poke sends a packet from outside that belongs to no session, and says what
// became of it.
func (p *prober) poke(from, to endpoint) (poke, error) {
	return p.send(p.opening(from, to))
}

// send sends a packet and says what became of it on the other side of the NAT.
func (s *scene) send(sent shot) (poke, error) {
	arrived, err := s.shoot(sent)
	if err != nil {
		return poke{}, err
	}
	result := poke{answer: s.answerTo(sent, arrived)}
	for _, a := range arrived {
		if a.id == sent.id && s.inside(a.at) != s.inside(sent.from) && a.at != s.upstream && sameContent(a.packet, sent.packet) {
			result.delivered, result.arrival = true, a
		}
	}
	return result, nil
}

// reaches says whether the packet has come to an endpoint unharmed.
func (p poke) reaches(e endpoint) bool {
	return p.delivered && p.at == e.at && p.target == e.AddrPort && p.broken == ""
}

// reply answers the opening of a session from its remote endpoint: with a
// SYN-ACK or a datagram.
func (p *prober) reply(s session) shot {
	return shot{s.remote.at, p.stamped(packet{
		protocol: p.protocol, source: s.remote.AddrPort, target: s.external(),
		flags: syn | ack, sequence: p.replySequence(s), ack: s.seen.sequence + 1, options: synOptions,
	})}
}

// alive says whether the remote endpoint's answer reaches the inside one.
func (p *prober) alive(s session) (bool, error) {
	result, err := p.send(p.reply(s))
	return result.reaches(s.inside), err
}
