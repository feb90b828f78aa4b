package bench

import (
	"maps"
	"sync"

	"github.com/punchlab/punchlab/bench/results"
)

// series is the trials of one cell, which several goroutines may make at once.
type series struct {
	Cell
	key  results.Cell
	goal results.Goal

	mu    sync.Mutex
	tally results.Tally
	next  int                      // number of the next trial, invalid ones counted
	tried int                      // trials of this run
	slots int                      // of valid trials that somebody has begun
	freed []int                    // those of them whose trial was invalid
	told  map[results.Outcome]bool // which have a story

	observe  Observe
	doubtful bool // a trial may fail, or one has
}

// A cell is given up when it has had so many tries for each trial, and not
// less than a few: a machine on which most trials are spoilt does not measure
// anything.
const (
	triesPerTrial = 4
	fewestTries   = 20
)

func newSeries(c Cell, p Plan) *series {
	s := &series{
		Cell: c, key: c.Key(), goal: p.goal(), told: map[results.Outcome]bool{}, observe: p.Observe,
		doubtful: p.Observe == ObserveDoubtful && c.doubtful(),
	}
	begun := p.Begun[s.key]
	s.tally, s.next, s.slots = begun.Tally, begun.Next, begun.Tally.Trials
	maps.Copy(s.told, begun.Told)
	return s
}

// begin gives the number of the next trial, which of the valid ones it is to be, and
// whether it is observed; or says that none is wanted.
func (s *series) begin() (number, slot int, watched, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.wanting() {
		return 0, 0, false, false
	}
	s.next++
	s.tried++
	slot = s.slots
	if n := len(s.freed); n > 0 {
		slot, s.freed = s.freed[n-1], s.freed[:n-1]
	} else {
		s.slots++
	}
	return s.next - 1, slot, s.watched(slot), true
}

// watched says whether the trial that is to be that valid one is observed.
func (s *series) watched(slot int) bool {
	return s.observe == ObserveAll || s.observe == ObserveDoubtful && (s.doubtful || slot == 0)
}

// wants tells whether the cell needs another trial, besides those under way.
func (s *series) wants() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wanting()
}

func (s *series) wanting() bool {
	if s.tried >= max(triesPerTrial*max(s.goal.Trials, s.tally.Trials+1), fewestTries) {
		return false
	}
	underWay := s.slots - len(s.freed) - s.tally.Trials
	return underWay < s.goal.Least(s.tally, underWay+1)
}

// end counts a trial. Story tells whether its story is wanted: the first of each
// outcome, and rather one that was watched, which a success that was not waits for.
// Last tells whether the cell has all its trials now.
func (s *series) end(slot int, o results.Outcome, watched bool) (story, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o == results.Invalid {
		s.freed = append(s.freed, slot)
		return false, false
	}
	ended := s.goal.Ended(s.tally)
	s.tally = s.tally.With(o)
	s.doubtful = s.doubtful || o == results.Failed
	blind := s.observe == ObserveNone
	story = !s.told[o] && (watched || blind || o == results.Failed)
	s.told[o] = s.told[o] || story && (watched || blind)
	return story, !ended && s.goal.Ended(s.tally)
}
