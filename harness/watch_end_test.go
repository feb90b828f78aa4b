package harness

import (
	"errors"
	"os"
	"testing"

	"github.com/punchlab/punchlab/harness/internal/leaktest"
)

func TestOneWatchAtATime(t *testing.T) {
	lab := build(t, "open", nil)
	w, err := lab.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if second, err := lab.Watch(t.Context()); second != nil || err == nil {
		t.Errorf("a second watch: %v, %v", second, err)
	}
	first, err := w.Stop()
	again, errAgain := w.Stop()
	if err := errors.Join(err, errAgain); err != nil {
		t.Error(err)
	}
	if !first.Began.Equal(again.Began) || first.Began.IsZero() {
		t.Errorf("two recordings of one watch, from %v and %v on", first.Began, again.Began)
	}
}

func TestAClosedLabIsNotWatched(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "openwrt")})
	w, err := lab.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Stop(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Stop: %v, want %v", err, os.ErrClosed)
	}
	if _, err := lab.Watch(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Watch: %v, want %v", err, os.ErrClosed)
	}
}

// A lab that was unwatched can be watched again, and one that never was unwatched too.
func TestUnwatch(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "openwrt")})
	if err := lab.Unwatch(); err != nil {
		t.Fatal(err)
	}
	m := mailbox(t, lab)
	for range 2 {
		w, err := lab.Watch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m.send(t, "word")
		if err := lab.Unwatch(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Stop(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Stop: %v, want %v", err, os.ErrClosed)
		}
	}
}

// Stopped or not, a watch ends with its lab.
func TestWatchesLeaveNothingBehind(t *testing.T) {
	Need(t)
	topo := topology(t, "two-nats")
	nats := everySlot(topo, profile(t, "linux-masquerade"))
	one := func(stops int) {
		lab, err := New(t.Context(), topo, nats)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			w, err := lab.Watch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if i < stops {
				if _, err := w.Stop(); err != nil {
					t.Fatal(err)
				}
			} else {
				break
			}
		}
		if err := lab.Close(); err != nil {
			t.Fatal(err)
		}
	}
	one(1) // opens what is opened once
	leaktest.Watch(t)
	for range 5 {
		one(0)
		one(2)
		one(3)
	}
}
