package punch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"sync"
	"time"
)

const (
	// visit is how many SYNs leave in one visit to the network, which holds a thread: for some milliseconds.
	visit = 64
	// pacedVisit is the same where SYNs are spread over time, each of them in the hope that the next is not needed.
	pacedVisit = 16
	// filesLeft are how many files are left for everything else that the process has open.
	filesLeft = 64
	// barrageLife is how long SYNs of a barrage stay. The kernel retransmits a SYN after a second (TCP_TIMEOUT_INIT of
	// include/net/tcp.h; RFC 6298, 2.1), with the ordinary TTL, so that a NAT that answers kills what was armed with a
	// small one; and fresh ports are worth more than the same ones again.
	barrageLife = 900 * time.Millisecond
	// barragePeriod is how soon a barrage follows another, so that the peers' rounds overlap by most of their time
	// even if one began some round trips later.
	barragePeriod = barrageLife + 100*time.Millisecond
	// longestSpread leaves time, within barrageLife, for what is sent last to be answered.
	longestSpread = 400 * time.Millisecond
)

// barrage is many SYNs of one round. It is used by one goroutine.
type barrage struct {
	*attempt
	sent    int
	ahead   time.Duration // how long before the last one leaves the peer may be told that all are out
	up      chan struct{} // closed when one of them has brought a connection
	rise    func()        // closes up
	pending sync.WaitGroup
}

func (a *attempt) barrage() *barrage {
	up := make(chan struct{})
	return &barrage{attempt: a, up: up, rise: sync.OnceFunc(func() { close(up) })}
}

// send sends SYNs, in their order, and stays with each of them as fire does with one; that holds no thread. They are
// spread evenly over the given time, or leave as fast as they can if it is zero; when one has brought a connection, no
// further one leaves. Out is called when the last one has left; or when three quarters have, and the rest, at their rate,
// will have left in the time that it may be ahead. A host that is busy may stop at any moment, and the rest be late.
//
// What cannot be sent is left out, and noted: SYNs beyond what files may be open or what the guard allows. It returns
// an error if not a single one of the barrage could be sent.
func (b *barrage) send(ctx context.Context, shots []shot, spread time.Duration, out func()) error {
	begun, out, size := time.Now(), sync.OnceFunc(out), visit
	if spread > 0 {
		size = pacedVisit
	}
	for from := 0; from < len(shots); from += size {
		if !wait(ctx, b.up, begun.Add(spread*time.Duration(from)/time.Duration(len(shots)))) {
			break
		}
		flying, err := b.volley(shots[from:min(from+size, len(shots))])
		b.sent += len(flying)
		for _, d := range flying {
			b.pending.Go(func() { b.stay(ctx, d) })
		}
		switch left := len(shots) - from - size; {
		case err != nil && b.sent == 0:
			return err
		case err != nil:
			b.note("only %d of %d SYNs could be sent: %v", b.sent, len(shots), err)
			out()
			return nil
		case left <= len(shots)/4 && time.Since(begun)*time.Duration(left)/time.Duration(from+size) <= b.ahead:
			out()
		}
	}
	out()
	return nil
}

// end waits until all SYNs have come to nothing, or until ctx has ended: then every connection that the barrage opened
// is closed, but for those that are the arbiter's.
func (b *barrage) end() { b.pending.Wait() }

// volley sends some SYNs in one visit to the network. It returns what has left, and why the rest has not, where that is
// not for one alone.
func (a *attempt) volley(shots []shot) ([]*dialing, error) {
	var refused error
	for i, s := range shots {
		if refused = a.guard.pass(s.to, 1); refused != nil {
			shots = shots[:i]
			break
		}
	}
	a.aim(shots...)
	flying, err := volley(a.network, shots)
	a.count(func(t *tally) { t.syns += len(flying) })
	a.sent(flying...)
	return flying, cmp.Or(err, refused)
}

// stay is that of the attempt, and tells the barrage of a connection.
func (b *barrage) stay(ctx context.Context, d *dialing) {
	conn, err := b.await(ctx, ctx, d) // which counts the error
	if err != nil {
		return
	}
	b.rise()
	_ = b.follow(ctx, conn, d.born)
}

// wait is pause that stop ends too. It tells whether the time has come.
func wait(ctx context.Context, stop <-chan struct{}, until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-stop:
		return false
	case <-ctx.Done():
		return false
	default:
	}
	select {
	case <-timer.C:
		return true
	case <-stop:
	case <-ctx.Done():
	}
	return false
}

// affordable is how many of n sockets this process can have at once. It notes where that is less.
func (a *attempt) affordable(n int) int {
	limit := fileLimit()
	can := max(1, min(n, limit-filesLeft))
	if can < n {
		a.note("only %d of %d sockets can be had: %d files may be open at once (RLIMIT_NOFILE)", can, n, limit)
	}
	return can
}

// arming is the TTL of armed SYNs behind our NATs, or the ordinary one where this system has no such sockets.
func (a *attempt) arming(us Classification) int {
	if !canArm {
		a.note("SYNs that die on their way would close their sockets here: they have the ordinary TTL")
		return 0
	}
	return us.ArmingTTL
}

