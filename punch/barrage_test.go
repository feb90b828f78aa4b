package punch

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// Of two sides, the one whose NAT answers goes first, and arms its SYNs if the other one's does too.
func TestWhoOpens(t *testing.T) {
	cone := func(answer Answer) Classification {
		return keeping(EndpointIndependent, AddressAndPortDependent, answer)
	}
	shunning := cone(Drop)
	shunning.AfterICMP = No
	for _, c := range []struct {
		own, other Classification
		turn       turn
		armed      bool
	}{
		{cone(Drop), cone(Drop), together, false},
		{cone(Reset), cone(Drop), opens, false},
		{cone(Drop), cone(ICMP), follows, false},
		{cone(Reset), cone(ICMP), opens, true},
		{unarmed(cone(Reset)), cone(Reset), follows, true},
		{unarmed(cone(Reset)), unarmed(cone(Reset)), together, false},
		{cone(Drop), shunning, opens, true},
		{shunning, cone(Reset), follows, true},
		{shunning, shunning, together, false},
	} {
		if turn, armed := whoOpens(c.own, c.other); turn != c.turn || armed != c.armed {
			t.Errorf("%s x %s: %d, %t; want %d, %t", c.own, c.other, turn, armed, c.turn, c.armed)
		}
	}
	both := []*attempt{{state: &state{elder: true}}, {state: new(state)}}
	for _, answer := range []Answer{Drop, Reset} {
		for _, other := range []Answer{Drop, Reset} {
			x, xArmed := both[0].turns(cone(answer), cone(other))
			y, yArmed := both[1].turns(cone(other), cone(answer))
			if x != y.other() || xArmed != yArmed {
				t.Errorf("%s x %s: the peers disagree: %d and %d", answer, other, x, y)
			}
		}
	}
}

// many is n SYNs from fresh ports.
func many(n int, to netip.AddrPort) []shot {
	return slices.Repeat([]shot{{to: to, silence: time.Minute}}, n)
}

