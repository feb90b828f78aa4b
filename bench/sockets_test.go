package bench

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/punchlab/punchlab/punch"
)

// Two guessing trials do not fit into what there is, and others do beside them, also while
// one waits. A trial that needs more than there is has all there is.
func TestSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 1000
		s := sockets{most, semaphore.NewWeighted(most)}
		birthday, err := punch.StrategyNamed("birthday")
		if err != nil {
			t.Fatal(err)
		}
		hard := punch.Classification{Mapping: punch.AddressAndPortDependent, Filtering: punch.AddressAndPortDependent}
		cone := punch.Classification{Mapping: punch.EndpointIndependent, Filtering: punch.AddressAndPortDependent}
		guess := &Site{cell: Cell{Strategy: birthday}, nats: [2]punch.Classification{hard, cone}, measured: [2]bool{true, true}}
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
