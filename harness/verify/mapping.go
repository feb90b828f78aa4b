package verify

import (
	"github.com/punchlab/punchlab/natprofiles"
)

// samples is how many endpoints a dependence is read from: a random port can
// be the same for two destinations by chance.
const samples = 3

// translate says whether sources are rewritten.
func (p *prober) translate() (word, error) {
	s, err := p.begun(p.alice, p.remote(p.observer, 0))
	if err != nil {
		return "", err
	}
	return wordf("%t", s.external() != s.inside.AddrPort), nil
}

// mapping says what an endpoint's external endpoint depends on: one inside
// endpoint talks to two ports of one address and to a second address (RFC 5780
// section 4.3).
func (p *prober) mapping() (word, error) {
	samePort, sameAddress := true, true
	for range min(samples, p.capacity()/3) {
		local, err := p.local(p.alice)
		if err != nil {
			return "", err
		}
		first := p.remote(p.observer, 0)
		all, err := p.open(pair{local, first}, pair{local, p.another(first)}, pair{local, p.remote(p.observer, 1)})
		if err != nil {
			return "", err
		}
		if !all[0].passed {
			return "", unmeasurable(errRefused)
		}
		// A NAT that has no second port to give refuses a second mapping.
		samePort = samePort && all[1].passed && all[1].external() == all[0].external()
		sameAddress = sameAddress && all[2].passed && all[2].external() == all[0].external()
	}
	switch {
	case samePort && sameAddress:
		return word(natprofiles.EndpointIndependent), nil
	case samePort:
		return word(natprofiles.AddressDependent), nil
	case !sameAddress:
		return word(natprofiles.AddressAndPortDependent), nil
	}
	return "another for another port, the same for another address", nil
}
