// Package leaktest finds what a test leaves behind in its process: goroutines,
// threads and descriptors. Namespaces show among the latter, as nothing but
// descriptors holds them.
package leaktest

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// Count is what the process holds.
type Count struct {
	Goroutines, Threads, Descriptors int
}

// Now counts.
func Now() (Count, error) {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return Count{}, err
	}
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return Count{}, err
	}
	return Count{runtime.NumGoroutine(), len(threads), len(descriptors)}, nil
}

const (
	// spareThreads are what Go's runtime may add of its own accord, for the
	// garbage collector and for system calls that take long; it keeps them. A
	// leak of a thread shows where it is repeated more often.
	spareThreads = 24
	// patience is how long goroutines and threads have to end.
	patience = 5 * time.Second
	pause    = time.Millisecond
)

// Watch fails the test if it ends with more goroutines, threads or descriptors
// than there are now. What the test itself cleans up later than this call does
// not count. Whatever is opened once for the whole process, such as Go's
// poller, must have been opened before.
func Watch(tb testing.TB) {
	tb.Helper()
	before, err := Now()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := settle(before, patience); err != nil {
			tb.Error(err)
		}
	})
}

// settle waits until no more is held than before, for so long at most.
func settle(before Count, patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; {
		now, err := Now()
		if err != nil {
			return err
		}
		if now.Goroutines <= before.Goroutines && now.Threads <= before.Threads+spareThreads && now.Descriptors <= before.Descriptors {
			return nil
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			return fmt.Errorf("left behind: %+v, before: %+v\n%s", now, before, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(pause) // nothing tells of the end of goroutines and threads of others
	}
}
