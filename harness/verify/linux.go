package verify

import (
	"net/netip"

	"github.com/punchlab/punchlab/natprofiles"
)

// input says whether the router's own stack gets what is sent to the router
// itself. If it does, connection tracking keeps an entry for a datagram that
// nobody asked for, and the inside host's next packet from that port to that
// endpoint must do with another port. Where ports are random that cannot be
// seen, nor does it matter; there a router that answers a ping (RFC 1122 section
// 3.2.2.6) and datagrams to ports that are closed is taken for open.
func (p *prober) input(how natprofiles.Allocation) (word, error) {
	first, free, err := p.besideSession()
	if err != nil {
		return "", err
	}
	stray, err := p.poke(p.remote(p.stranger, 0), endpoint{AddrPort: free})
	if err != nil || stray.answer != word(natprofiles.PortUnreachable) {
		return word(natprofiles.InputFiltered), err // the router's own stack answers
	}
	var open bool
	if how == natprofiles.Preserve {
		open, err = p.claimed(first.external().Addr())
	} else {
		open, err = p.echoes(first.external().Addr())
	}
	if open {
		return word(natprofiles.InputOpen), err
	}
	return word(natprofiles.InputFiltered), err
}

// claimed says whether a datagram from outside takes its port away from an
// inside host that then answers it.
func (p *prober) claimed(external netip.Addr) (bool, error) {
	local, err := p.local(p.alice)
	if err != nil {
		return false, err
	}
	remote := p.remote(p.observer, 0)
	if _, err := p.poke(remote, endpoint{AddrPort: withAddr(local.AddrPort, external)}); err != nil {
		return false, err
	}
	s, err := p.opened(local, remote)
	return s.passed && s.external().Port() != local.Port(), err
}

// The kinds of ICMP messages of a ping.
const echoReply, echoRequest = 0, 8

// echoes says whether the router answers a ping.
func (p *prober) echoes(external netip.Addr) (bool, error) {
	ping := shot{p.stranger, p.stamped(packet{
		protocol: icmp, kind: echoRequest, about: []byte("punchlab"),
		source: netip.AddrPortFrom(p.stranger.addrs[0], 0), target: netip.AddrPortFrom(external, 0),
	})}
	arrived, err := p.shoot(ping)
	for _, a := range arrived {
		if a.at == p.stranger && a.protocol == icmp && a.kind == echoReply {
			return true, err
		}
	}
	return false, err
}

// invalid says what becomes of a packet from inside that belongs to no session
// and begins none: a SYN-ACK that answers nothing.
func (p *prober) invalid() (word, error) {
	local, err := p.local(p.alice)
	if err != nil {
		return "", err
	}
	stray := p.opening(local, p.remote(p.stranger, 0))
	stray.flags, stray.ack = syn|ack, stray.sequence
	out, err := p.send(stray)
	switch {
	case err != nil:
		return "", err
	case !out.delivered:
		return word(natprofiles.InvalidDrop), nil
	case out.source != local.AddrPort:
		return wordf("leaves translated, from %s", out.source), nil
	}
	return word(natprofiles.InvalidForward), nil
}

// observeLinux finds out what matters only where the NAT is Linux's own.
func (p *prober) observeLinux(how natprofiles.Allocation, found findings) error {
	if err := p.fresh(); err != nil {
		return err
	}
	if p.protocol == tcp {
		fate, err := p.invalid()
		return found.note("invalid", 0, fate, err)
	}
	guard, err := p.input(how)
	return found.note("input", 0, guard, err)
}
