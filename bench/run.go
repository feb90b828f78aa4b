package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
)

// Observer is told of a run while it goes, from one goroutine at a time. Any
// of its functions may be nil.
type Observer struct {
	// Trial is called for every trial that ended, invalid ones too.
	Trial func(results.Trial)
	// Seen is called with what was observed of a trial, if anything was, after Trial.
	// An error ends the run.
	Seen func(results.Trial, *Observation) error
	// Lab is called with the trial's lab before the lab is reset, and may look
	// at it: Dump, for example.
	Lab func(results.Trial, *harness.Lab)
	// Cell is called for every cell that has all its trials.
	Cell func(results.Cell)
}

// Run makes every trial of the plan, side by side: a pair that cannot connect
// costs its own patience and nobody else's time. The trials of a cell are spread
// over the run. A lab is used by those of one cell, and after them by those of
// cells that differ by their strategy alone, or by the point of a sweep. As many
// trials are under way as the machine bears: fewer where they turn out invalid, or,
// unless the plan says how many, where hosts have to wait for a processor. When ctx
// ends, trials that are under way are given up and Run returns ctx's cause. An error of a lab ends the run. A cell most of whose trials are
// invalid is left short of trials, which is no error.
func Run(ctx context.Context, p Plan, o Observer) error {
	if err := p.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	deal := newDeal(p)
	parallel := min(cmp.Or(p.Parallel, DefaultParallel()), deal.visits())
	r := &run{
		plan: p, observer: o, width: newWidth(parallel, p.Parallel == 0),
		sockets: newSockets(filesBeside(p.files(parallel+min(parkingSpace(), deal.labs)), fileLimit()), p.Parallel == 0),
	}
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for v, from, more := deal.next(nil); more && ctx.Err() == nil; v, from, more = deal.next(from) {
				if err := r.visit(ctx, v); err != nil && !errors.Is(err, context.Cause(ctx)) {
					cancel(fmt.Errorf("%s: %w", v.key, err))
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
	sockets  sockets
	telling  sync.Mutex
	yard     yard
}

// visit makes some trials of a cell.
func (r *run) visit(ctx context.Context, v visit) (err error) {
	if !v.wants() { // a run that goes on, or a cell that was given up
		return nil
	}
	s, err := r.open(ctx, v.Cell)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Quiet(), r.yard.park(s)) }()
	for made := 0; made < v.trials; {
		valid, err := r.try(ctx, s, v.series)
		switch {
		case errors.Is(err, errEnough):
			return nil
		case err != nil:
			return err
		case valid:
			made++
		}
	}
	return nil
}

// open opens the site of a cell, with the traffic that the plan wants there. Peers that
// measure their NATs keep a machine as busy as those that try to connect.
func (r *run) open(ctx context.Context, c Cell) (*Site, error) {
	r.width.enter()
	defer r.width.exit()
	s, err := r.yard.site(ctx, c)
	flows := r.plan.crossTraffic(c)
	if err != nil || flows == 0 {
		return s, err
	}
	if err := s.CrossTraffic(ctx, flows, r.plan.TrafficSeed(c)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// errEnough: a cell has all its trials, or others are making the last ones; or too
// many were invalid, and it is given up.
var errEnough = errors.New("no further trial is wanted")

// try makes one trial, tells of it, and makes the site fit for the next. It tells
// whether the trial counts.
func (r *run) try(ctx context.Context, s *Site, of *series) (valid bool, err error) {
	back, err := r.sockets.take(ctx, s)
	if err != nil {
		return false, err
	}
	defer back()
	late := false
	began := r.width.enter()
	defer func() { r.width.leave(began, late) }()
	number, slot, watched, ok := of.begin()
	if !ok {
		return false, errEnough
	}
	a, err := s.Try(ctx, TryOptions{
		Patience: r.plan.Patience, Stagger: r.plan.stagger(of.Cell, slot), Seed: r.plan.seed(of.key, number),
		Unclassified: r.plan.Unclassified, Observe: watched,
	})
	if err != nil {
		return false, err
	}
	back()
	invalid := a.Outcome == results.Invalid
	late = invalid
	if r.width.finds && a.waited(roundAbout(s.cell.Topology)) {
		r.width.wait()
	}
	a.Number = number
	story, last := of.end(slot, a.Outcome, watched)
	if story {
		a.Story = a.story()
	}
	if err := r.tell(a, s.lab); err != nil {
		return false, err
	}
	if last {
		r.finished(of.key)
	}
	return !invalid, s.Reset()
}

func (r *run) tell(a Attempt, lab *harness.Lab) error {
	r.telling.Lock()
	defer r.telling.Unlock()
	if r.observer.Trial != nil {
		r.observer.Trial(a.Trial)
	}
	if r.observer.Lab != nil {
		r.observer.Lab(a.Trial, lab)
	}
	if r.observer.Seen != nil && a.Seen != nil {
		return r.observer.Seen(a.Trial, a.Seen)
	}
	return nil
}

func (r *run) finished(c results.Cell) {
	r.telling.Lock()
	defer r.telling.Unlock()
	if r.observer.Cell != nil {
		r.observer.Cell(c)
	}
}
