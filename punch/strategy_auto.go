package punch

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// auto reads the forecasts of all other strategies for the two NATs and does what promises most: the surest first, among
// the sure ones the fastest. It draws no packets of its own.
//
//	introduction         both NATs known
//	 |--- crossed SYNs ---|                       only where nothing was classified before
//	                      |-- the best ---|-- the second --|-- the best --|-- the third --| …
//	                      |-- what mixes with others, each a little after the one before
//
// Both peers read the same two classifications and so come to the same plan. What has failed is not repeated at once: 97.6 %
// of the successes of DCUtR came on the first try (Trautwein et al., "Large-scale measurement of TCP and QUIC hole
// punching", 2025), so that a second one of the same kind is worth little, and one of another kind more.
//
// The relay is none of its choices. Its lower bound is that of what it chooses, and half a round trip to the server more
// where the peer's classification was not there with the introduction.
type auto struct{}

func init() { register(auto{}) }

func (auto) Name() string    { return "auto" }
func (auto) Summary() string { return "measure both NATs, then do what will work" }
func (auto) relays() bool    { return false }
func (auto) mixes() bool     { return false }

// needs is what any strategy needs.
func (s auto) needs() (all part) {
	for _, other := range s.others() {
		all |= other.needs()
	}
	return all
}

// others are the strategies that there is a choice of.
func (auto) others() []Strategy {
	return slices.DeleteFunc(Strategies(), func(s Strategy) bool { return s.relays() || s == Strategy(auto{}) })
}

// Forecast is that of what it would do first, but that the others may still make good what that one leaves to chance.
func (s auto) Forecast(a, b Classification) Forecast {
	plan := s.plan(a, b)
	if len(plan) == 0 {
		return never("no technique has a way between these two NATs")
	}
	best, miss := plan[0].Forecast, 1.0
	for _, c := range plan {
		miss *= 1 - c.Chance
	}
	best.Reason = "by " + plan[0].Name() + ": " + best.Reason
	best.Chance = 1 - miss
	return best
}

// choice is a strategy and what it promises.
type choice struct {
	Strategy
	Forecast
}

// plan lists what has a chance, the best first; of equals what need know the least of the NATs, and so errs the least;
// then what others may run beside; then the first by name, so that both peers agree.
func (s auto) plan(a, b Classification) (plan []choice) {
	for _, other := range s.others() {
		if f := other.Forecast(a, b); f.Chance > 0 {
			plan = append(plan, choice{other, f})
		}
	}
	slices.SortStableFunc(plan, func(x, y choice) int {
		if order := cmp.Or(better(x.Forecast, y.Forecast), cmp.Compare(x.needs(), y.needs())); order != 0 {
			return order
		}
		switch {
		case x.mixes() == y.mixes():
			return 0
		case x.mixes():
			return -1
		}
		return 1
	})
	return plan
}

func (s auto) run(ctx context.Context, a *attempt) error {
	running, end := context.WithCancelCause(ctx)
	defer end(nil)
	var all sync.WaitGroup
	defer all.Wait()
	soon, cancel := context.WithTimeout(ctx, classGrace)
	us, them, err := a.classes(soon)
	cancel()
	stop := func() {}
	var first *choice
	if err != nil {
		first, stop = s.begin(running, a, &all)
		if us, them, err = a.classes(ctx); err != nil {
			return nil // ctx has ended
		}
	}
	plan := s.plan(us.guessed(), them.guessed())
	if len(plan) == 0 {
		stop()
		return nil // there is no way
	}
	s.carryOut(running, a, plan, first, stop, func(f func() error) {
		all.Go(func() {
			if err := f(); err != nil {
				end(err)
			}
		})
	})
	all.Wait()
	if ctx.Err() == nil {
		return context.Cause(running)
	}
	return nil
}

// classGrace is how long to wait for classifications that were sent with the introduction.
const classGrace = 5 * time.Millisecond

// begin lets SYNs cross while the classifications are still being made: that needs nothing, and mostly it works.
func (s auto) begin(ctx context.Context, a *attempt, all *sync.WaitGroup) (first *choice, stop func()) {
	plan := s.unmeasured()
	if len(plan) == 0 {
		return nil, func() {}
	}
	opening, stop := context.WithCancel(ctx)
	all.Go(func() { _ = a.round(opening, plan[0], 0) })
	return &plan[0], stop
}

// carryOut starts what mixes with others, each in its turn, and then what does not. What has been at work already, and is
// the best of the plan, is left at it for its time.
func (s auto) carryOut(ctx context.Context, a *attempt, plan []choice, first *choice, stop func(), run func(func() error)) {
	begun := time.Now()
	var turns []choice
	for _, c := range plan {
		if !c.mixes() {
			turns = append(turns, c)
			continue
		}
		from := begun.Add(a.head(plan, c))
		run(func() error {
			pause(ctx, from)
			return a.round(ctx, c, 0)
		})
	}
	if len(turns) == 0 {
		stop()
		return
	}
	run(func() error {
		n := 0
		if first != nil && first.Strategy == turns[0].Strategy && plan[0].Strategy == first.Strategy {
			pause(ctx, begun.Add(a.box(turns[0])))
			n = 1
		}
		stop()
		pause(ctx, begun.Add(a.head(plan, turns[0])))
		return a.takeTurns(ctx, turns, n)
	})
}

// unmeasured is the plan for two NATs of which nothing is known, of strategies that need not know.
func (s auto) unmeasured() []choice {
	unknown := Classification{}.guessed()
	return slices.DeleteFunc(s.plan(unknown, unknown), func(c choice) bool { return c.needs() != 0 || c.mixes() })
}

// guessed stands for a NAT that could not be classified: the most common kind, of which punching knows many ways.
func (c Classification) guessed() Classification {
	if c.Known() {
		return c
	}
	return Classification{Mapping: EndpointIndependent, Filtering: AddressAndPortDependent, External: c.External}.assumed()
}

// head is how much later than the first of the plan another one starts: by what each better one that mixes needs, and a
// little, so that what succeeds at once has cost no more packets than its own.
func (a *attempt) head(plan []choice, c choice) (wait time.Duration) {
	for _, other := range plan {
		if other.Strategy == c.Strategy {
			break
		}
		if other.mixes() {
			wait += other.takes(a.rtt, a.serverRTT) + headSlack
		}
	}
	return wait
}

const headSlack = 10 * time.Millisecond

// takeTurns goes through what cannot run at once, from turn n on: the best, another one, the best again. A sole one is
// left alone.
func (a *attempt) takeTurns(ctx context.Context, turns []choice, n int) error {
	if len(turns) == 1 {
		return a.round(ctx, turns[0], 0)
	}
	for ; ctx.Err() == nil; n++ {
		c := turns[0]
		if n%2 == 1 {
			c = turns[1+n/2%(len(turns)-1)]
		}
		soonest := time.Now().Add(turnPause)
		if err := a.round(ctx, c, a.box(c)<<min(n/2, 4)); err != nil {
			return err
		}
		pause(ctx, soonest)
	}
	return nil
}

// turnPause keeps techniques that give up at once from being begun again and again.
const turnPause = 20 * time.Millisecond

// box is how long a strategy has before another one takes its place: long enough for its round if the peer starts two
// round trips later.
func (a *attempt) box(c choice) time.Duration {
	return c.takes(a.rtt, a.serverRTT) + 3*a.rtt + boxSlack
}

const boxSlack = 100 * time.Millisecond

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
