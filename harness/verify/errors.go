package verify

import (
	"github.com/punchlab/punchlab/natprofiles"
)

// icmpKinds are the errors that a session is told of: that a port is
// unreachable, and that a TTL has run out on the way.
var icmpKinds = [][2]uint8{{unreachable, portUnreachable}, {timeExceeded, exceededInTransit}}

// icmpError is an ICMP error about the opening of a session, as it was seen
// outside. Its sender is a router on the way: the stranger.
func (p *prober) icmpError(s session, kind [2]uint8) shot {
	return shot{p.stranger, p.stamped(packet{
		protocol: icmp, source: withAddr(s.remote.AddrPort, p.stranger.addrs[0]), target: s.external(),
		kind: kind[0], code: kind[1], about: s.seen.encode(),
	})}
}

// icmpErrors says whether errors about a session reach the inside host, and
// whether they speak of the packet that it has sent.
func (p *prober) icmpErrors() (word, error) {
	var passed [2]bool
	for i, kind := range icmpKinds {
		s, err := p.begun(p.alice, p.remote(p.observer, 0))
		if err != nil {
			return "", err
		}
		in, wrong, err := p.told(s, kind)
		if err != nil || wrong != "" {
			return wrong, err
		}
		passed[i] = in
	}
	switch passed {
	case [2]bool{true, true}:
		return word(natprofiles.Forwarded), nil
	case [2]bool{}:
		return word(natprofiles.Eaten), nil
	}
	return wordf("port unreachable passes: %t, time exceeded: %t", passed[0], passed[1]), nil
}

// told sends an error about a session and says whether the inside host hears of
// it, and if so, what is wrong with what it hears.
func (p *prober) told(s session, kind [2]uint8) (passed bool, wrong word, err error) {
	sent := p.icmpError(s, kind)
	arrived, err := p.shoot(sent)
	if err != nil {
		return false, "", err
	}
	for _, a := range arrived {
		inner, is := a.quoted()
		if !is || a.id != sent.id || a.at != s.inside.at {
			continue
		}
		switch {
		case a.broken != "":
			wrong = wordf("an error in which %s", a.broken)
		case inner.broken != "":
			wrong = wordf("an error in which %s", inner.broken)
		case inner.source != s.inside.AddrPort || inner.target != s.remote.AddrPort:
			wrong = wordf("an error about a packet from %s to %s instead of %s to %s",
				inner.source, inner.target, s.inside.AddrPort, s.remote.AddrPort)
		case p.protocol == tcp && inner.sequence != s.sent.sequence:
			wrong = "an error with another sequence number than the packet had"
		}
		return true, wrong, nil
	}
	return false, "", nil
}

// afterICMP says what an ICMP error does to the mapping that it is about.
func (p *prober) afterICMP() (word, error) {
	var fates [2]word
	for i, kind := range icmpKinds {
		tell := func(s session) error {
			_, err := p.shoot(p.icmpError(s, kind))
			return err
		}
		var err error
		if fates[i], err = p.fate(tell, p.reply); err != nil {
			return "", err
		}
	}
	if fates[0] != fates[1] {
		return wordf("%s after port unreachable, %s after time exceeded", fates[0], fates[1]), nil
	}
	return fates[0], nil
}
