package punch

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestPredictedPortsFollowTheCounter(t *testing.T) {
	for _, c := range []struct {
		last uint16
		step int
		want []uint16
	}{
		{2000, 1, []uint16{2001, 2002, 2003}},
		{2000, 2, []uint16{2002, 2004, 2006}},
		{2000, -1, []uint16{1999, 1998, 1997}},
		{2000, -3, []uint16{1997, 1994, 1991}},
		{65534, 1, []uint16{65535, 1024, 1025}},
		{65534, 2, []uint16{1024, 1026, 1028}},
		{1025, -1, []uint16{1024, 65535, 65534}},
		{600, 1, []uint16{601, 602, 603}}, // a NAT that gives out well-known ports too
		{600, -1, []uint16{65535, 65534, 65533}},
		{65535, maxStep, []uint16{1535, 2047, 2559}},
	} {
		p := prediction{Last: c.last, Step: c.step}
		if got := []uint16{p.port(1), p.port(2), p.port(3)}; !slices.Equal(got, c.want) || p.check() != nil {
			t.Errorf("after %d in steps of %d: %v, want %v; %v", c.last, c.step, got, c.want, p.check())
		}
	}
	for _, p := range []prediction{
		{}, {Last: 2000}, {Step: 1}, {0, 1, maxStep + 1}, {0, 1, -maxStep - 1}, {maxRound + 1, 1, 1}, {-1, 1, 1},
	} {
		if p.check() == nil {
			t.Errorf("%+v is taken for a prediction", p)
		}
	}
}

func TestTheFurthestPortWasGivenOutLast(t *testing.T) {
	for _, c := range []struct {
		name string
		step int
		seen []uint16
		want uint16
	}{
		{"in order", 1, []uint16{2000, 2001, 2002, 2003}, 2003},
		{"one overtaken", 1, []uint16{2001, 2000, 2003, 2002}, 2003},
		{"others between", 1, []uint16{2000, 2001, 2007, 2009}, 2009},
		{"downwards", -1, []uint16{2003, 2001, 2002, 2000}, 2000},
		{"a port per address", 2, []uint16{2000, 2000, 2002, 2002}, 2002},
		{"past the end", 1, []uint16{65534, 65535, 1024, 1025}, 1025},
		{"past the beginning", -1, []uint16{1025, 1024, 65535, 65534}, 65534},
		{"one only", 1, []uint16{2000}, 2000},
		{"the first one kept", 1, []uint16{4000, 2000, 2001, 2002}, 2002},
		{"all kept", 1, []uint16{4000, 4000}, 4000},
	} {
		var seen []netip.AddrPort
		for _, port := range c.seen {
			seen = append(seen, netip.AddrPortFrom(netip.MustParseAddr("203.0.113.7"), port))
		}
		p, err := foresee(Classification{Ports: Allocation{Rule: Sequential, Step: c.step}}, 4000, seen)
		if err != nil || p.Last != c.want || p.Step != c.step {
			t.Errorf("%s: %+v, %v; want %d", c.name, p, err, c.want)
		}
	}
	if _, err := foresee(Classification{}, 4000, nil); err == nil {
		t.Error("a port is foretold from none")
	}
}

// What is armed must be gone before the kernel repeats it; what waits for a word and an answer must last that long.
func TestARoundLastsLongEnoughAndNotLonger(t *testing.T) {
	for rtt := time.Millisecond; rtt <= 10*time.Second; rtt *= 2 {
		a := &attempt{state: &state{rtt: rtt}}
		for round := range 12 {
			got := a.patience(round)
			if got < 2*rtt+silenceSlack {
				t.Errorf("a round ends after %s where the word and the answer take %s", got, 2*rtt)
			}
			if got > standLife && 2*rtt+silenceSlack <= standLife {
				t.Errorf("with a round trip of %s round %d ends after %s", rtt, round, got)
			}
		}
	}
	if got := (&attempt{state: new(state)}).patience(0); got != standLife {
		t.Errorf("where the round trip is not known a round lasts %s", got)
	}
}

// tellTo hands a note to an attempt as its peer's.
func tellTo(t *testing.T, a *attempt, say string, with any) {
	t.Helper()
	if err := tellPeer(t.Context(), wire{a.post}, a.strategy, say, with); err != nil {
		t.Fatal(err)
	}
}

func TestTheNewestNoteCounts(t *testing.T) {
	a := &attempt{strategy: "sequential", state: &state{post: newPost()}}
	for round := range 3 {
		tellTo(t, a, foretold, prediction{Round: round, Last: 2000, Step: 1})
	}
	a.post.box("sequential", foretold) <- json.RawMessage(`"nonsense"`)
	if got, err := newest[prediction](t.Context(), a, foretold); err != nil || got.Round != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	tellTo(t, a, foretold, prediction{})
	tellTo(t, a, fired, 1)
	a.forget(foretold, fired)
	if n := len(a.heard(foretold)) + len(a.heard(fired)); n != 0 {
		t.Errorf("%d notes are left of a round that is over", n)
	}
}

// Windows overlap, and a port that the one before still dials cannot be dialled: so a round begins when the one before
// has let go.
func TestAChaseGoesOnWithWhatWasToldLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &attempt{strategy: "sequential", state: &state{post: newPost()}}
		ctx, cancel := context.WithCancel(t.Context())
		var begun, ended []int
		letGo := make(chan struct{})
		done := make(chan error, 1)
		go func() {
			done <- chase(ctx, a, "go", func(ctx context.Context, n int) error {
				begun = append(begun, n)
				<-ctx.Done()
				<-letGo
				ended = append(ended, n)
				return ctx.Err()
			})
		}()
		for n := range 3 {
			tellTo(t, a, "go", n)
			synctest.Wait()
			if n > 0 {
				if len(begun) != n {
					t.Errorf("round %d begins while the one before it closes its sockets: %v", n, begun)
				}
				letGo <- struct{}{}
				synctest.Wait()
			}
		}
		if !slices.Equal(begun, []int{0, 1, 2}) || !slices.Equal(ended, []int{0, 1}) {
			t.Errorf("begun %v, ended %v", begun, ended)
		}
		cancel()
		letGo <- struct{}{}
		if err := <-done; err != nil || len(ended) != 3 {
			t.Errorf("%v; ended %v", err, ended)
		}
	})
}

func TestAChaseEndsWithWhatNoFurtherSYNHelps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &attempt{strategy: "sequential", state: &state{post: newPost()}}
		broken := errors.New("no sockets")
		fates := []error{errRefused, errSpent, broken}
		done := make(chan error, 1)
		go func() {
			done <- chase(t.Context(), a, "go", func(_ context.Context, n int) error { return fates[n] })
		}()
		for n := range fates {
			tellTo(t, a, "go", n)
			synctest.Wait()
		}
		if err := <-done; !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}

// A refusal of one SYN closes what the others need where they share it.
func TestSharedHolesAreNotShotAtTwice(t *testing.T) {
	for _, own := range kinds() {
		for _, answer := range []Answer{Drop, Reset, ICMP} {
			shares := own.Mapping == AddressDependent ||
				own.Filtering == AddressDependent && (own.Mapping == None || own.Mapping == EndpointIndependent)
			if got := entangled(own, Classification{Answer: answer}); got != (shares && answer != Drop) {
				t.Errorf("%s towards one that answers with %s: %t", own, answer, got)
			}
		}
	}
}