// turn is when a peer sends its many SYNs, as seen from one of two.
type turn int

const (
	together turn = iota
	opens         // before the other does
	follows       // once the other has told that its own are out
)

// whoOpens says which of two sides goes first, if own is the one that rather does, and whether its SYNs are armed.
//
// A NAT that answers kills a SYN that comes too early, and the mapping behind it. So the side whose NAT answers opens:
// the other NAT drops its SYNs, and when the other side sends, every hole that there will be is there. What is
// answered then belongs to no hole. Where both answer, the SYNs of the side that opens die on their way, before the
// other NAT. So do they where that NAT may be one that refuses SYNs that cross: it lets its own host's SYNs be answered.
// And where neither can have that, only SYNs that cross are not killed. Measured with 700 ports on each
// side, one NAT answering by resets, that side 40 ms late: 1 of 60; in order: 60 of 60.
func whoOpens(own, other Classification) (t turn, armed bool) {
	switch {
	case shuns(other) && arms(own):
		return opens, true
	case shuns(own) && arms(other):
		return follows, true
	case !refuses(own) && !refuses(other):
		return together, false
	case refuses(own) && !refuses(other):
		return opens, false
	case !refuses(own):
		return follows, false
	case arms(own):
		return opens, true
	case arms(other):
		return follows, true
	}
	return together, false
}

// other is the same turn as the other peer sees it.
func (t turn) other() turn { return [...]turn{together: together, opens: follows, follows: opens}[t] }

// out is told when all SYNs of a side have left.
const out = "out"

// campaign is many SYNs, round after round.
type campaign struct {
	turn   turn
	every  time.Duration          // a round begins no sooner than that after the one before
	spread time.Duration          // over which the SYNs of a round leave; 0: as fast as they can
	shots  func(round int) []shot // draws them
	few    bool                   // a few that leave late do no harm
	scarce bool                   // none may be wasted: where it follows, none leaves before the peer's word
	theirs int                    // how many sockets the peer needs before its word, where it follows
}

// wage sends a barrage after the other until ctx ends or the guard allows no more, by turns with the peer, which does
// the same. Where a few that are late do no harm, the peer is told half a round trip before the last one leaves: what
// it sends upon hearing of that cannot be here before.
func (a *attempt) wage(ctx context.Context, c campaign) error {
	for round := 0; ctx.Err() == nil; round++ {
		begun, b := time.Now(), a.barrage()
		if c.few {
			b.ahead = a.rtt / 2
		}
		var err error
		if c.turn == follows {
			err = b.sendSecond(ctx, c, &round, begun.Add(c.every))
		} else {
			err = b.send(ctx, c.shots(round), c.spread, func() { _ = a.tell(ctx, out, round) })
		}
		b.end()
		switch {
		case errors.Is(err, errSpent):
			<-ctx.Done() // the peer may still reach our listener
		case fatal(err):
			return err
		case c.turn != follows:
			pause(ctx, begun.Add(c.every))
			a.awaitOut(ctx, begun, &round)
		}
	}
	return nil
}

// sendSecond sends a barrage that follows the peer's, when that is out; or, without a word of the peer until the given
// time, which in the first round is that in which one would have come, without it: it may be lost.
//
// Where it is spread, it begins at once, unless SYNs are scarce: what leaves before the word of a peer that began at the
// same moment is here does not come too early, since it travels as long. If the peer turns out to have begun later than
// that, all is sent again.
func (b *barrage) sendSecond(ctx context.Context, c campaign, round *int, until time.Time) error {
	begun, rtt := time.Now(), cmp.Or(b.rtt, assumedRTT)
	all := c.shots(*round)
	one := c.spread / time.Duration(max(len(all), 1)) // from each to the next
	first := 0
	if *round == 0 {
		// Two round trips late, a word by way of the server, and a busy host.
		until = begun.Add(4*rtt + headSlack + time.Duration(c.theirs)*perSYN)
		if one > 0 && !c.scarce {
			first = min(int((rtt/2+headSlack)/one), len(all))
		}
	}
	quiet := func() {}
	if err := b.send(ctx, all[:first], one*time.Duration(first), quiet); err != nil {
		return err
	}
	b.awaitOut(ctx, until, round)
	rest := all[first:]
	if first > 0 && time.Since(begun) > rtt+headSlack {
		rest = c.shots(*round)
	}
	return b.send(ctx, rest, one*time.Duration(len(rest)), quiet)
}

// awaitOut waits until the peer's SYNs of a round are out, or until the time has come, and takes the number of the
// latest round that the peer has told of: one that began earlier is ahead.
func (a *attempt) awaitOut(ctx context.Context, until time.Time, round *int) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	var told json.RawMessage
	select {
	case told = <-a.heard(out):
	case <-timer.C:
	case <-ctx.Done():
	}
	for {
		var theirs int
		if json.Unmarshal(told, &theirs) == nil {
			*round = max(*round, min(theirs, math.MaxInt16))
		}
		select {
		case told = <-a.heard(out):
		default:
			return
		}
	}
}
