package bench

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Time is that of the test alone: nothing really sleeps here.
func TestLateTrialsNarrowARunAndTrialsInTimeWidenIt(t *testing.T) {
	synctest.Test(t, narrowsAndWidens)
}

func narrowsAndWidens(t *testing.T) {
	w := newWidth(128, false)
	began := w.enter()
	w.leave(began, true)
	if w.now != 96 {
		t.Fatalf("a late trial leaves a width of %d", w.now)
	}
	w.leave(began, true) // of the same bad moment
	w.under++
	if w.now != 96 {
		t.Fatalf("one bad moment has narrowed twice, to %d", w.now)
	}
	for range 96 / toldFaster {
		w.leave(w.enter(), false)
	}
	if w.now != 97 {
		t.Errorf("%d trials in time leave a width of %d", 96/toldFaster, w.now)
	}
	for range 100 {
		time.Sleep(time.Second) // so that the next trial begins after the one before was late
		w.leave(w.enter(), true)
	}
	if w.now != narrowest {
		t.Errorf("a machine that makes all trials late has a width of %d", w.now)
	}
	for range 1000 { // 966 of which it takes from the narrowest on
		w.leave(w.enter(), false)
	}
	if w.now != w.most {
		t.Errorf("1,000 trials in time leave a width of %d", w.now)
	}
}

func TestAPlanOfOneLabStaysAsWide(t *testing.T) {
	w := newWidth(1, false)
	w.leave(w.enter(), true)
	w.leave(w.enter(), true)
	if w.now != 1 {
		t.Errorf("its width is %d", w.now)
	}
}

func TestNoMoreTrialsAreUnderWayThanTheWidth(t *testing.T) {
	synctest.Test(t, neverWider)
}

func neverWider(t *testing.T) {
	w := newWidth(3, false)
	var under, most atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			began := w.enter()
			if n := under.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second) // what a trial takes
			under.Add(-1)
			w.leave(began, false)
		})
	}
	all.Wait()
	if most.Load() > 3 {
		t.Errorf("%d trials at once", most.Load())
	}
}

// Nobody said how wide: it begins narrow, doubles until the first trial is late, and
// then goes on as the others.
func TestAWidthIsFound(t *testing.T) {
	w := newWidth(1000, true)
	first := w.now
	if first != firstWidth() {
		t.Fatalf("it begins with %d", first)
	}
	for range 3 * first {
		w.leave(w.enter(), false)
	}
	if w.now != 4*first {
		t.Errorf("after %d trials in time it is %d wide, want %d", 3*first, w.now, 4*first)
	}
	w.wait()
	w.leave(w.enter(), false)
	if w.now != 4*first {
		t.Errorf("after one with hosts that waited it is %d wide, want %d", w.now, 4*first)
	}
	for range inTimeForEach + w.now - 1 {
		w.leave(w.enter(), false)
	}
	if w.now != 4*first {
		t.Errorf("it has become %d wide too early", w.now)
	}
	w.leave(w.enter(), false)
	if w.now != 4*first+1 {
		t.Errorf("what was lost is made good, and it is %d wide, want %d", w.now, 4*first+1)
	}
	w.leave(w.enter(), true)
	after := w.now
	for range after {
		w.leave(w.enter(), false)
	}
	if after != 3*first || w.now != after+1 {
		t.Errorf("after one late it is %d wide, and %d trials later %d", after, after, w.now)
	}
}
