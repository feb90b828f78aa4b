package verify

import (
	"context"
	"time"

	"github.com/punchlab/punchlab/natprofiles"
)

// young is how long RFC 5382 REQ-4 wants a NAT to keep silent about a SYN that
// nobody asked for.
const young = 6 * time.Second

// patience says what a NAT does that answers nothing at first: whether it
// answers a SYN that is sent again after six seconds, and not before.
func (p *prober) patience() (word, error) {
	_, free, err := p.besideSession()
	if err != nil {
		return "", err
	}
	knock := p.opening(p.remote(p.stranger, 0), endpoint{AddrPort: free})
	began := time.Now()
	for _, at := range []time.Duration{0, young / 2, young - time.Second} {
		if err := p.until(began.Add(at)); err != nil {
			return "", err
		}
		try, err := p.again(knock)
		if err != nil {
			return "", err
		}
		if try.answer != word(natprofiles.Drop) && time.Since(began) < young {
			return wordf("%s after %v", try.answer, time.Since(began).Round(time.Second)), nil
		}
	}
	if err := p.until(began.Add(young + young/6)); err != nil {
		return "", err
	}
	try, err := p.again(knock)
	switch {
	case err != nil:
		return "", err
	case try.answer == word(natprofiles.PortUnreachable):
		return word(natprofiles.DelayedUnreachable), nil
	}
	return try.answer, nil
}

// again sends a packet once more, as a host does that got no answer.
func (p *prober) again(sent shot) (poke, error) {
	sent.packet = p.stamped(sent.packet)
	return p.send(sent)
}

// until waits until a time has come.
func (s *scene) until(then time.Time) error {
	select {
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	case <-time.After(time.Until(then)):
		return nil
	}
}
