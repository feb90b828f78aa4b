package bench

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"

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
		s := sockets{most: most, left: semaphore.NewWeighted(most)}
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
		s := newSockets(0, true)
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
		if !newSockets(0, false).left.TryAcquire(1) || newSockets(0, false).turns != nil {
			t.Error("a run that was told its width takes turns")
		}
	})
}

// What labs leave is for sockets, and half of all in any case.
func TestSocketsHaveWhatLabsLeave(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur == unix.RLIM_INFINITY {
		t.Skipf("the limit of open files is %d: %v", limit.Cur, err)
	}
	all := int64(limit.Cur)
	for labs, want := range map[int64]int64{0: all, all / 4: all - all/4, all: all / 2} {
		if got := newSockets(int(labs), false).most; got != want {
			t.Errorf("labs have %d of %d files: %d for sockets, want %d", labs, all, got, want)
		}
	}
	unwatched, watched := Plan{Observe: ObserveNone}.files(2), Plan{Observe: ObserveAll}.files(2)
	if unwatched != 2*filesPerUnwatched || watched != 2*filesPerLab {
		t.Errorf("two labs have %d files, and watched %d", unwatched, watched)
	}
}
