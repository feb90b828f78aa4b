package bench

import (
	"sync"

	"github.com/punchlab/punchlab/bench/results"
)

// series is the trials of one cell, which several goroutines may make at once.
type series struct {
	Cell
	key results.Cell

	mu    sync.Mutex
	want  int // valid trials
	tries int // how many more may be made
	made  int // trials, invalid ones too: the number of the next
	valid int
	slots int                      // of valid trials that somebody has begun
	freed []int                    // those of them whose trial was invalid
	told  map[results.Outcome]bool // which have a story
	watch bool                     // every trial is observed from now on
}

// A cell is given up when it has had so many tries for each trial, and not
// less than a few: a machine on which most trials are spoilt does not measure
// anything.
const (
	triesPerTrial = 4
	fewestTries   = 20
)

func newSeries(c Cell, p Plan) *series {
	return &series{
		watch: p.Observe == ObserveAll || p.Observe == ObserveDoubtful && c.doubtful(),
		Cell:  c, key: c.Key(), want: p.Trials, tries: max(triesPerTrial*p.Trials, fewestTries),
		told: map[results.Outcome]bool{results.Invalid: true},
	}
}

// begin gives the number of the next trial, which of the valid ones it is to be, and
// whether it is observed; or says that the cell is given up.
func (s *series) begin(o Observe) (number, slot int, watched, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tries == 0 {
		return 0, 0, false, false
	}
	s.tries--
	s.made++
	slot = s.slots
	if n := len(s.freed); n > 0 {
		slot, s.freed = s.freed[n-1], s.freed[:n-1]
	} else {
		s.slots++
	}
	return s.made - 1, slot, s.watch || o == ObserveDoubtful && slot == 0, true
}

// end counts a trial. Story tells whether it is the first of its outcome, and
// last whether the cell has all its trials now.
func (s *series) end(slot int, o results.Outcome) (story, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o == results.Invalid {
		s.freed = append(s.freed, slot)
		return false, false
	}
	story, s.told[o] = !s.told[o], true
	s.valid++
	return story, s.valid == s.want
}

// observe has all further trials observed.
func (s *series) observe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = true
}
