package punch

import (
	"context"
	"time"
)

// How sequential meets where both sides are foretold.

// meet repeats rounds in which both sides are foretold. Rounds have numbers, so that both sides fire in the same one:
// who is behind takes the number of who is ahead.
func (s sequential) meet(ctx context.Context, a *attempt, us, them Classification) error {
	round := 0
	return a.stands(ctx, func(n int) error {
		own, err := a.foothold(ctx)
		if err != nil {
			return err
		}
		defer own.close()
		mine, err := a.predict(ctx, us, own.port)
		if err != nil {
			return err
		}
		mine.Round = round + 1
		theirs, said, err := s.swap(ctx, a, &mine)
		if err != nil {
			return err
		}
		round = mine.Round
		begun := time.Now()
		err = s.cross(ctx, a, us, them, volleyOfRound{said, round, s.window(a, theirs, shot{
			from: own.port, ttl: a.fuse(us, them), silence: a.patience(n),
		}, sequentialSalvo, s.stride(a, us, them))})
		if !fatal(err) {
			pause(ctx, begun.Add(a.patience(n))) // the peer may wait for longer, and a look too early is worth less
		}
		return err
	})
}

// swap tells our prediction and waits for the peer's of the same round. It returns when ours was told. Of two rounds
// the later one counts: who is behind tells its prediction once more, by that number.
func (sequential) swap(
	ctx context.Context, a *attempt, mine *prediction,
) (theirs prediction, said time.Time, err error) {
	said = time.Now()
	if err := a.tell(ctx, foretold, mine); err != nil {
		return theirs, said, blind(ctx, err)
	}
	for {
		theirs, err = hear[prediction](ctx, a, foretold)
		if ctx.Err() != nil {
			return theirs, said, ctx.Err()
		}
		if err == nil {
			err = theirs.check()
		}
		switch {
		case err != nil:
			a.note("%v", err)
		case theirs.Round == mine.Round:
			return theirs, said, nil
		case theirs.Round > mine.Round:
			mine.Round, said = theirs.Round, time.Now()
			if err := a.tell(ctx, foretold, mine); err != nil {
				return theirs, said, blind(ctx, err)
			}
			return theirs, said, nil
		}
	}
}

// volleyOfRound is what one side sends in a round.
type volleyOfRound struct {
	said  time.Time // when our prediction was told
	round int
	shots []shot
}

// cross fires one side's SYNs. Where no NAT answers, both sides fire when the later one of the predictions has been
// heard at both ends. Else the side whose NAT answers fires first, since the other NAT drops what is early; if both
// answer, its SYNs die on their way. Where that cannot be, they are timed to cross.
func (s sequential) cross(ctx context.Context, a *attempt, us, them Classification, v volleyOfRound) error {
	out := func() error { return a.tell(ctx, fired, v.round) }
	switch first := a.plays(us, them, s.opens); {
	case !refuses(us) && !refuses(them):
		pause(ctx, v.said.Add(a.rtt/2))
	case first && (v.shots[0].ttl > 0 || !refuses(them)):
		return a.salvo(ctx, v.shots, out)
	case first:
		if err := out(); err != nil {
			return blind(ctx, err)
		}
		pause(ctx, time.Now().Add(a.rtt/2))
	default:
		s.follow(ctx, a, v.round)
		for i := range v.shots {
			v.shots[i].ttl = 0
		}
	}
	if entangled(us, them) {
		v.shots = v.shots[:1]
	}
	return a.salvo(ctx, v.shots, silently)
}

// follow waits until the peer has fired, or should have.
func (sequential) follow(ctx context.Context, a *attempt, round int) {
	soon, cancel := context.WithTimeout(ctx, max(standLife/2, 2*a.rtt))
	defer cancel()
	for {
		theirs, err := hear[int](soon, a, fired)
		if soon.Err() != nil || err == nil && theirs >= round {
			return
		}
	}
}

// opens says how well a side suits to fire first: best if its SYNs must not be refused.
func (sequential) opens(own, other Classification) float64 {
	switch {
	case entangled(own, other) && arms(own):
		return 3
	case refuses(own) && !refuses(other):
		return 2
	case refuses(own) == refuses(other) && arms(own):
		return 1
	}
	return 0
}

// stride is one for the side that fires first and two for the other. A NAT that maps by address gives all SYNs of a
// salvo one port, and then it is one for both: each side's ports are all aimed at from the other's first one.
func (s sequential) stride(a *attempt, us, them Classification) int {
	if us.Mapping == AddressDependent || them.Mapping == AddressDependent || a.plays(us, them, s.opens) {
		return 1
	}
	return 2
}
