package kernel

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// processors are those that this process may run on, in the kernel's order.
var processors = sync.OnceValues(func() ([]int, error) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	var list []int
	for cpu := 0; len(list) < allowed.Count(); cpu++ {
		if allowed.IsSet(cpu) {
			list = append(list, cpu)
		}
	}
	return list, nil
})

// turns counts the calls of Pinned, which take the processors in turn.
var turns atomic.Uint32

// Pinned runs f on a thread that stays on one processor, and returns f's error.
// What f sends over veth pairs is received in the order in which it was sent,
// whatever way it takes: each hop puts a packet at the end of the queue of the
// processor that handles it, which is the sender's, and the queue is emptied in
// order (net/core/dev.c, enqueue_to_backlog and process_backlog). The thread
// ends with f.
func Pinned(f func() error) error {
	cpus, err := processors()
	if err != nil {
		return err
	}
	turn := int(turns.Add(1)) % len(cpus)
	return pinned(cpus[turn:turn+1], f)
}

// OnEachProcessor runs f once on each processor that this process may run on,
// one after the other, until an f fails. The thread ends with the last.
func OnEachProcessor(f func() error) error {
	cpus, err := processors()
	if err != nil {
		return err
	}
	return pinned(cpus, f)
}

// pinned runs f on a thread that stays on each of these processors in turn.
func pinned(cpus []int, f func() error) (err error) {
	var panicked any
	done := make(chan struct{})
	err = errEnded
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		runtime.LockOSThread() // for good: no other goroutine gets a pinned thread
		for _, cpu := range cpus {
			if err = moveTo(cpu); err != nil {
				return
			}
			err = errEnded
			if err = f(); err != nil {
				return
			}
		}
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return err
}

// moveTo has the calling thread run on one processor alone.
func moveTo(cpu int) error {
	var one unix.CPUSet
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("pin a thread to a processor: %w", err)
	}
	return nil
}
