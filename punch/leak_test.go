package punch

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// held counts the goroutines and descriptors of the process.
func held(t *testing.T) (goroutines, descriptors int) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here") // punch runs on systems other than Linux too
	}
	return runtime.NumGoroutine(), len(open)
}

// After many attempts, successful and not, the process holds what it held before.
func TestNothingLeaks(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the garbage collector closes what was forgotten
	exercise(t)                                      // starts what stays: the runtime's poller, for one
	goroutines, descriptors := held(t)
	for range 8 {
		exercise(t)
	}
	var g, d int
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if g, d = held(t); g <= goroutines && d <= descriptors {
			return // context's own goroutines end a moment after what they served
		}
	}
	t.Errorf("%d goroutines, were %d; %d descriptors, were %d", g, goroutines, d, descriptors)
}

func exercise(t *testing.T) {
	t.Run("", func(t *testing.T) {
		_, at := serve(t)
		for _, s := range ways() {
			cfg := config(t, s.Name(), NewSecret(), at)
			first, second := start(t.Context(), cfg), start(t.Context(), cfg)
			connected(t, <-first, <-second)

			cfg.Secret, cfg.Patience = NewSecret(), 10*time.Millisecond // introduced, and out of patience
			withoutMoving := newPuppet(t, at, s.Name(), rendezvous.NewID())
			engine := start(t.Context(), cfg)
			withoutMoving.hello(cfg.Secret.meeting())
			withoutMoving.introduced()
			if got := <-engine; got.err == nil {
				t.Fatal("connected to nobody")
			}

			cfg.Secret = NewSecret()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond) // not even introduced
			if got := <-start(ctx, cfg); got.err == nil {
				t.Fatal("connected to nobody")
			}
			cancel()
		}
	})
}
