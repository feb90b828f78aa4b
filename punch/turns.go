package punch

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// turns are strategies that cannot be at work at once, the best first, and then rather what depends on something else
// than the one before.
type turns struct {
	choices []choice
	moves   bool // each begins between fresh endpoints, see moveOn: what is tried depends on what the server saw
	used    bool // SYNs have gone between the present ones
	patient bool // neither NAT answers a SYN that comes too early
}

// take goes through them, from the n-th turn on: the best, another one, the best again. A sole one is left alone.
func (t turns) take(ctx context.Context, a *attempt, n int) error {
	if len(t.choices) == 1 {
		return a.round(ctx, t.choices[0], 0)
	}
	var kept footholds
	defer func() { kept.close() }()
	for ; ctx.Err() == nil; n++ {
		if t.used && t.moves {
			a, n = a.moveOn(ctx, n, &kept)
			if t.patient && t.choice(n).Crosses {
				a.letPass(ctx, n)
			}
		}
		t.used = true
		soonest := time.Now().Add(turnPause)
		c := t.choice(n)
		if err := a.round(ctx, c, a.box(c)<<min(n/2, 4)); err != nil {
			return err
		}
		pause(ctx, soonest)
	}
	return nil
}

// letPass lets the SYN of the peer that is first in this turn come to the other's NAT before that one sends its own:
// the elder's and the younger's by turns. SYNs that cross have failed then, and some NATs refuse a SYN in answer to a SYN,
// with a reset that closes the hole of the peer who sent it: whose SYN comes to such a NAT before it has a hole loses
// nothing there, and the other one comes in by the hole that it has made.
func (a *attempt) letPass(ctx context.Context, turn int) {
	if first := turn%2 == 1; a.elder != first {
		pause(ctx, time.Now().Add(cmp.Or(a.rtt, assumedRTT)/2+passSlack))
	}
}

// passSlack is for what two peers that begin a turn are apart.
const passSlack = 20 * time.Millisecond

// varied brings choices, the best first, into an order in which those whose SYNs cross alternate with others, as long
// as there are both.
func varied(best []choice) (all []choice) {
	rest := slices.Clone(best)
	for len(rest) > 0 {
		next := 0
		if len(all) > 0 {
			last := all[len(all)-1].Crosses
			next = max(0, slices.IndexFunc(rest, func(c choice) bool { return c.Crosses != last }))
		}
		all = append(all, rest[next])
		rest = slices.Delete(rest, next, next+1)
	}
	return all
}

// choice is who has the n-th turn.
func (t turns) choice(n int) choice {
	if n%2 == 0 {
		return t.choices[0]
	}
	return t.choices[1+n/2%(len(t.choices)-1)]
}

// turnPause keeps techniques that give up at once from being begun again and again.
const turnPause = 20 * time.Millisecond

// box is how long a strategy has before another one takes its place: long enough for its round if the peer starts two
// round trips later, and both hosts are busy.
func (a *attempt) box(c choice) time.Duration {
	return c.takes(a.rtt, a.serverRTT) + 3*a.rtt + boxSlack + time.Duration(c.SYNs)*perSYN
}

const (
	boxSlack = 100 * time.Millisecond
	// perSYN is what a busy host takes to send a SYN and to follow it: three times the processor time that was measured
	// in a lab for one SYN of a birthday, on both hosts and all that is between them (punchlab bench, 860 SYNs in 90 ms).
	perSYN = 300 * time.Microsecond
)

// round lets a strategy work for a time, or, if that is 0, as long as there is.
func (a *attempt) round(ctx context.Context, c choice, box time.Duration) error {
	if box > 0 {
		boxed, cancel := context.WithTimeout(ctx, box)
		defer cancel()
		ctx = boxed
	}
	own := a.as(c.Strategy)
	own.works()
	return c.run(ctx, own)
}
