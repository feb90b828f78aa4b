package link

import (
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// pool holds the keepers of this process: none without a lab, and at most one
// for each processor.
var pool struct {
	sync.Mutex
	keepers []*keeper
	roomy   sync.Once
}

// hire finds a keeper for a new lab.
func hire() (*keeper, error) {
	pool.Lock()
	defer pool.Unlock()
	pool.roomy.Do(makeRoom)
	var least *keeper
	for _, k := range pool.keepers {
		if least == nil || k.labs < least.labs {
			least = k
		}
	}
	if least == nil || least.labs > 0 && len(pool.keepers) < runtime.NumCPU() {
		k, err := newKeeper()
		if err != nil {
			return nil, err
		}
		pool.keepers = append(pool.keepers, k)
		least = k
	}
	least.labs++
	return least, nil
}

// dismiss ends a keeper with its last lab.
func dismiss(k *keeper) error {
	pool.Lock()
	defer pool.Unlock()
	if k.labs--; k.labs > 0 {
		return nil
	}
	for i, other := range pool.keepers {
		if other == k {
			pool.keepers = append(pool.keepers[:i], pool.keepers[i+1:]...)
			break
		}
	}
	return k.stop()
}

// perProcessor is how many goroutines may run Go code at once for each
// processor while there are labs.
const perProcessor = 4

// makeRoom raises GOMAXPROCS, unless the user has set it. A goroutine in a
// system call, as a keeper that waits or a netlink request, keeps its place
// among the running ones for up to ten milliseconds (runtime/proc.go, retake),
// which a packet that has become due would have to wait for.
func makeRoom() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), perProcessor*runtime.NumCPU()))
	}
}

// shortSlice is what a thread without privilege may ask for: to be run in
// small portions, and therefore soon (kernel/sched/fair.c since Linux 6.12).
const shortSlice = 100 * time.Microsecond

// hurry has the kernel run the calling thread before others, as far as it is
// allowed to: in real time as root; otherwise with short slices. Threads
// that it starts are ordinary ones.
func hurry() {
	for _, attr := range []unix.SchedAttr{
		{Policy: unix.SCHED_RR, Priority: 1},
		{Policy: unix.SCHED_NORMAL, Nice: -20, Runtime: uint64(shortSlice)},
		{Policy: unix.SCHED_NORMAL, Runtime: uint64(shortSlice)},
	} {
		attr.Size, attr.Flags = unix.SizeofSchedAttr, unix.SCHED_FLAG_RESET_ON_FORK
		if unix.SchedSetAttr(0, &attr, 0) == nil {
			return
		}
	}
}
