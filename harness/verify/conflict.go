package verify

import (
	"net/netip"

	"github.com/punchlab/punchlab/natprofiles"
)

// insider is a new endpoint of the i-th inside host at a port. There are three
// hosts; the fourth and all further ones are addresses that carol sends from as
// well, and to which no answer comes.
func (s *scene) insider(i int, port uint16) endpoint {
	hosts := []*station{s.alice, s.bob, s.carol}
	if i < len(hosts) {
		return endpoint{hosts[i], netip.AddrPortFrom(hosts[i].addrs[0], port)}
	}
	addr := s.carol.addrs[0].As4()
	addr[3] = uint8(firstSpoofed + i)
	return endpoint{s.carol, netip.AddrPortFrom(netip.AddrFrom4(addr), port)}
}

// firstSpoofed keeps clear of the addresses that real hosts have, at the
// beginning of their network of 256.
const firstSpoofed = 32

// rivals lets inside hosts want one port, one after the other: so many that two
// of them share an external address. Each talks to the endpoint that to gives.
func (p *prober) rivals(to func() endpoint) ([]session, error) {
	port, err := p.port()
	if err != nil {
		return nil, err
	}
	var pairs []pair
	for i := range max(1, p.hint.Addresses.Count) + 1 {
		pairs = append(pairs, pair{p.insider(i, port), to()})
	}
	return p.open(pairs...)
}

// conflicts is how many ports several hosts want in turn.
const conflicts = 24

// conflict is what became of hosts that wanted the ports of others.
type conflict struct {
	losers  []given // got another port
	refused []word  // got none, and this answer
	shared  bool    // two got the same
}

// onConflict says what a host gets that wants the port of another, towards the
// same remote endpoint, where ports are preserved. refused are the answers to
// those who get no port at all.
func (p *prober) onConflict() (rule allocation, refused []word, err error) {
	first, err := p.clash()
	switch {
	case err != nil:
		return rule, nil, err
	case first.shared:
		return allocation{how: "the same port for both"}, nil, nil
	case len(first.losers) == 0 && len(first.refused) > 0:
		return allocation{how: natprofiles.Fail}, first.refused, nil
	case len(first.losers) == 0 || len(first.refused) > 0:
		how := wordf("%d hosts got another port and %d none", len(first.losers), len(first.refused))
		return allocation{how: natprofiles.Allocation(how)}, nil, nil
	}
	again := &first
	rule, err = p.agreed(func() ([]given, error) {
		if again == nil {
			next, err := p.clash()
			return next.losers, err
		}
		got := again.losers
		again = nil
		return got, nil
	})
	if rule.how == natprofiles.Block {
		rule.how, rule.inside, rule.step = natprofiles.Random, "", 0 // hosts that lose in turn fill no blocks
	}
	return rule, nil, err
}

// clash lets hosts want the ports of others, again and again.
func (p *prober) clash() (c conflict, err error) {
	for range min(conflicts, max(1, p.capacity()/4)) {
		remote := p.remote(p.observer, 0)
		sessions, err := p.rivals(func() endpoint { return remote })
		if err != nil {
			return c, err
		}
		if !sessions[0].passed {
			return c, unmeasurable(errRefused)
		}
		for i, s := range sessions[1:] {
			switch {
			case !s.passed:
				c.refused = append(c.refused, s.refusal)
			case s.external().Port() != s.inside.Port():
				c.losers = append(c.losers, given{i % 3, s.inside.Port(), s.external().Port()})
			case taken(sessions[:i+1], s.external()):
				c.shared = true
			}
		}
	}
	return c, nil
}

func taken(sessions []session, by netip.AddrPort) bool {
	for _, s := range sessions {
		if s.passed && s.external() == by {
			return true
		}
	}
	return false
}

// overloading says whether two inside hosts have one external endpoint at a
// time that they use towards different remote ones.
func (p *prober) overloading() (bool, error) {
	sessions, err := p.rivals(func() endpoint { return p.remote(p.observer, 0) })
	if err != nil {
		return false, err
	}
	for i, s := range sessions {
		if s.passed && taken(sessions[:i], s.external()) {
			return true, nil
		}
	}
	return false, nil
}
