package punch

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// timedRedial lets both peers dial each other from the ports that the server saw, again and again at intervals,
// whatever comes of it. It is what engines do that retry a plain connect: openp2p, p2pd, ustulation/p2p and EasyTier,
// which dial anew after 5 to 200 ms or longer.
//
//	A:p    NAT A         NAT B    B:q
//	 |--SYN-->|------------>x       |     refused or dropped
//	 |        |     x<------|<-SYN--|     and B's too, if A's hole is closed by then
//	 |        |             |       |     … an interval with jitter
//	 |--SYN-->|----    ----|<--SYN--|
//	 |<-------|<---/  \--->|------->|     crossed
//	 |--SYN-ACK----    ----SYN-ACK--|
//	 |--proof------    ------proof--|
//
// What it needs of both NATs is what crossed SYNs need, see simultaneousOpen. The first SYNs cross if both start within
// half a round trip of each other. If not, and where NATs drop, the earlier SYN waits for the later one. Where a NAT
// answers, a SYN that comes too early is dead, and by a reset its hole too, until the interval is over: SYNs then have
// to leave within half a round trip of each other by chance. With a constant interval they never do, which is why there
// is jitter.
//
// An interval shorter than a round trip and a half would never connect: the answer would come to a socket that is
// closed. At least one round trip until it is established, and one and a half until both proofs are checked.
type timedRedial struct{}

func init() { register(timedRedial{}) }

func (timedRedial) Name() string { return "timed-redial" }
func (timedRedial) Summary() string {
	return "fresh SYNs from the port that the server saw, at intervals"
}
func (timedRedial) relays() bool { return false }
func (timedRedial) needs() part  { return 0 }
func (timedRedial) mixes() bool  { return false }

const (
	// shortestInterval is the shorter end of what plain engines use; a long round trip takes more.
	shortestInterval = 50 * time.Millisecond
	// unknownInterval is the longer end, for a round trip that is not known.
	unknownInterval = 200 * time.Millisecond
)

// interval is the time between two SYNs: a round trip and a half at least, and at random up to one round trip more, so
// that any two phases come together sooner or later.
func interval(rtt time.Duration) time.Duration {
	least, spread := max(shortestInterval, rtt+rtt/2+redialSlack), max(shortestInterval, rtt)
	if rtt <= 0 {
		least = unknownInterval
	}
	return least + rand.N(spread)
}

func (timedRedial) Forecast(a, b Classification) Forecast {
	f := crossed(a, b)
	if f.Chance >= sure {
		f.SYNs = 4 // one each is too early, perhaps, and another follows
		f.pardon(a, b)
	}
	return f
}

// unforgiven is the share of a round's chance that is left where a SYN that comes too early spoils it. Of two starts
// that are up to a round trip apart, all differences being equally likely, half are less than half a round trip apart,
// and those SYNs cross.
const unforgiven = 0.5

// pardon takes from a forecast of crossed SYNs that go out at intervals what early ones lose by the answers of NATs.
func (f *Forecast) pardon(a, b Classification) {
	switch intoA, intoB := invites(a, b), invites(b, a); {
	case a.Open() || b.Open() || !refuses(a) && !refuses(b):
		// Whatever comes early comes in, or waits.
	case closeBy(a, b):
		f.Chance = unforgiven
		f.Reason = "the peers may be too close to start at the same moment, and a SYN that comes too early is answered"
	case a.Answer == ICMP || b.Answer == ICMP:
		f.Chance = unforgiven
		f.Reason = "SYNs cross if they leave at once; ICMP kills an early one and leaves its hole, by which the other " +
			"one comes to a listener, whose answer the NAT does not take for one"
	case refuses(a) && refuses(b):
		f.Chance = unforgiven
		f.Reason = "SYNs cross if they leave at once; a reset kills an early one and its hole, on both sides in turn"
	case intoA && intoB:
		f.Reason += "; where an early one is reset, the other one waits for the next"
	case refuses(a) != intoA: // the side that answers is the one into which nothing comes
		f.Chance = unforgiven
		f.Reason = "the SYN of one side comes in while the hole is open, which resets close again and again"
	}
}

func (timedRedial) run(ctx context.Context, a *attempt) error {
	for ctx.Err() == nil {
		next := interval(a.rtt)
		over := time.Now().Add(next)
		if err := a.syn(ctx, a.port, next); fatal(err) {
			return err
		} else if errors.Is(err, errSpent) {
			break
		}
		pause(ctx, over)
	}
	<-ctx.Done() // the peer may still reach our listener
	return nil
}
