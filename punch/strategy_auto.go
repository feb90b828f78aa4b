package punch

import (
	"cmp"
	"context"
	"errors"
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
		best.SYNs = max(best.SYNs, c.SYNs)
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
	us, them, err := a.classesAtHand(ctx)
	o, last := opening{end: func() {}}, true
	if err != nil {
		o = s.begin(ctx, a)
		us, them, last, err = a.surmises(ctx)
	}
	defer func() { o.end() }()
	for err == nil {
		err = s.pursue(ctx, a, us.guessed(), them.guessed(), last, o)
		if !errors.Is(err, errChanged) {
			return err
		}
		us, them, err = a.classes(ctx)
		last, o.strategy = true, nil // which pursue has ended
	}
	return nil // ctx has ended
}

// opening is what is at work while there is no plan yet.
type opening struct {
	strategy Strategy // nil: nothing
	used     bool     // SYNs have gone between the first endpoints
	end      func()   // ends it and waits for its end; may be called again
}

// errChanged: what was surmised of the NATs has turned out otherwise, in a way that matters.
var errChanged = errors.New("the NATs are not what they seemed")

// pursue carries out the plan for two NATs until it has failed, ctx has ended, or they turn out to be others. Last tells that
// they will not.
func (s auto) pursue(ctx context.Context, a *attempt, us, them Classification, last bool, o opening) error {
	running, end := context.WithCancelCause(ctx)
	defer end(nil)
	chosen := *a
	chosen.chosenBy = &[2]Classification{us, them}
	plan := s.plan(us, them)
	var all sync.WaitGroup
	run := func(f func() error) {
		all.Go(func() {
			if err := f(); err != nil {
				end(err)
			}
		})
	}
	switch {
	case !last:
		run(func() error { return s.reconsider(running, a, us, them) })
	case len(plan) == 0:
		return nil // there is no way
	}
	t := turns{moves: us.Cone() && them.Cone(), used: o.used, patient: !refuses(us) && !refuses(them)}
	s.carryOut(running, &chosen, plan, t, o, run)
	all.Wait()
	if ctx.Err() == nil {
		return context.Cause(running)
	}
	return nil
}

// reconsider waits for the last word of both peers, and minds if it makes a difference to what is being done: another
// strategy is best; or, where ports are guessed, SYNs that come too early turn out to be answered. Those that cross are
// not: so what has begun has its time first.
func (s auto) reconsider(ctx context.Context, a *attempt, us, them Classification) error {
	begun := time.Now()
	nowUs, nowThem, settled := a.nats(ctx)
	if !settled {
		return nil
	}
	nowUs, nowThem = nowUs.guessed(), nowThem.guessed()
	before, after := s.plan(us, them), s.plan(nowUs, nowThem)
	guesses := !us.Cone() || !them.Cone()
	switch {
	case len(before) == 0 || len(after) == 0 || before[0].Strategy != after[0].Strategy:
		return errChanged
	case guesses && (refuses(us) != refuses(nowUs) || refuses(them) != refuses(nowThem)):
		pause(ctx, begun.Add(before[0].takes(a.rtt, a.serverRTT)+headSlack))
		return errChanged
	}
	return nil
}

// classesAtHand waits for classifications that are known, or on their way since the introduction, and not for such as
// are still being made.
func (a *attempt) classesAtHand(ctx context.Context) (us, them Classification, err error) {
	soon, cancel := context.WithTimeout(ctx, classGrace)
	defer cancel()
	if !a.announced || !a.knowledge.has(ours) {
		cancel()
	}
	return a.classes(soon)
}

// classGrace is how long a classification may be on its way that comes with the introduction, but for a lost segment,
// which TCP sends again after 200 ms at the earliest (TCP_RTO_MIN of include/net/tcp.h).
const classGrace = 300 * time.Millisecond

// begin lets SYNs cross while the classifications are still being made: that needs nothing, and mostly it works.
func (s auto) begin(ctx context.Context, a *attempt) opening {
	plan := s.unmeasured()
	if len(plan) == 0 {
		return opening{end: func() {}}
	}
	var working sync.WaitGroup
	opens, stop := context.WithCancel(ctx)
	working.Go(func() { _ = a.round(opens, plan[0], 0) })
	return opening{plan[0].Strategy, true, func() { stop(); working.Wait() }}
}

// carryOut starts what mixes with others, each in its turn, and then what does not. What has opened, and is the best of
// the plan, is left at it for its time.
func (s auto) carryOut(ctx context.Context, a *attempt, plan []choice, t turns, o opening, run func(func() error)) {
	begun := time.Now()
	for _, c := range plan {
		if !c.mixes() {
			t.choices = append(t.choices, c)
			continue
		}
		from := begun.Add(a.head(plan, c))
		run(func() error {
			pause(ctx, from)
			return a.round(ctx, c, 0)
		})
	}
	if len(t.choices) == 0 {
		o.end()
		return
	}
	t.choices = varied(t.choices)
	best, n := t.choices[0], 0
	run(func() error {
		if plan[0].Strategy == best.Strategy && best.Strategy == o.strategy {
			pause(ctx, begun.Add(a.box(best)))
			n = 1
		}
		o.end()
		pause(ctx, begun.Add(a.head(plan, best)))
		return t.take(ctx, a, n)
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
