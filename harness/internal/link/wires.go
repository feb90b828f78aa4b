package link

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// wires are the delayed links of one lab, in the process that keeps them.
type wires struct {
	keeper *keeper
	close  func() error

	// These belong to the keeper's thread.
	queues []*queue
	stats  Stats
	fault  error
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
func (w *wires) do(r request, fd int) (s Stats, err error) {
	switch r.Op {
	case opHold:
		w.keeper.ask(func() { err = w.hold(fd, r.Delay) })
	case opReset:
		w.keeper.ask(func() { err = w.reset() })
	case opStats:
		w.keeper.ask(func() { s, err = w.stats, w.fault })
	case opClose:
		err = w.close()
	default:
		err = fmt.Errorf("unknown request %d", r.Op)
	}
	return s, err
}

// hold begins to serve a queue.
func (w *wires) hold(fd int, delay time.Duration) error {
	err := w.keeper.add(&queue{owner: w, fd: fd, delay: delay})
	if err != nil {
		err = errors.Join(err, unix.Close(fd))
	}
	return err
}

// reset drops all packets.
func (w *wires) reset() error {
	errs := []error{w.fault}
	for _, q := range w.queues {
		w.keeper.read(q)
		errs = append(errs, q.drop())
	}
	w.stats = Stats{}
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
