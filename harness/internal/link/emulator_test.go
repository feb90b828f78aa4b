package link_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/leaktest"
	"github.com/punchlab/punchlab/harness/internal/link"
	"github.com/punchlab/punchlab/links"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// receive waits for a datagram.
func receive(t *testing.T, socket *net.UDPConn) string {
	t.Helper()
	if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	word := make([]byte, 100)
	n, err := socket.Read(word)
	if err != nil {
		t.Fatal(err)
	}
	return string(word[:n])
}

func send(t *testing.T, socket *net.UDPConn, word string) {
	t.Helper()
	if _, err := socket.Write([]byte(word)); err != nil {
		t.Fatal(err)
	}
}

// stats waits until the emulator has held that many packets.
func stats(t *testing.T, e *link.Emulator, held uint64) link.Stats {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		s, err := e.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if s.Held >= held {
			return s
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%d packets were held, want %d", s.Held, held)
		case <-time.After(time.Millisecond): // a counter tells nobody that it has grown
		}
	}
}

// No packet is early, and not all are late without measure.
func TestEveryPacketIsDelayed(t *testing.T) {
	const delay, packets = 10 * time.Millisecond, 40
	street := newStreet(t)
	e := street.hold(t, delay)
	left, right := street.sockets(t)
	shortest := time.Hour
	for i := range packets {
		sent := time.Now()
		word := fmt.Sprint(i)
		send(t, left, word)
		if got := receive(t, right); got != word {
			t.Fatalf("received %s, want %s", got, word)
		}
		took := time.Since(sent)
		if took < delay {
			t.Errorf("packet %d took %v, less than %v", i, took, delay)
		}
		shortest = min(shortest, took)
	}
	if shortest > 10*delay {
		t.Errorf("no packet took less than %v, with a delay of %v", shortest, delay)
	}
	if s := stats(t, e, packets); s.Held != packets || s.Lost != 0 {
		t.Errorf("%+v, want %d packets held and none lost", s, packets)
	}
}

func TestBothDirectionsAreDelayed(t *testing.T) {
	const delay = 10 * time.Millisecond
	street := newStreet(t)
	e := street.hold(t, delay)
	left, right := street.sockets(t)
	sent := time.Now()
	send(t, left, "ping")
	receive(t, right)
	if _, err := right.WriteTo([]byte("pong"), left.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, left); got != "pong" {
		t.Errorf("received %s", got)
	}
	if took := time.Since(sent); took < 2*delay {
		t.Errorf("the round trip took %v, less than %v", took, 2*delay)
	}
	if s := stats(t, e, 2); s.Held != 2 {
		t.Errorf("%+v, want two packets held", s)
	}
}

// Several links of one emulator keep times of their own: what is sent later
// over the faster one arrives earlier.
func TestLinksDoNotWaitForEachOther(t *testing.T) {
	slow, fast := newStreet(t), newStreet(t)
	e := emulator(t)
	slow.wire(t, e, links.Delayed(time.Second))
	fast.wire(t, e, links.Delayed(time.Millisecond))
	slowLeft, slowRight := slow.sockets(t)
	fastLeft, fastRight := fast.sockets(t)
	send(t, slowLeft, "slow")
	stats(t, e, 1)
	send(t, fastLeft, "fast")
	receive(t, fastRight)
	if err := slowRight.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := slowRight.Read(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the slow link was as fast as the fast one: %v", err)
	}
	if got := receive(t, slowRight); got != "slow" {
		t.Errorf("received %s", got)
	}
}

func TestResetDropsWhatIsHeld(t *testing.T) {
	street := newStreet(t)
	e := street.hold(t, time.Second)
	left, right := street.sockets(t)
	for range 10 {
		send(t, left, "before")
	}
	stats(t, e, 10)
	if err := e.Reset(); err != nil {
		t.Fatal(err)
	}
	if s, err := e.Stats(); err != nil || s != (link.Stats{}) {
		t.Errorf("after a reset: %+v, %v; want nothing", s, err)
	}
	send(t, left, "after")
	if got := receive(t, right); got != "after" {
		t.Errorf("received what was sent %s the reset", got)
	}
}

// Emulators share threads. None minds the end of another, and the last takes
// all threads and descriptors with it.
func TestEmulatorsLeaveNothingBehind(t *testing.T) {
	streets := []street{newStreet(t), newStreet(t), newStreet(t), newStreet(t), newStreet(t)}
	first, err := link.New() // opens what is opened once
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	leaktest.Watch(t)
	var all []*link.Emulator
	for _, s := range streets {
		e, err := link.New()
		if err != nil {
			t.Fatal(err)
		}
		s.wire(t, e, links.Delayed(time.Millisecond))
		all = append(all, e)
	}
	for _, i := range []int{3, 0, 4, 1} {
		if err := all[i].Close(); err != nil {
			t.Error(err)
		}
		left, right := streets[2].sockets(t)
		send(t, left, "still here")
		receive(t, right)
		left.Close()
		right.Close()
	}
	if err := all[2].Close(); err != nil {
		t.Error(err)
	}
}

func TestAClosedEmulatorAnswersNothing(t *testing.T) {
	street := newStreet(t)
	for name, others := range map[string]int{"alone": 0, "beside others": 4} {
		for range others {
			emulator(t)
		}
		e, err := link.New()
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := e.Close(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, statsErr := e.Stats()
		_, holdErr := e.Hold(street.place(), links.Delayed(time.Millisecond))
		for what, err := range map[string]error{
			"Stats": statsErr, "Reset": e.Reset(), "Seed": e.Seed(1), "Hold": holdErr,
		} {
			if !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s: %s: %v, want %v", name, what, err, os.ErrClosed)
			}
		}
	}
}

// A router has one link: its second is refused, and leaves the first alone.
func TestARouterIsHeldOnce(t *testing.T) {
	street := newStreet(t)
	e := street.hold(t, time.Millisecond)
	if _, err := e.Hold(street.place(), links.Delayed(time.Second)); err == nil {
		t.Error("the packets of a router are held twice")
	}
	left, right := street.sockets(t)
	send(t, left, "once")
	receive(t, right)
	if s := stats(t, e, 1); s.Held != 1 {
		t.Errorf("%+v, want one packet held", s)
	}
}

func TestHoldNeedsANamespace(t *testing.T) {
	street := newStreet(t)
	e := emulator(t)
	made, err := kernel.NewNamespaces([][]kernel.Sysctl{nil})
	if err != nil {
		t.Fatal(err)
	}
	if err := made[0].Close(); err != nil {
		t.Fatal(err)
	}
	leaktest.Watch(t)
	closed := link.Place{Name: "closed", Router: made[0], Uplink: "right"}
	if _, err := e.Hold(closed, links.Delayed(time.Millisecond)); err == nil {
		t.Error("the packets of a closed namespace are held")
	}
	street.wire(t, e, links.Delayed(time.Millisecond))
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
