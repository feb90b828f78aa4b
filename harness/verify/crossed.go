package verify

import (
	"github.com/punchlab/punchlab/natprofiles"
)

// crossedSYN says what becomes of a SYN from an endpoint that the inside host
// has sent a SYN to. Whatever it is, the session must go on: the same endpoint's
// SYN-ACK completes it.
func (p *prober) crossedSYN() (word, error) {
	s, err := p.begun(p.alice, p.remote(p.observer, 0))
	if err != nil {
		return "", err
	}
	crossing := p.opening(s.remote, endpoint{AddrPort: s.external()})
	crossing.sequence = p.replySequence(s)
	cross, err := p.send(crossing)
	if err != nil {
		return "", err
	}
	how := word(natprofiles.CrossedAccept)
	switch {
	case cross.delivered && !cross.reaches(s.inside):
		return wordf("the SYN reaches %s at %s", cross.target, cross.at.name), nil
	case !cross.delivered:
		how = cross.answer // drop and reset are the words for it
	}
	in, err := p.alive(s)
	switch {
	case err != nil:
		return "", err
	case !in:
		return how + ", and the session is dead", nil
	}
	out, err := p.send(p.acknowledgement(s))
	if err == nil && !out.delivered {
		return how + ", and the session cannot be completed", nil
	}
	return how, err
}

// acknowledgement is the third packet of a handshake, from the inside host.
func (p *prober) acknowledgement(s session) shot {
	return shot{s.inside.at, p.stamped(packet{
		protocol: tcp, source: s.inside.AddrPort, target: s.remote.AddrPort,
		flags: ack, sequence: s.sent.sequence + 1, ack: p.replySequence(s) + 1,
	})}
}

// replySequence is the first sequence number of a session's remote endpoint.
func (p *prober) replySequence(s session) uint32 { return s.seen.sequence ^ 0x5a5a5a5a }

// established opens a session and completes it: with a handshake, or with a
// datagram each way.
func (p *prober) established(inside, remote endpoint) (session, error) {
	s, err := p.opened(inside, remote)
	if err != nil {
		return s, err
	}
	in, err := p.alive(s)
	switch {
	case err != nil:
		return s, err
	case !in:
		return s, unmeasurable(errUnanswered)
	case p.protocol != tcp:
		return s, nil
	}
	out, err := p.send(p.acknowledgement(s))
	if err == nil && !out.delivered {
		err = unmeasurable(errRefused)
	}
	return s, err
}
