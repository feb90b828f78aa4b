package report

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/punchlab/punchlab/bench/results"
)

// How often the line of a terminal is drawn again, and how often a line is
// written where there is none.
const (
	redraw = 100 * time.Millisecond
	relog  = 5 * time.Second
)

// Progress tells how far a run has got while it goes. Its methods may be
// called from several goroutines at once; Trial and Cell cost an atomic
// addition and write nothing themselves.
//
// On a terminal one line is drawn again and again. Elsewhere, in a CI log
// say, a plain line is written every five seconds.
type Progress struct {
	w             io.Writer
	width         int // 0: not a terminal
	cells, trials int // planned
	started       time.Time

	cellsDone, trialsDone, invalid atomic.Int64

	stop    chan struct{}
	stopped sync.WaitGroup
	once    sync.Once
}

// NewProgress starts to tell of a run of that many cells and valid trials in
// all, or 0 trials where nobody knows how many there will be. The width is that of the terminal behind w, 0 if there is none. Stop
// ends it.
func NewProgress(w io.Writer, width, cells, trials int) *Progress {
	p := &Progress{
		w: w, width: width, cells: cells, trials: trials,
		started: time.Now(), stop: make(chan struct{}),
	}
	p.stopped.Go(p.run)
	return p
}

// Trial counts a trial that has ended. Invalid ones bring the end no nearer,
// since they are repeated, and are told apart.
func (p *Progress) Trial(o results.Outcome) {
	if o == results.Invalid {
		p.invalid.Add(1)
		return
	}
	p.trialsDone.Add(1)
}

// Cell counts a cell that has all its trials.
func (p *Progress) Cell() { p.cellsDone.Add(1) }

// Stop writes a last line that stays, and returns when nothing more will be
// written. Calls after the first do nothing.
func (p *Progress) Stop() {
	p.once.Do(func() {
		close(p.stop)
		p.stopped.Wait()
		p.write(p.done(), "\n")
	})
}

func (p *Progress) run() {
	every := relog
	if p.width > 0 {
		every = redraw
		p.write(p.line(), "")
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.tick()
		}
	}
}

func (p *Progress) tick() {
	if p.width > 0 {
		p.write(p.line(), "")
		return
	}
	p.write(p.line(), "\n")
}

// write puts a line in the place of the one that was drawn before it, or
// below it where there is no terminal. It never lets a line grow into two:
// only the last could be drawn again. An error is of no use to anyone: what
// the run found goes elsewhere.
func (p *Progress) write(line, end string) {
	if p.width > 0 {
		line = "\r" + text.Trim(line, p.width-1) + "\x1b[K" // erase to the end of the line
	}
	_, _ = io.WriteString(p.w, line+end)
}

// line is the state of a run that goes on.
func (p *Progress) line() string {
	line := p.counts()
	if left, known := p.left(); known {
		line += ", " + duration(left) + " left"
	}
	return line + p.spoiled()
}

// done is the state of a run that has ended.
func (p *Progress) done() string {
	return p.counts() + ", took " + duration(time.Since(p.started)) + p.spoiled()
}

func (p *Progress) counts() string {
	trials := fmt.Sprint(p.trialsDone.Load())
	if p.trials > 0 {
		trials += fmt.Sprintf("/%d", p.trials)
	}
	return fmt.Sprintf("cells %d/%d, trials %s, %s trials/s", p.cellsDone.Load(), p.cells, trials, rate(p.perSecond()))
}

func (p *Progress) spoiled() string {
	if n := p.invalid.Load(); n > 0 {
		return fmt.Sprintf(", %d invalid", n)
	}
	return ""
}

// perSecond is the mean since the start. It is not what the next second will
// bring: cells that connect end early and leave the slow ones.
func (p *Progress) perSecond() float64 {
	elapsed := time.Since(p.started).Seconds()
	if elapsed <= 0 {
		return 0
	}
	return float64(p.trialsDone.Load()) / elapsed
}

// left is the time that the other trials will take if they take as long as
// those that are done; unknown as long as none is, or if their number is.
func (p *Progress) left() (time.Duration, bool) {
	speed := p.perSecond()
	if speed <= 0 || p.trials == 0 {
		return 0, false
	}
	trials := max(0, int64(p.trials)-p.trialsDone.Load())
	return time.Duration(float64(trials) / speed * float64(time.Second)), true
}

func rate(perSecond float64) string {
	if perSecond > 0 && perSecond < 9.95 {
		return fmt.Sprintf("%.1f", perSecond)
	}
	return fmt.Sprintf("%.0f", perSecond)
}

// duration is in whole seconds: "7s", "2m5s".
func duration(d time.Duration) string { return d.Round(time.Second).String() }
