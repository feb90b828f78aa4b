package bench

import (
	"context"
	"math"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/punch"
)

// sockets bounds how many sockets the trials under way have open at once: those that
// guess ports have hundreds each, all in this process. It may be used by several
// goroutines.
type sockets struct {
	most int64
	left *semaphore.Weighted
	// turns are for trials that guess, in a run that finds its width: each keeps a processor
	// busy for as long as it takes, so that what exceeds the processors would be in its times.
	turns *semaphore.Weighted
}

// newSockets shares so many sockets out, in a run that finds its width or was told it.
func newSockets(most int64, finds bool) sockets {
	turns := int64(math.MaxInt64)
	if finds {
		turns = int64(runtime.NumCPU())
	}
	return sockets{most, semaphore.NewWeighted(most), semaphore.NewWeighted(turns)}
}

// filesBeside is what labs that have so many files open leave of those that a process may
// have, and half of them at least.
func filesBeside(ofLabs, limit int64) int64 { return max(limit/2, limit-ofLabs) }

// fileLimit is how many files this process may have open, at most [math.MaxInt64].
func fileLimit() int64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0 // labs are not kept then, and trials do not wait
	}
	return int64(min(limit.Cur, math.MaxInt64))
}

// take waits until there are enough for a trial of the site. The caller gives them back; to
// do so again does nothing.
func (s sockets) take(ctx context.Context, of *Site) (back func(), err error) {
	n := min(of.sockets(), s.most)
	if n < guessing { // it would wait behind those that wait for many
		return func() {}, nil
	}
	if err := s.turns.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	if err := s.left.Acquire(ctx, n); err != nil {
		s.turns.Release(1)
		return nil, context.Cause(ctx)
	}
	return sync.OnceFunc(func() { s.left.Release(n); s.turns.Release(1) }), nil
}

// sockets is how many a trial of the site may open at once for its SYNs, as far as that is
// known. The others are few.
func (s *Site) sockets() int64 {
	if !s.classified() {
		return 0
	}
	return int64(punch.Predict(s.nats[0], s.nats[1], s.cell.Strategy).SYNs)
}
