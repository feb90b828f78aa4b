package verify

import (
	"context"
	"runtime"
	"sync"

	"github.com/punchlab/punchlab/natprofiles"
)

// DefaultParallel is how many profiles All proves side by side if not told: more
// than there are processors, since building a lab often waits for the kernel.
func DefaultParallel() int { return 2 * runtime.NumCPU() }

// outcome is what came of one profile.
type outcome struct {
	Report
	err error
}

// All proves profiles, some of them side by side, and tells of each in their
// order as soon as it and all before it are done. The first error ends
// everything; what was told before stands. told is not called concurrently.
func All(ctx context.Context, profiles []natprofiles.Profile, o Options, told func(Report)) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outcomes := make([]chan outcome, len(profiles))
	for i := range outcomes {
		outcomes[i] = make(chan outcome, 1) // nobody may be left to listen
	}
	todo := queue(ctx, len(profiles))
	if o.Parallel <= 0 {
		o.Parallel = DefaultParallel()
	}
	for range min(o.Parallel, len(profiles)) {
		workers.Go(func() {
			for i := range todo {
				r, err := Profile(ctx, profiles[i], o)
				outcomes[i] <- outcome{r, err}
			}
		})
	}
	for _, c := range outcomes {
		select {
		case got := <-c:
			if got.err != nil {
				return got.err
			}
			told(got.Report)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// queue gives the numbers from 0 to n-1, and none when the context ends.
func queue(ctx context.Context, n int) <-chan int {
	todo := make(chan int)
	go func() {
		defer close(todo)
		for i := range n {
			select {
			case todo <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	return todo
}
