package verify

import (
	"errors"
	"fmt"
	"time"

	"github.com/punchlab/punchlab/natprofiles"
)

// state is one in which a session has a timer of its own.
type state struct {
	field string
	of    protocol
	timer func(*natprofiles.Timeouts) *natprofiles.Timeout
	// enter opens a session and brings it there.
	enter func(*prober) (session, error)
	// inbound is a packet that comes in while the mapping lives.
	inbound func(*prober, session) shot
}

// states are all of them.
var states = []*state{
	{"timeouts.syn-sent", tcp, func(t *natprofiles.Timeouts) *natprofiles.Timeout { return &t.SYNSent }, (*prober).offered, (*prober).reply},
	{"timeouts.established", tcp, func(t *natprofiles.Timeouts) *natprofiles.Timeout { return &t.Established }, (*prober).talked, (*prober).data},
	{"timeouts.closing", tcp, func(t *natprofiles.Timeouts) *natprofiles.Timeout { return &t.Closing }, (*prober).finished, (*prober).data},
	{"timeouts.closed", tcp, func(t *natprofiles.Timeouts) *natprofiles.Timeout { return &t.Closed }, (*prober).aborted, (*prober).data},
	{"timeouts.unreplied", udp, func(t *natprofiles.Timeouts) *natprofiles.Timeout { return &t.Unreplied }, (*prober).offered, (*prober).reply},
	{"timeouts.stream", udp, func(t *natprofiles.Timeouts) *natprofiles.Timeout { return &t.Stream }, (*prober).talked, (*prober).data},
}

// offered opens a session that gets no answer.
func (p *prober) offered() (session, error) { return p.begun(p.alice, p.remote(p.observer, 0)) }

// talked opens a session in which both ends have spoken.
func (p *prober) talked() (session, error) {
	local, err := p.local(p.alice)
	if err != nil {
		return session{}, err
	}
	s, err := p.established(local, p.remote(p.observer, 0))
	if err != nil {
		return s, err
	}
	return s, p.exchange(s)
}

// exchange sends a packet each way; over TCP both are acknowledged.
func (p *prober) exchange(s session) error {
	for _, sent := range []shot{p.speech(s), p.data(s), p.heard(s)} {
		through, err := p.send(sent)
		if err != nil {
			return err
		}
		if !through.delivered {
			return unmeasurable(errUnanswered)
		}
	}
	return nil
}

// said is what each end says in an exchange.
const said = "probe"

// speech is what the inside host of an established session says: a segment with
// content, or a datagram.
func (p *prober) speech(s session) shot {
	sent := p.stamped(packet{
		protocol: p.protocol, source: s.inside.AddrPort, target: s.remote.AddrPort,
		flags: ack | psh, sequence: s.sent.sequence + 1, ack: p.replySequence(s) + 1,
	})
	if p.protocol == tcp {
		sent.payload = []byte(said)
	}
	return shot{s.inside.at, sent}
}

// data is what its remote endpoint answers.
func (p *prober) data(s session) shot {
	sent := p.stamped(packet{
		protocol: p.protocol, source: s.remote.AddrPort, target: s.external(),
		flags: ack | psh, sequence: p.replySequence(s) + 1, ack: s.seen.sequence + 1 + uint32(len(said)),
	})
	if p.protocol == tcp {
		sent.payload = []byte(said)
	}
	return shot{s.remote.at, sent}
}

// heard is how the inside host acknowledges the answer.
func (p *prober) heard(s session) shot {
	sent := p.speech(s)
	if p.protocol == tcp {
		sent.payload, sent.flags = nil, ack
		sent.sequence += uint32(len(said))
		sent.packet.ack += uint32(len(said))
	}
	return sent
}

// finished opens a session in which the inside host has said that it will send
// no more, and that was acknowledged.
func (p *prober) finished() (session, error) {
	s, err := p.ended(fin | ack)
	if err != nil {
		return s, err
	}
	end := p.data(s)
	end.flags, end.payload = ack, nil
	end.sequence += uint32(len(said))
	end.packet.ack++
	in, err := p.send(end)
	if err == nil && !in.reaches(s.inside) {
		err = unmeasurable(errUnanswered)
	}
	return s, err
}

