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
		if late := p.worst(began); late != 0 {
			t.Errorf("a process that is in time is %s late", late)
		}
		other()
		time.Sleep(10 * pulseEvery)
		stop()
		synctest.Wait()
		time.Sleep(time.Hour) // in which nobody feels it
		stop = p.feel()
		defer stop()
		if late := p.worst(time.Now()); late > 0 {
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
		if late := p.worst(began); late != 50*time.Millisecond-pulseEvery {
			t.Errorf("while a beat is overdue, %s late", late)
		}
		p.note(beat{time.Now(), 48 * time.Millisecond})
		time.Sleep(pulseEvery)
		if late := p.worst(began); late != 48*time.Millisecond {
			t.Errorf("afterwards, %s late", late)
		}
		if late := p.worst(began.Add(40 * time.Millisecond)); late != 10*time.Millisecond {
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
