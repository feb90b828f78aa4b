package bench

import (
	"context"
	"errors"
	"math"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/punch"
)

// guess is a site whose trials guess ports.
func guess(t *testing.T) *Site {
	birthday, err := punch.StrategyNamed("birthday")
	if err != nil {
		t.Fatal(err)
	}
	hard := punch.Classification{Mapping: punch.AddressAndPortDependent, Filtering: punch.AddressAndPortDependent}
	cone := punch.Classification{Mapping: punch.EndpointIndependent, Filtering: punch.AddressAndPortDependent}
	return &Site{cell: Cell{Strategy: birthday}, nats: [2]punch.Classification{hard, cone}, measured: [2]bool{true, true}}
}

// Two guessing trials do not fit into what there is, and others do beside them, also while
// one waits. A trial that needs more than there is has all there is.
func TestSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 1000
		s := newSockets(most, false)
		guess := guess(t)
		if n := guess.sockets(); n <= most {
			t.Fatalf("a birthday takes %d sockets", n)
		}
		back, err := s.take(t.Context(), guess)
		if err != nil {
			t.Fatal(err)
		}
		soon, cancel := context.WithTimeoutCause(t.Context(), time.Second, errEnough)
		defer cancel()
		waited := make(chan error)
		go func() {
			_, err := s.take(soon, guess)
			waited <- err
		}()
		synctest.Wait()
		if _, err := s.take(t.Context(), &Site{}); err != nil {
			t.Errorf("a trial that guesses nothing: %v", err)
		}
		if err := <-waited; !errors.Is(err, errEnough) {
			t.Errorf("a trial beside one that has everything: %v", err)
		}
		back()
		if _, err := s.take(t.Context(), guess); err != nil {
			t.Errorf("after it has ended: %v", err)
		}
	})
}

// In a run that finds its width as many trials guess at once as there are processors.
func TestGuessesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSockets(math.MaxInt64, true)
		var backs []func()
		for range runtime.NumCPU() {
			back, err := s.take(t.Context(), guess(t))
			if err != nil {
				t.Fatal(err)
			}
			backs = append(backs, back)
		}
		soon, cancel := context.WithTimeoutCause(t.Context(), time.Second, errEnough)
		defer cancel()
		if _, err := s.take(soon, guess(t)); !errors.Is(err, errEnough) {
			t.Errorf("one more: %v", err)
		}
		backs[0]()
		backs[0]() // which does nothing
		if _, err := s.take(t.Context(), guess(t)); err != nil {
			t.Errorf("after one has ended: %v", err)
		}
		if told := newSockets(math.MaxInt64, false); !told.turns.TryAcquire(int64(runtime.NumCPU()) + 1) {
			t.Error("a run that was told its width takes turns")
		}
	})
}

// What labs leave is for sockets, and half of all in any case.
func TestSocketsHaveWhatLabsLeave(t *testing.T) {
	const all = 20_000
	for labs, want := range map[int64]int64{0: all, 5_000: 15_000, 10_000: 10_000, 15_000: 10_000, 2 * all: 10_000} {
		if got := filesBeside(labs, all); got != want {
			t.Errorf("labs have %d of %d files: %d for sockets, want %d", labs, all, got, want)
		}
	}
}

// No lab has more files open between two trials than a plan counts on.
func TestFilesOfALab(t *testing.T) {
	harness.Need(t)
	auto, err := punch.StrategyNamed("auto")
	if err != nil {
		t.Fatal(err)
	}
	nats := profiles(t, "apdm-apdf", "eim-apdf")
	cells, err := Cells(topology(t, "carrier"), nats[:1], nats[1:], nil, []punch.Strategy{auto})
	if err != nil {
		t.Fatal(err)
	}
	for _, observe := range []Observe{ObserveNone, ObserveAll} {
		before := openFiles(t)
		s, err := Open(t.Context(), cells[0])
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Try(t.Context(), TryOptions{Patience: time.Second, Observe: observe == ObserveAll})
		if err := errors.Join(err, s.Reset()); err != nil {
			t.Error(err)
		}
		if n, most := int64(openFiles(t)-before), (Plan{Observe: observe}).files(1); n > most {
			t.Errorf("observed %v, a lab has %d files open, and %d are counted on", observe, n, most)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
