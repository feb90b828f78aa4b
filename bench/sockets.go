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
	turns *semaphore.Weighted // nil: as many as there are sockets for
}

// newSockets takes what labs that have so many open leave of the files that this process
// may have open, and half of them at least.
func newSockets(ofLabs int, finds bool) sockets {
	most := int64(math.MaxInt64)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil && limit.Cur < math.MaxInt64 {
		most = max(int64(limit.Cur)/2, int64(limit.Cur)-int64(ofLabs))
	}
	s := sockets{most: most, left: semaphore.NewWeighted(most)}
	if finds {
		s.turns = semaphore.NewWeighted(int64(runtime.NumCPU()))
	}
	return s
}

// take waits until there are enough for a trial of the site. The caller gives them back; to
// do so again does nothing.
func (s sockets) take(ctx context.Context, of *Site) (back func(), err error) {
	n := min(of.sockets(), s.most)
	if n < guessing { // it would wait behind those that wait for many
		return func() {}, nil
	}
	if err := s.left.Acquire(ctx, n); err != nil {
		return nil, context.Cause(ctx)
	}
	if s.turns == nil {
		return sync.OnceFunc(func() { s.left.Release(n) }), nil
	}
	if err := s.turns.Acquire(ctx, 1); err != nil {
		s.left.Release(n)
		return nil, context.Cause(ctx)
	}
	return sync.OnceFunc(func() { s.turns.Release(1); s.left.Release(n) }), nil
}

// sockets is how many a trial of the site may open at once for its SYNs, as far as that is
// known. The others are few.
func (s *Site) sockets() int64 {
	if !s.classified() {
		return 0
	}
	return int64(punch.Predict(s.nats[0], s.nats[1], s.cell.Strategy).SYNs)
}
