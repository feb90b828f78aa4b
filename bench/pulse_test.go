package bench

import (
	"testing"
	"testing/synctest"
	"time"
)

// Time is that of the test alone: nothing really sleeps here, and beats are in time.
func TestAPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pulse
		stop := p.feel()
		other := p.feel() // of another trial, which ends sooner
		began := time.Now()
		time.Sleep(time.Second)
		if late := p.since(began).worst; late != 0 {
			t.Errorf("a process that is in time is %s late", late)
		}
		other()
		time.Sleep(10 * pulseEvery)
		stop()
		synctest.Wait()
		time.Sleep(time.Hour) // in which nobody feels it
		stop = p.feel()
		defer stop()
		if late := p.since(time.Now()).worst; late > 0 {
			t.Errorf("%s late, of an hour before", late)
		}
	})
}

// A process that stood still is late by as much as lies in the trial. Here too time is
// that of the test alone.
func TestAPulseThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pulse
		began := time.Now()
		time.Sleep(50 * time.Millisecond)
		if late := p.since(began).worst; late != 50*time.Millisecond-pulseEvery {
			t.Errorf("while a beat is overdue, %s late", late)
		}
		p.note(beat{time.Now(), 48 * time.Millisecond})
		time.Sleep(pulseEvery)
		if late := p.since(began).worst; late != 48*time.Millisecond {
			t.Errorf("afterwards, %s late", late)
		}
		if late := p.since(began.Add(40 * time.Millisecond)).worst; late != 10*time.Millisecond {
			t.Errorf("a trial that began ten milliseconds before the beat was %s late", late)
		}
		for range 2 * pulseKept {
			p.note(beat{time.Now(), 0})
		}
		if len(p.beats) > 2*pulseKept {
			t.Errorf("%d beats are remembered", len(p.beats))
		}
	})
}

// Who comes at a random moment of a time of which a fifth was slept through in one piece
// has met that with a chance of one in five, and then waits for half of it. Nothing sleeps:
// time is the test's alone.
func TestTheMeanOfAPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pulse
		began := time.Now()
		for range 10 {
			time.Sleep(8 * time.Millisecond)
			p.note(beat{time.Now(), 0})
			time.Sleep(2 * time.Millisecond)
			p.note(beat{time.Now(), 2 * time.Millisecond})
		}
		if l := p.since(began); l.mean != 200*time.Microsecond {
			t.Errorf("the mean is %s, want a fifth of a millisecond", l.mean)
		}
	})
}
