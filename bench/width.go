package bench

import (
	"runtime"
	"sync"
	"time"
)

// width is how many trials are under way at once. It begins as wide as the plan
// allows and finds what the machine bears as TCP finds the rate of a path (RFC
// 5681 section 3.1): a trial whose packets were late narrows it by a quarter,
// and as many trials in time as it is wide widen it by one. What else the
// machine has to do changes while a run goes on, so that no width is right for
// all of it. It may be used by several goroutines.
//
// Such a rule holds a width of two by the root of the share of late trials: with one of a
// hundred 20. That is right where nobody has said how wide. Who has said so wants it, and
// late trials are repeated: a run widens eight times as fast then, and holds 56.
//
// A run that finds its width is judged by its hosts as well. That some have to wait for a
// processor is no harm to medians, so a trial in which they did takes back what three in
// time have added: a run is as wide as leaves three trials of four in time.
type width struct {
	most  int
	finds bool // it was not told how wide: see [newWidth]

	mu       sync.Mutex
	wider    sync.Cond // signalled when there is room
	now      int
	under    int // trials under way
	inTime   int // since it changed; less than none where hosts have waited
	narrowed time.Time
	doubling bool
}

// firstWidth keeps a processor busy for a sixth of the time with trials that connect
// without guessing.
func firstWidth() int { return 4 * runtime.NumCPU() }

// narrowest is how narrow a run may become: two trials do not wait for the
// patience of one blocked pair.
const narrowest = 2

// newWidth is as wide as most, or, where nobody has said how wide, begins with as much
// as surely goes and doubles, in as many trials as it is wide, until the first is late
// (slow start, RFC 5681 section 3.1).
func newWidth(most int, finds bool) *width {
	w := &width{most: most, now: most, finds: finds, doubling: finds}
	if finds {
		w.now = min(most, firstWidth())
	}
	w.wider.L = &w.mu
	return w
}

// enter waits until there is room for a trial and tells when it began. Waiting
// ends since trials do.
func (w *width) enter() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.under >= w.now {
		w.wider.Wait()
	}
	w.under++
	return time.Now()
}

// exit ends something that says nothing about the machine.
func (w *width) exit() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.under--
	w.wider.Broadcast()
}

// inTimeForEach is how many trials in time make good one in which hosts have waited.
const inTimeForEach = 3

// wait notes that in a trial that is about to end hosts have waited for a processor.
func (w *width) wait() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doubling = false
	if w.inTime -= inTimeForEach + 1; w.inTime < -w.now { // as many too few as widen it
		w.now, w.inTime = max(w.now-1, min(narrowest, w.most)), 0
	}
}

// toldFaster is how much faster a run widens whose width somebody has told.
const toldFaster = 8

// enough is how many trials in time widen the run by one.
func (w *width) enough() int {
	if w.finds {
		return w.now
	}
	return max(1, w.now/toldFaster)
}

// leave ends a trial that began at the given time. Of all the trials that one
// bad moment makes late only one narrows: the others began before it did.
func (w *width) leave(began time.Time, late bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.under--
	switch {
	case !late:
		if w.inTime++; (w.doubling || w.inTime >= w.enough()) && w.now < w.most {
			w.now, w.inTime = w.now+1, 0
		}
	case began.After(w.narrowed):
		w.now, w.inTime, w.narrowed = max(w.now-(w.now+3)/4, min(narrowest, w.most)), 0, time.Now()
		w.doubling = false
	}
	w.wider.Broadcast()
}
