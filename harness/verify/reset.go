package verify

import (
	"errors"
	"net/netip"

	"github.com/punchlab/punchlab/natprofiles"
)

var (
	errUnanswered = errors.New("an answer from outside did not come in")
	errNoReset    = errors.New("a RST from outside did not come in")
)

// afterReset says what a RST from outside does to the mapping of the session
// that it refuses: whether its sender may still come in, and whether the inside
// endpoint keeps its port. An established session of the same endpoint must go
// on in any case.
func (p *prober) afterReset() (word, error) {
	reset := func(s session) error {
		refused, err := p.send(p.refusal(s))
		if err == nil && !refused.reaches(s.inside) {
			err = unmeasurable(errNoReset)
		}
		return err
	}
	fate, err := p.fate(reset, func(s session) shot { return p.opening(s.remote, endpoint{AddrPort: s.external()}) })
	if err != nil {
		return "", err
	}
	return p.withOthers(fate, reset)
}

// refusal is the RST by which a remote endpoint refuses a SYN (RFC 9293 section
// 3.5.2).
func (p *prober) refusal(s session) shot {
	return shot{s.remote.at, p.stamped(packet{
		protocol: tcp, source: s.remote.AddrPort, target: s.external(),
		flags: rst | ack, ack: s.seen.sequence + 1,
	})}
}

// looks is how often what makes no sense is looked at. A random port may be
// drawn a second time by chance, from a block of 64 ports once in 64 times: five
// times in a row once in a billion.
const looks = 5

// fate says what becomes of the mapping of a session that something happens to.
func (p *prober) fate(happens func(session) error, inbound func(session) shot) (fate word, err error) {
	for range looks {
		comesIn, kept, err := p.remains(happens, inbound)
		switch {
		case err != nil:
			return "", err
		case comesIn && kept:
			return word(natprofiles.Keep), nil
		case !comesIn && (!kept || !p.translates):
			return word(natprofiles.Close), nil
		}
		fate = wordf("its remote endpoint comes in: %t; its port is kept: %t", comesIn, kept)
	}
	return fate, nil
}

// remains says whether a packet of the remote endpoint comes in after something
// has happened to a session, and, of another session, whether its port is still
// its own.
func (p *prober) remains(happens func(session) error, inbound func(session) shot) (comesIn, kept bool, err error) {
	var sessions [2]session
	for i := range sessions {
		s, err := p.begun(p.alice, p.remote(p.observer, 0))
		if err != nil {
			return false, false, err
		}
		if err := happens(s); err != nil {
			return false, false, err
		}
		sessions[i] = s
	}
	in, err := p.send(inbound(sessions[0]))
	if err != nil {
		return false, false, err
	}
	kept, err = p.kept(sessions[1])
	return in.delivered, kept, err
}

// kept says whether a mapping still has its port. Where ports are preserved
// another host that wants the port tells, and where they are not the same host,
// which gets another one for a new mapping. What is not translated has no port
// to keep.
func (p *prober) kept(s session) (bool, error) {
	if p.translates && s.external().Port() == s.inside.Port() {
		if free, err := p.takenOver(s); err != nil || free {
			return false, err
		}
	}
	again, err := p.open(pair{s.inside, s.remote})
	return err == nil && again[0].passed && again[0].external() == s.external(), err
}

// takenOver says whether another host can get the external endpoint of a
// session that alice has begun, by wanting the same port. Of several external
// addresses one of so many hosts has the same but once in half a billion times.
func (p *prober) takenOver(s session) (bool, error) {
	const perAddress = 20
	rivals := 1
	if n := p.hint.Addresses.Count; n > 1 {
		rivals = perAddress * n
	}
	var pairs []pair
	for i := range rivals {
		pairs = append(pairs, pair{p.insider(1+i, s.inside.Port()), s.remote})
	}
	got, err := p.open(pairs...)
	return taken(got, s.external()), err
}

// withAddr is an endpoint with another address.
func withAddr(e netip.AddrPort, addr netip.Addr) netip.AddrPort {
	return netip.AddrPortFrom(addr, e.Port())
}

// withOthers says whether what has ended one session leaves an established one
// of the same inside endpoint alone: one with another remote address, and one
// with another port of the same, whose permission may be the same.
func (p *prober) withOthers(fate word, end func(session) error) (word, error) {
	for _, address := range []int{1, 0} {
		local, err := p.local(p.alice)
		if err != nil {
			return "", err
		}
		friend, err := p.established(local, p.remote(p.observer, address))
		if err != nil {
			return "", err
		}
		other, err := p.open(pair{local, p.remote(p.observer, 0)})
		if err != nil || !other[0].passed {
			return fate, err // a NAT without a second port for it
		}
		if err := end(other[0]); err != nil {
			return "", err
		}
		if lives, err := p.goesOn(friend); err != nil || !lives {
			return fate + ", and an established session of the same endpoint ends with it", err
		}
	}
	return fate, nil
}

// goesOn says whether an established session carries data, from outside first:
// what leaves may open again what was closed.
func (p *prober) goesOn(s session) (bool, error) {
	first := p.data(s)
	first.ack = s.seen.sequence + 1 // nothing has been said yet
	in, err := p.send(first)
	if err != nil || !in.reaches(s.inside) {
		return false, err
	}
	out, err := p.send(p.speech(s))
	return out.delivered, err
}
