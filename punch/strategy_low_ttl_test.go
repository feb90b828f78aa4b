package punch

import (
	"context"
	"runtime"
	"testing"
	"time"
)

func TestLowTTLForgivesAnswers(t *testing.T) {
	foresees(t, lowTTL{}, []foreseen{
		{"no answers", portCone, portCone, 1, 2},
		{"resets on both sides", resetCone, resetCone, 1, 2},
		{"ICMP against resets", icmpCone, resetCone, 1, 2},
		{"a filter by address lets in another port", addrCone, withAnswer(symmetric, Reset), 1, 2},
		{"a hole for a port that does not come", resetCone, symmetric, 0, 0},
		{"neither keeps its endpoint", symByAddr, symmetric, 0, 0},
		{"the hole is closed by ICMP, but the other one's is not", closesHole, resetCone, 1, 2},
		{"both holes are", closesHole, closesHole, 0, 0},
		{"nothing to open", noNAT, resetCone, 1, 2},
		{"who must keep still cannot be armed, and who is armed is not met", symOpen, portCone, 0, 0},
		{"who must keep still can dial", symOpen, addrCone, 1, 2},
	})
}

// The two peers never take the same role, and it is the one that can be armed who is.
func TestOneOfTwoIsArmed(t *testing.T) {
	for _, a := range []Classification{noNAT, portCone, resetCone, icmpCone, addrCone, symmetric, closesHole, symOpen} {
		for _, b := range []Classification{noNAT, portCone, resetCone, icmpCone, addrCone, symmetric, closesHole, symOpen} {
			a, b := a.assumed(), b.assumed()
			if (lowTTL{}).Forecast(a, b).Chance == 0 {
				continue
			}
			elder, younger := &attempt{state: &state{elder: true}}, &attempt{state: &state{}}
			arms := elder.plays(a, b, lowTTL{}.suits)
			if arms == younger.plays(b, a, lowTTL{}.suits) {
				t.Errorf("%s x %s: both have the same role", a, b)
			}
			if f := (lowTTL{}).one(a, b); arms && f.Chance == 0 {
				t.Errorf("%s x %s: the wrong one is armed", a, b)
			}
		}
	}
}

func TestTheNATThatAnswersIsOpened(t *testing.T) {
	quiet, loud := portCone.assumed(), resetCone.assumed()
	for _, elder := range []bool{true, false} {
		a := &attempt{state: &state{elder: elder}}
		if !a.plays(loud, quiet, lowTTL{}.suits) || a.plays(quiet, loud, lowTTL{}.suits) {
			t.Errorf("elder %t: the NAT that does not answer is opened", elder)
		}
	}
}

func TestADialledSYNIsLeftAloneForARoundTripAndAHalf(t *testing.T) {
	last := time.Duration(0)
	for replaced := range maxSYNs {
		got := redialSilence(40*time.Millisecond, replaced)
		if got < 60*time.Millisecond+redialSlack || got < last {
			t.Fatalf("SYN %d is replaced after %s", replaced+1, got)
		}
		last = got
	}
	if got := redialSilence(0, 3); got != untilAnswered {
		t.Errorf("without a round trip to reckon with a SYN is replaced after %s", got)
	}
}

// A note counts only if the SYN left before what it tells of.
func TestOnlyANewHoleIsWorthAnotherSYN(t *testing.T) {
	a := &attempt{strategy: "low-ttl", state: &state{rtt: time.Hour, post: newPost()}}
	say := func() { a.post.deliver([]byte(`{"for": "low-ttl", "say": "armed"}`)) }
	say()
	if !a.toldAfter(t.Context(), time.Now().Add(-time.Hour), armed) {
		t.Error("the SYN left an hour before it was heard, and half an hour before it was said: too early")
	}
	say()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for len(a.heard(armed)) > 0 {
			runtime.Gosched()
		}
		cancel()
	}()
	if a.toldAfter(ctx, time.Now(), armed) {
		t.Error("the SYN left after the hole was made, which is half an hour ago")
	}
}

func TestLowTTLConnects(t *testing.T) {
	a, b := known(t, "low-ttl", portCone, resetCone)
	connected(t, a, b)
	if !canArm && len(b.report.Notes) == 0 {
		t.Error("nobody is told that this system cannot arm")
	}
}
