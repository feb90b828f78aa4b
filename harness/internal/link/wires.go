package link

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/links"
)

// wires are the links of one lab, in the process that keeps them.
type wires struct {
	keeper *keeper
	close  func() error

	// These belong to the keeper's thread.
	all   []*wire
	seed  uint64
	stats Stats
	diary diary
	fault error
}

func newWires() (*wires, error) {
	k, err := hire()
	if err != nil {
		return nil, err
	}
	w := &wires{keeper: k}
	w.close = sync.OnceValue(w.leave)
	return w, nil
}

// do does what a lab asks for.
func (w *wires) do(r request, fd int) (a answer, err error) {
	if r.Op == opClose {
		return a, w.close()
	}
	w.keeper.ask(func() { a, err = w.serve(r, fd) })
	return a, err
}

func (w *wires) serve(r request, fd int) (a answer, err error) {
	switch r.Op {
	case opHold:
		return a, w.hold(r, fd)
	case opShape, opRules, opCounts:
		if r.Wire < 0 || r.Wire >= len(w.all) {
			err := fmt.Errorf("no link %d", r.Wire)
			if fd != noDescriptor {
				err = errors.Join(err, unix.Close(fd))
			}
			return a, err
		}
		return w.turn(w.all[r.Wire], r, fd)
	case opSeed:
		for _, one := range w.all {
			w.keeper.read(one)
		}
		w.seed = r.Seed
		w.restart()
	case opReset:
		return a, w.reset()
	case opWatch:
		return a, w.watch(r.Bytes)
	case opActs:
		return w.told(), nil
	case opStats:
		return answer{Stats: w.total()}, w.fault
	default:
		return a, fmt.Errorf("unknown request %d", r.Op)
	}
	return a, nil
}

// hold begins to serve a router's packets.
func (w *wires) hold(r request, fd int) error {
	one := newWire(w, fd, r.Name, w.seed)
	if err := w.keeper.add(one); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	w.all = append(w.all, one)
	return nil
}

// turn changes one link, or tells of it.
func (w *wires) turn(one *wire, r request, fd int) (a answer, err error) {
	if fd != noDescriptor {
		one.sender = fd
	}
	w.keeper.read(one) // what has come before is as it was
	switch r.Op {
	case opShape:
		return a, w.set(one, r.Link)
	case opRules:
		one.up.line.SetRules(r.Up)
		one.down.line.SetRules(r.Down)
		return a, one.shape()
	}
	return answer{Up: one.up.line.Rules(), Down: one.down.line.Rules()}, w.fault
}

// set gives a link its conditions.
func (w *wires) set(one *wire, l links.Link) error {
	one.up.line.Set(l.Up)
	one.down.line.Set(l.Down)
	return one.shape()
}

// restart has all links draw and count from the beginning.
func (w *wires) restart() {
	for _, one := range w.all {
		for _, q := range one.queues() {
			q.line.Restart(w.seed)
		}
	}
}

// total is what all links have seen together.
func (w *wires) total() Stats {
	s := w.stats
	for _, one := range w.all {
		for _, q := range one.queues() {
			s.Counts.Add(q.line.Counts())
		}
	}
	return s
}

// reset drops all packets.
func (w *wires) reset() error {
	errs := []error{w.fault}
	for _, one := range w.all {
		w.keeper.read(one)
		errs = append(errs, one.up.drop(), one.down.drop())
	}
	w.stats = Stats{}
	w.restart()
	return errors.Join(errs...)
}

// note keeps the first error; what follows from it would only repeat.
func (w *wires) note(err error) {
	if w.fault == nil {
		w.fault = err
	}
}

func (w *wires) leave() (err error) {
	w.keeper.ask(func() { err = w.keeper.remove(w) })
	return errors.Join(err, dismiss(w.keeper))
}
