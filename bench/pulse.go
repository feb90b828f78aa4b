package bench

import (
	"sync"
	"time"
)

// pulse measures how late this process is: the hosts of all labs live in it, and what
// keeps it from the processors makes every host slow at once. A goroutine sleeps for a
// moment again and again, and what it oversleeps anybody else has waited as well. The
// links of labs are kept by a process of their own, in real time where that is allowed,
// and are in time when no host is.
type pulse struct {
	mu    sync.Mutex
	users int
	stop  chan struct{}
	beats []beat // of the last pulseKept, the oldest first
}

type beat struct {
	at   time.Time
	late time.Duration
}

const (
	// pulseEvery is how often it beats: more often than a host does anything in a trial,
	// and seldom enough to cost nothing (100 µs of a processor in a second).
	pulseEvery = 2 * time.Millisecond
	// pulseKept is how many beats are remembered: those of the last minute. Of a trial
	// that takes longer only the end is judged.
	pulseKept = 1 << 15
)

// heart is that of this process.
var heart pulse

// feel has the pulse beat until the returned function is called.
func (p *pulse) feel() (done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users++; p.users == 1 {
		p.stop = make(chan struct{})
		go p.beat(p.stop)
	}
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.users--; p.users == 0 {
			close(p.stop)
		}
	})
}

func (p *pulse) beat(stop chan struct{}) {
	timer := time.NewTimer(pulseEvery)
	defer timer.Stop()
	for last := time.Now(); ; {
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		now := time.Now()
		p.note(beat{now, now.Sub(last) - pulseEvery})
		last = now
		timer.Reset(pulseEvery)
	}
}

func (p *pulse) note(b beat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.beats = append(p.beats, b); len(p.beats) >= 2*pulseKept {
		p.beats = append([]beat(nil), p.beats[len(p.beats)-pulseKept:]...)
	}
}

// lateness is what a process was late by in some time.
type lateness struct {
	worst time.Duration
	// mean is how long somebody waits on average for whom it is time at a moment of that
	// time drawn at random: half of what the process oversleeps then, or nothing.
	mean time.Duration
}

// since is the lateness since a moment. What a beat has waited before that does not count,
// nor the time in which nobody felt the pulse.
func (p *pulse) since(began time.Time) lateness {
	p.mu.Lock()
	defer p.mu.Unlock()
	var l lateness
	var squares float64 // of seconds: half the square of a delay is the sum of all waits within it
	count := func(late time.Duration) {
		l.worst = max(l.worst, late)
		squares += late.Seconds() * late.Seconds()
	}
	now, last := time.Now(), began
	for i := len(p.beats) - 1; i >= 0 && p.beats[i].at.After(began); i-- {
		count(min(p.beats[i].late, p.beats[i].at.Sub(began)))
		last = later(last, p.beats[i].at)
	}
	count(max(0, now.Sub(last)-pulseEvery)) // a beat may be overdue
	if total := now.Sub(began).Seconds(); total > 0 {
		l.mean = time.Duration(squares / (2 * total) * float64(time.Second))
	}
	return l
}
