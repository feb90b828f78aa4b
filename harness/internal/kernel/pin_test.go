package kernel_test

import (
	"errors"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
)

// TestPinned shows that the function stays on one processor, and that others do
// not get its thread afterwards.
func TestPinned(t *testing.T) {
	seen := map[int]bool{}
	for range 2 * runtime.NumCPU() {
		err := kernel.Pinned(func() error {
			var at unix.CPUSet
			if err := unix.SchedGetaffinity(0, &at); err != nil {
				return err
			}
			if at.Count() != 1 {
				t.Errorf("pinned to %d processors", at.Count())
			}
			for cpu := range 8 * len(at) * 8 {
				if at.IsSet(cpu) {
					seen[cpu] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != runtime.NumCPU() {
		t.Errorf("%d of %d processors get their turn", len(seen), runtime.NumCPU())
	}
	for range 100 {
		done := make(chan int)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var at unix.CPUSet
			if unix.SchedGetaffinity(0, &at) == nil {
				done <- at.Count()
			}
			close(done)
		}()
		if n := <-done; n != runtime.NumCPU() {
			t.Fatalf("another goroutine may use %d of %d processors", n, runtime.NumCPU())
		}
	}
}

// TestPinnedTells shows that errors and panics of the function are the caller's.
func TestPinnedTells(t *testing.T) {
	mine := errors.New("mine")
	if err := kernel.Pinned(func() error { return mine }); !errors.Is(err, mine) {
		t.Errorf("got %v", err)
	}
	if err := kernel.Pinned(func() error { runtime.Goexit(); return nil }); err == nil {
		t.Error("a function that does not return is no error")
	}
	defer func() {
		if got, _ := recover().(error); !errors.Is(got, mine) {
			t.Errorf("recovered %v", got)
		}
	}()
	_ = kernel.Pinned(func() error { panic(mine) })
}

// TestOnEachProcessor shows that the function runs once on each, and no further
// where it fails.
func TestOnEachProcessor(t *testing.T) {
	seen := map[unix.CPUSet]int{}
	err := kernel.OnEachProcessor(func() error {
		var at unix.CPUSet
		if err := unix.SchedGetaffinity(0, &at); err != nil {
			return err
		}
		seen[at]++
		return nil
	})
	if err != nil || len(seen) != runtime.NumCPU() {
		t.Errorf("%d of %d processors: %v", len(seen), runtime.NumCPU(), err)
	}
	for at, times := range seen {
		if at.Count() != 1 || times != 1 {
			t.Errorf("%d times on %d processors at once", times, at.Count())
		}
	}
	mine, calls := errors.New("mine"), 0
	if err := kernel.OnEachProcessor(func() error { calls++; return mine }); !errors.Is(err, mine) || calls != 1 {
		t.Errorf("after an error: %d calls, %v", calls, err)
	}
}