// aborted opens a session that the inside host has reset.
func (p *prober) aborted() (session, error) { return p.ended(rst | ack) }

// parted opens a session in which both ends have said so.
func (p *prober) parted() (session, error) {
	s, err := p.finished()
	if err != nil {
		return s, err
	}
	end, last := p.data(s), p.heard(s)
	end.flags, end.payload = fin|ack, nil
	end.sequence += uint32(len(said))
	end.packet.ack++
	last.sequence++
	last.packet.ack++
	for _, sent := range []shot{end, last} {
		through, err := p.send(sent)
		if err == nil && !through.delivered {
			err = unmeasurable(errUnanswered)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func (p *prober) ended(how flags) (session, error) {
	s, err := p.talked()
	if err != nil {
		return s, err
	}
	end := p.heard(s)
	end.flags = how
	out, err := p.send(end)
	if err == nil && (!out.delivered || out.source != s.external()) {
		err = unmeasurable(errRefused)
	}
	return s, err
}

// abandoned opens a session that its remote endpoint has reset.
func (p *prober) abandoned() (session, error) {
	s, err := p.talked()
	if err != nil {
		return s, err
	}
	reset := p.data(s)
	reset.flags, reset.payload = rst|ack, nil
	reset.sequence += uint32(len(said))
	in, err := p.send(reset)
	if err == nil && !in.reaches(s.inside) {
		err = unmeasurable(errNoReset)
	}
	return s, err
}

const (
	// short is the timer under test, and long are all others.
	short, long = 3 * time.Second, time.Hour
	// alive and dead are when a mapping must be alive and when it must be gone.
	// Both kernel timers and those of sets end within a tick of the kernel's
	// clock; the rest is for a machine that is busy.
	alive, dead = 2 * time.Second, 4 * time.Second
	// beat is the time between packets that keep a mapping alive.
	beat = 800 * time.Millisecond
	// maturity is how old a UDP session is before connection tracking takes it for
	// a stream (nf_conntrack_proto_udp.c: two seconds).
	maturity = 2200 * time.Millisecond
)

// errLate says that the machine was too busy to look at a mapping in time.
var errLate = errors.New("the machine was too busy to send a packet in time")

// withShort copies a profile so that only the timer of one state is short.
func (st *state) withShort(p natprofiles.Profile) natprofiles.Profile {
	for _, other := range states {
		value := natprofiles.Timeout(long)
		if other == st {
			value = natprofiles.Timeout(short)
		}
		t := &p.TCP
		if other.of == udp {
			t = &p.UDP
		}
		*other.timer(&t.Timeouts) = value
	}
	return roomy(p)
}

// roomy lifts limits that leave no room for the sessions that are watched side
// by side.
func roomy(p natprofiles.Profile) natprofiles.Profile {
	const room = 64
	if p.Limits.Mappings > 0 {
		p.Limits.Mappings = max(p.Limits.Mappings, 2*room)
	}
	if p.Limits.PerHost > 0 {
		p.Limits.PerHost = max(p.Limits.PerHost, room)
	}
	for _, t := range []*natprofiles.Transport{&p.TCP, &p.UDP} {
		if n := portsTotal(*t); n > 0 && n < room {
			t.Ports.Range = every
		}
		if t.Ports.Block.Size > 0 {
			t.Ports.Block.Size = max(t.Ports.Block.Size, room)
		}
	}
	return p
}

// watched is a session that is in a state since some time.
type watched struct {
	*state
	session
	since time.Time
}

// watch opens a session in a state.
func (p *prober) watch(st *state) (*watched, error) {
	since := time.Now()
	s, err := st.enter(p)
	return &watched{st, s, since}, err
}

// comesIn says whether a packet of the session's remote endpoint comes in.
func (p *prober) comesIn(w *watched) (bool, error) {
	got, err := p.send(w.inbound(p, w.session))
	return got.reaches(w.inside), err
}

// punctual is an error where something was to be done within two seconds of a
// time, before a short timer fires, and was not.
func punctual(since time.Time) error {
	if late := time.Since(since); late > (alive+short)/2 {
		return fmt.Errorf("%w: %v instead of %v", errLate, late.Round(time.Millisecond), alive)
	}
	return nil
}
