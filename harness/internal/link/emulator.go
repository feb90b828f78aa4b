package link

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/natrules"
)

// Emulator holds the packets of all delayed links of one lab. All methods are
// safe for concurrent use.
type Emulator struct {
	keeper *keeper
	close  func() error

	// These belong to the keeper's thread.
	queues []*queue
	stats  Stats
	fault  error
	closed bool
}

// Stats is what an emulator has seen since the last Reset.
type Stats struct {
	// Held counts the packets that were held.
	Held uint64
	// Lost counts packets that the kernel could not hand over, because the
	// reader was too slow or the queue full; of a full queue only that it was.
	// They are lost to the lab: a trial with a lost packet says nothing about
	// its NATs.
	Lost uint64
	// Unstamped counts held packets of which the kernel did not tell when they
	// arrived. Their delay began when this process heard of them.
	Unstamped uint64
	// Lateness is by how much the latest packet was released after its time.
	Lateness time.Duration
}

// add adds what was seen later.
func (s *Stats) add(seen Stats) {
	s.Held += seen.Held
	s.Lost += seen.Lost
	s.Unstamped += seen.Unstamped
	s.Lateness = max(s.Lateness, seen.Lateness)
}

// New makes an emulator that holds nothing yet.
func New() (*Emulator, error) {
	k, err := hire()
	if err != nil {
		return nil, fmt.Errorf("link emulator: %w", err)
	}
	e := &Emulator{keeper: k}
	e.close = sync.OnceValue(e.leave)
	return e, nil
}

// Hold delays every packet that the router ns forwards, in both directions, by
// delay.
func (e *Emulator) Hold(ns *kernel.Namespace, delay time.Duration) error {
	q, err := newQueue(ns, delay)
	if err != nil {
		return fmt.Errorf("hold packets: %w", err)
	}
	q.owner = e
	if err = e.ask(func() error { return e.keeper.add(q) }); err != nil {
		err = errors.Join(err, unix.Close(q.fd))
	}
	if err == nil {
		err = applyHold(ns)
	}
	if err != nil {
		return fmt.Errorf("hold packets: %w", err)
	}
	return nil
}

// native remembers which form of the queue rule this kernel took.
var native atomic.Pointer[bool]

// applyHold commits the rule that hands packets over: in the form that this
// kernel knows, which the first call finds out by trying.
func applyHold(ns *kernel.Namespace) error {
	if known := native.Load(); known != nil {
		return natrules.HoldForwarded(queueNumber, *known).Apply(ns.FD())
	}
	var errs []error
	for _, form := range []bool{false, true} {
		err := natrules.HoldForwarded(queueNumber, form).Apply(ns.FD())
		if err == nil {
			native.Store(&form)
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(append([]error{errNoQueue}, errs...)...)
}

var errNoQueue = errors.New("this kernel has neither nftables' queue expression (CONFIG_NFT_QUEUE) nor the NFQUEUE target (CONFIG_NETFILTER_XT_TARGET_NFQUEUE with CONFIG_NFT_COMPAT)")

// Reset drops every packet that is held and starts the statistics anew.
func (e *Emulator) Reset() error {
	return e.ask(func() error {
		errs := []error{e.fault}
		for _, q := range e.queues {
			e.keeper.read(q)
			errs = append(errs, q.drop())
		}
		e.stats = Stats{}
		return errors.Join(errs...)
	})
}

// Stats tells what was seen since the last Reset, and the error that ended
// the emulation, if one did.
func (e *Emulator) Stats() (s Stats, err error) {
	err = e.ask(func() error {
		s = e.stats
		return e.fault
	})
	return s, err
}

// ask runs f on the keeper's thread, unless the emulator is closed.
func (e *Emulator) ask(f func() error) error {
	err := errClosed
	e.keeper.ask(func() {
		if !e.closed {
			err = f()
		}
	})
	return err
}

var errClosed = fmt.Errorf("link emulator: %w", os.ErrClosed)

// note keeps the first error; what follows from it would only repeat.
func (e *Emulator) note(err error) {
	if e.fault == nil {
		e.fault = err
	}
}

// Close ends the emulation. Held packets are lost with their queues. Further
// calls return the first one's error.
func (e *Emulator) Close() error { return e.close() }

func (e *Emulator) leave() (err error) {
	err = e.ask(func() error {
		e.closed = true
		return e.keeper.remove(e)
	})
	return errors.Join(err, dismiss(e.keeper))
}