// keeper is an endpoint that accepts every connection and keeps it.
func keeper(t *testing.T) netip.AddrPort {
	t.Helper()
	ln, err := Listen(Here, netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return netip.MustParseAddrPort(ln.Addr().String()) // the kernel accepts for us
}

func TestASpreadBarrageStopsAtTheFirstConnection(t *testing.T) {
	peer := keeper(t)
	a := bareAttempt(t, peer)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b, told := a.barrage(), 0
	if err := b.send(ctx, many(1000, peer), time.Hour, func() { told++ }); err != nil {
		t.Fatal(err)
	}
	if b.sent != pacedVisit || a.tally.syns != pacedVisit || told != 1 {
		t.Errorf("%d sent, %d counted, told %d times", b.sent, a.tally.syns, told)
	}
	cancel()
	b.end()
}

// What leaves all at once is not stopped before it has left, and ends with its context.
func TestABarrageEndsWithItsContext(t *testing.T) {
	peer := keeper(t)
	a := bareAttempt(t, peer)
	ctx, cancel := context.WithCancel(t.Context())
	b, told := a.barrage(), 0
	if err := b.send(ctx, many(visit, peer), 0, func() { told++ }); err != nil || b.sent != visit || told != 1 {
		t.Errorf("%d sent, told %d times: %v", b.sent, told, err)
	}
	cancel()
	b.end()
	if err := a.barrage().send(ctx, many(1, peer), 0, func() {}); err != nil {
		t.Errorf("after the end: %v", err)
	}
	if a.tally.syns != visit {
		t.Errorf("%d SYNs, one of them after the end", a.tally.syns)
	}
}

// The budget is the attempt's, not the barrage's.
func TestABarrageStaysWithinTheBudget(t *testing.T) {
	peer := keeper(t)
	a := bareAttempt(t, peer)
	ctx, cancel := context.WithCancel(t.Context())
	if err := a.guard.pass(peer, MaxSYNs-10); err != nil {
		t.Fatal(err)
	}
	b := a.barrage()
	if err := b.send(ctx, many(30, peer), 0, func() {}); err != nil || b.sent != 10 {
		t.Errorf("%d sent: %v", b.sent, err)
	}
	if notes := strings.Join(a.tally.notes, "\n"); !strings.Contains(notes, "only 10 of 30 SYNs") {
		t.Errorf("notes: %q", notes)
	}
	if err := a.barrage().send(ctx, many(30, peer), 0, func() {}); !errors.Is(err, errSpent) {
		t.Errorf("without a budget: %v", err)
	}
	forbidden := netip.MustParseAddrPort("224.0.0.1:7")
	if err := a.barrage().send(ctx, many(30, forbidden), 0, func() {}); !errors.Is(err, ErrForbidden) {
		t.Errorf("to a multicast address: %v", err)
	}
	cancel()
	b.end()
}

// Who follows waits for the word of the peer, and takes its round: all of its SYNs leave then, or again, but for those
// of a spread that cannot have come too early.
func TestWhoFollowsWaitsForThePeersWord(t *testing.T) {
	peer := keeper(t)
	for name, c := range map[string]struct {
		rtt, spread time.Duration
		drawn, sent int
	}{
		"all at once":              {time.Hour, 0, 1, 8},
		"spread, the peer in time": {time.Hour, 8 * time.Nanosecond, 1, 8},
	} {
		a := bareAttempt(t, peer)
		a.strategy, a.post, a.rtt = "birthday", newPost(), c.rtt
		_ = tellPeer(t.Context(), wire{a.post}, "birthday", out, 7)
		ctx, cancel := context.WithCancel(t.Context())
		round, drawn, b := 0, 0, a.barrage()
		shots := func(int) []shot { drawn++; return many(8, peer) }
		err := b.sendSecond(ctx, campaign{spread: c.spread, shots: shots}, &round, time.Now().Add(time.Hour))
		if err != nil || round != 7 || drawn != c.drawn || b.sent != c.sent {
			t.Errorf("%s: round %d, drawn %d times, %d sent: %v", name, round, drawn, b.sent, err)
		}
		cancel()
		b.end()
	}
}

// SYNs that are spread begin before the word, but not those of which there are few.
func TestWhatIsScarceIsNotSentBeforeThePeersWord(t *testing.T) {
	peer := keeper(t)
	for scarce, want := range map[bool]int{false: 8, true: 0} {
		a := bareAttempt(t, peer)
		a.strategy, a.post, a.rtt = "birthday", newPost(), time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		round, b := 0, a.barrage()
		c := campaign{spread: 8 * time.Nanosecond, scarce: scarce, shots: func(int) []shot { return many(8, peer) }}
		if err := b.sendSecond(ctx, c, &round, time.Time{}); err != nil || b.sent != want {
			t.Errorf("scarce %v: %d sent, want %d: %v", scarce, b.sent, want, err)
		}
		cancel()
		b.end()
	}
}

// A peer that opens many ports is given the time that a busy host takes for them, if no word of it comes.
func TestWhoFollowsWaitsTheLongerTheMoreThePeerOpens(t *testing.T) {
	peer := keeper(t)
	a := bareAttempt(t, peer)
	a.strategy, a.post, a.rtt = "birthday", newPost(), time.Millisecond
	for _, theirs := range []int{0, 500} {
		ctx, cancel := context.WithCancel(t.Context())
		round, begun, b := 0, time.Now(), a.barrage()
		err := b.sendSecond(ctx, campaign{theirs: theirs, shots: func(int) []shot { return many(1, peer) }}, &round, time.Time{})
		if waited := time.Since(begun); err != nil || b.sent != 1 || waited < time.Duration(theirs)*perSYN {
			t.Errorf("the peer opens %d ports: %d sent after %s: %v", theirs, b.sent, waited, err)
		}
		cancel()
		b.end()
	}
}

// A peer's word may be anything.
func TestWordsOfRounds(t *testing.T) {
	a := bareAttempt(t, netip.MustParseAddrPort("127.0.0.1:1"))
	a.strategy, a.post = "birthday", newPost()
	for _, word := range []any{3, "x", -5, nil, 2} {
		_ = tellPeer(t.Context(), wire{a.post}, "birthday", out, word)
	}
	round := 1
	a.awaitOut(t.Context(), time.Now().Add(time.Hour), &round)
	if round != 3 {
		t.Errorf("round %d, want 3", round)
	}
	_ = tellPeer(t.Context(), wire{a.post}, "birthday", out, 1<<40)
	a.awaitOut(t.Context(), time.Now().Add(time.Hour), &round)
	if round >= 1<<15 {
		t.Errorf("round %d", round)
	}
	a.awaitOut(t.Context(), time.Time{}, &round) // nothing was told: the time has come
}
