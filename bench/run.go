package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
)

// Observer is told of a run while it goes, from one goroutine at a time. Any
// of its functions may be nil.
type Observer struct {
	// Trial is called for every trial that ended, invalid ones too.
	Trial func(results.Trial)
	// Lab is called with the trial's lab before the lab is reset, and may look
	// at it: Dump, for example.
	Lab func(results.Trial, *harness.Lab)
	// Cell is called for every cell that has all its trials.
	Cell func(results.Cell)
}

// A cell is given up when it has had so many tries for each trial, and not
// less than a few: a machine on which most trials are spoilt does not measure
// anything.
const (
	triesPerTrial = 4
	fewestTries   = 20
)

// Run makes every trial of the plan. Cells run side by side, each in a lab of
// its own that all its trials use, and after it those of a cell that differs by
// its strategy alone: a pair that cannot connect costs its own patience and nobody
// else's time. As many do as the machine bears: fewer where trials turn out
// invalid. When ctx ends, trials that are under way are given up and Run returns
// ctx's cause. An error of a lab ends the run. A cell most of whose trials are
// invalid is left short of trials, which is no error.
func Run(ctx context.Context, p Plan, o Observer) error {
	if err := p.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	parallel := min(cmp.Or(p.Parallel, DefaultParallel()), len(p.Cells))
	r := &run{plan: p, observer: o, width: newWidth(parallel)}
	deal := newDeal(p)
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for c, from, more := deal.next(nil); more && ctx.Err() == nil; c, from, more = deal.next(from) {
				if err := r.cell(ctx, c); err != nil && !errors.Is(err, context.Cause(ctx)) {
					cancel(fmt.Errorf("%s: %w", c.Key(), err))
				}
			}
		})
	}
	workers.Wait()
	return errors.Join(context.Cause(ctx), r.yard.close())
}

// run is a plan being carried out.
type run struct {
	plan     Plan
	observer Observer
	width    *width
	telling  sync.Mutex
	yard     yard
}

// cell makes the trials of one cell.
func (r *run) cell(ctx context.Context, c Cell) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := r.open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Quiet(), r.yard.park(s)) }()
	key, goal := c.Key(), r.plan.goal()
	begun := r.plan.Begun[key]
	valid := begun.Tally
	told := map[results.Outcome]bool{} // which have a story
	maps.Copy(told, begun.Told)
	told[results.Invalid] = true
	for n := 0; !goal.Ended(valid); n++ {
		if n >= max(triesPerTrial*max(goal.Trials, valid.Trials+1), fewestTries) {
			return nil
		}
		number := begun.Next + n
		t, err := r.try(ctx, s, TryOptions{
			Patience: r.plan.Patience, Stagger: r.plan.stagger(valid.Trials), Seed: r.plan.seed(key, number),
			Unclassified: r.plan.Unclassified,
		}, number, told)
		if err != nil {
			return err
		}
		valid = valid.With(t.Outcome)
	}
	r.finished(key)
	return nil
}

// open opens the site of a cell, with the traffic that the plan wants there.
func (r *run) open(ctx context.Context, c Cell) (*Site, error) {
	s, err := r.yard.site(ctx, c)
	if err != nil || r.plan.CrossTraffic == 0 {
		return s, err
	}
	if err := s.CrossTraffic(ctx, r.plan.CrossTraffic, r.plan.seed(c.Key(), betweenTrials)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// try makes one trial, tells of it, and makes the site fit for the next. The
// first of each outcome gets a story.
func (r *run) try(ctx context.Context, s *Site, o TryOptions, number int, told map[results.Outcome]bool) (results.Trial, error) {
	late := false
	began := r.width.enter()
	defer func() { r.width.leave(began, late) }()
	a, err := s.Try(ctx, o)
	if err != nil {
		return results.Trial{}, err
	}
	late = a.Outcome == results.Invalid
	a.Number = number
	if !told[a.Outcome] {
		a.Story, told[a.Outcome] = a.story(), true
	}
	r.tell(a.Trial, s.lab)
	return a.Trial, s.Reset()
}

func (r *run) tell(t results.Trial, lab *harness.Lab) {
	r.telling.Lock()
	defer r.telling.Unlock()
	if r.observer.Trial != nil {
		r.observer.Trial(t)
	}
	if r.observer.Lab != nil {
		r.observer.Lab(t, lab)
	}
}

func (r *run) finished(c results.Cell) {
	r.telling.Lock()
	defer r.telling.Unlock()
	if r.observer.Cell != nil {
		r.observer.Cell(c)
	}
}
