package punch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// partDisturbed finds out whether SYNs that nobody called for move a mapping. It takes one round trip more than all
// other parts, and no strategy works by it.
const partDisturbed = partHairpin << 1

const (
	// moreSamples are taken of a NAT whose ports lie close together. With the nine before, they lie in one half of a
	// block once in 65,000 times.
	moreSamples = 8
	// settle is how long after the server's answer, together with an eighth of a round trip, a dial-back that was asked
	// for with it is sure to have met the NAT: they leave the server one after the other.
	settle = 5 * time.Millisecond
)

// classify finds out the wanted parts of what our NATs are like. It takes three round trips to the server, or four
// where something is silent or the ports lie close together, and partDisturbed takes four:
//
//	0    SYNs from spare ports, never from the attempt's; the walk
//	1    connected: the server is asked where it sees us, and to dial us back; SYNs with small TTLs before that
//	2    it has told: mapping, ports; the dial-backs are at the NAT. More samples leave, and SYNs to our own endpoints
//	3    what became of the dial-backs, if they were answered: filtering, answer, TTLs
//	3.5  if they were not, and what remained silent within
//	4    the second samples
//
// In a lab with a round trip of 20 ms it takes 62 to 64 ms where all is answered, and 92 to 95 where not. It sends 12
// SYNs and as many lines, 13 SYNs more for partArming, 2 for partHairpin, a SYN and a line for partDisturbed, and 8
// of each to tell a block. The error says why nothing is known; what else could not be found out is left empty.
//
// Early, if it is not nil, is told after two round trips what can be surmised: mapping and ports are known by then, and the
// rest is what is most common and asks most of a technique, a filter that looks at addresses and ports and drops.
func (s *survey) classify(ctx context.Context, wanted part, early func(Classification)) (Classification, error) {
	f, err := s.leave(wanted)
	if err != nil {
		return Classification{}, fmt.Errorf("classifying our own NAT: %w", err)
	}
	defer f.close()
	lines, err := s.askAll(ctx, f.dials, func(d *dialing) question { return f.asks(wanted, d) })
	all := &lineSet{}
	defer all.close()
	all.add(lines)
	o := &observed{first: sightings(lines)}
	switch {
	case ctx.Err() != nil:
		return Classification{}, ctx.Err()
	case len(o.first) == 0:
		return Classification{}, fmt.Errorf("classifying our own NAT: %w", errors.Join(errUnseen, err))
	}
	if early != nil {
		early(o.surmise())
	}
	f.goOn(ctx, wanted, o, lines, all)
	if ctx.Err() != nil {
		return Classification{}, ctx.Err()
	}
	return o.conclude(), nil
}

// goOn does all that what is known after two round trips allows for, at once.
func (f *flight) goOn(ctx context.Context, wanted part, o *observed, lines []*line, all *lineSet) {
	mapping, _ := mappingOf(o.first)
	x, y := f.lineOf(lines, hairpinX), f.lineOf(lines, hairpinY)
	var busy sync.WaitGroup
	defer busy.Wait()
	busy.Go(func() { f.hear(ctx, o, lines) })
	if allocationOf(mapping, o.first).Rule == Block {
		busy.Go(func() { o.second = sightings(all.add(f.s.sample(ctx, f.to[0]))) })
	}
	if wanted&partHairpin != 0 && mapping == EndpointIndependent && x != nil && y != nil {
		busy.Go(func() { o.hairpin = f.turnsRound(ctx, x, y) })
	}
	if l := f.lineOf(lines, dialledBack); wanted&partDisturbed != 0 && l != nil && len(f.to) > 1 {
		busy.Go(func() {
			pause(ctx, time.Now().Add(f.s.rtt/8+settle))
			again, err := f.s.again(ctx, l.port(), f.to[1])
			if err == nil {
				o.before, o.after = l.sighting, again.sighting
				all.add([]*line{again})
			}
		})
	}
}

// hear waits for what became of the dial-backs and of the walk. What has come already waits in the sockets.
func (f *flight) hear(ctx context.Context, o *observed, lines []*line) {
	if l := f.lineOf(lines, dialledBack); l != nil && f.s.dialPort != 0 {
		o.dialled = map[rendezvous.Dial]rendezvous.Outcome{}
		for range 2 {
			told := f.s.outcome(ctx, l)
			o.dialled[told.Which] = told.Outcome
		}
	}
	for h := range f.walk.Hops(ctx, f.s.until(f.begun, hopSlack)) {
		o.hops = append(o.hops, h)
		if public(h.From) || h.Reached {
			break
		}
	}
	if filtering, _, _ := filteringOf(o.dialled); filtering == EndpointIndependent {
		return // anybody comes in, with a hole and without
	}
	for i, d := range f.holes {
		l := f.lineOf(lines, holes+i)
		if l == nil || d == nil {
			continue
		}
		told := f.s.outcome(ctx, l)
		if told.From != f.elsewhere {
			told.Outcome = rendezvous.Impossible // a hole for somebody else
		}
		o.holes = append(o.holes, hole{d.shot.ttl, told.Outcome})
		if told.Outcome == rendezvous.Connected {
			return // a larger TTL is of no interest
		}
	}
}

// sample opens connections from further ports to one endpoint.
func (s *survey) sample(ctx context.Context, to netip.AddrPort) []*line {
	shots := make([]shot, moreSamples)
	for i := range shots {
		shots[i] = shot{from: freshPort, to: to}
	}
	dials, err := volley(s.network, shots)
	if err != nil {
		closeAll(dials)
		return nil // the first samples have to do
	}
	s.count(len(dials))
	lines, _ := s.askAll(ctx, dials, nothing) // what the server has not seen is missing
	return lines
}

// again opens one more connection from a port.
func (s *survey) again(ctx context.Context, from uint16, to netip.AddrPort) (*line, error) {
	d, err := shoot(s.network, shot{from: from, to: to})
	if err != nil {
		return nil, err
	}
	s.count(1)
	return s.ask(ctx, d, question{})
}

// lineSet is connections to be closed together. It may be used by several goroutines.
type lineSet struct {
	mu  sync.Mutex
	all []*line
}

func (s *lineSet) add(lines []*line) []*line {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, lines...)
	return lines
}

func (s *lineSet) close() {
	for _, l := range s.all {
		if l != nil {
			l.close()
		}
	}
}

func sightings(lines []*line) (all []sighting) {
	for _, l := range lines {
		if l != nil {
			all = append(all, l.sighting)
		}
	}
	return all
}
