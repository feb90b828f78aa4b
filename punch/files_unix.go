//go:build unix

package punch

import (
	"math"
	"sync"

	"golang.org/x/sys/unix"
)

// raiseFiles raises this process's soft limit of open files to the hard one, once, which no privilege is needed for
// (RLIMIT_NOFILE of getrlimit(2)). Go does the same when a program starts; this is for those that have lowered it
// since.
var raiseFiles = sync.OnceFunc(func() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur < limit.Max {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) // some systems have a lower limit still, and the old one stands
	}
})

// fileLimit is how many files this process may have open at once. What it has open already counts.
func fileLimit() int {
	raiseFiles()
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(limit.Cur)
}
