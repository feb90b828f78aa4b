package link

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/fate"
	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/links"
)

// Emulator holds the packets of all links of one lab that are not perfect. All
// methods are safe for concurrent use.
type Emulator struct {
	mu    sync.Mutex    // one question at a time
	conn  *net.UnixConn // to the process that keeps the links; nil once closed
	wires int           // how many were held
	err   error         // of Close
}

// Stats is what an emulator has seen since the last Reset.
type Stats struct {
	// Held counts the packets that were held.
	Held uint64
	// Lost counts packets that the kernel could not hand over, because the
	// reader was too slow or the queue full; of a full queue only that it was.
	// So does a copy that could not be sent. They are lost to the lab: a trial with a lost packet says nothing about
	// its NATs. What a link drops by its conditions is counted apart.
	Lost uint64
	// Unstamped counts held packets of which the kernel did not tell when they
	// arrived. Their delay began when they were read.
	Unstamped uint64
	// Lateness is by how much the latest packet was released after its time, of
	// which jitter is a part.
	Lateness time.Duration
	// Counts is what the conditions and faults of the links have done.
	fate.Counts
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
	conn, err := connect()
	if err != nil {
		return nil, fmt.Errorf("link emulator: %w", err)
	}
	return &Emulator{conn: conn}, nil
}

// Place is where a link is.
type Place struct {
	// Name tells links of one lab apart: those of other names draw otherwise from
	// one seed.
	Name string
	// Router is at the link's end that is farther from the core, and Uplink its
	// interface to the other end.
	Router *kernel.Namespace
	Uplink string
}

// Wire is a link whose packets are held.
type Wire struct {
	of     *Emulator
	place  Place
	number int
	sender bool // the other process has a socket for copies
}

// Hold takes hold of a link: what its router forwards to the uplink is on the
// way up, and what it forwards from there on the way down.
func (e *Emulator) Hold(p Place, l links.Link) (*Wire, error) {
	w := &Wire{of: e, place: p}
	fd, err := bindQueues(p.Router)
	if err == nil {
		err = e.hold(w, fd)
		err = errors.Join(err, unix.Close(fd)) // the other process has its own
	}
	if err == nil {
		err = w.set(request{Op: opShape, Link: l}, copies(l))
	}
	if err == nil {
		err = applyHold(p)
	}
	if err != nil {
		return nil, fmt.Errorf("hold packets: %w", err)
	}
	return w, nil
}

func (e *Emulator) hold(w *Wire, fd int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.asking(request{Op: opHold, Name: w.place.Name}, fd); err != nil {
		return err
	}
	w.number = e.wires
	e.wires++
	return nil
}

func copies(l links.Link) bool { return l.Up.Duplicate > 0 || l.Down.Duplicate > 0 }

// Set changes what the link does to packets that come from now on. Those that
// are under way keep their time.
func (w *Wire) Set(l links.Link) error { return w.set(request{Op: opShape, Link: l}, copies(l)) }

// SetRules replaces the rules of the link. They count from zero.
func (w *Wire) SetRules(all []fate.Rule) error {
	r := request{Op: opRules}
	copies := false
	for _, one := range all {
		copies = copies || one.Fault.Do == links.Duplicate
		if one.Fault.Way == links.Up {
			r.Up = append(r.Up, one)
		} else {
			r.Down = append(r.Down, one)
		}
	}
	return w.set(r, copies)
}

// Rules tells what the rules of the link have counted: those of the way up, then
// those of the way down.
func (w *Wire) Rules() ([]fate.Count, error) {
	a, err := w.of.ask(request{Op: opCounts, Wire: w.number}, noDescriptor)
	return append(a.Up, a.Down...), err
}

// set changes the link. If it is to copy packets, the other process gets a
// socket to send them by.
func (w *Wire) set(r request, copies bool) (err error) {
	r.Wire = w.number
	fd := noDescriptor
	if copies && !w.sender {
		if fd, err = openSender(w.place.Router); err != nil {
			return fmt.Errorf("link %s: %w", w.place.Name, err)
		}
		defer func() { err = errors.Join(err, unix.Close(fd)) }()
		w.sender = true
	}
	_, err = w.of.ask(r, fd)
	return err
}

// native remembers which form of the queue rule this kernel took.
var native atomic.Pointer[bool]

// applyHold commits the rules that hand packets over: in the form that this
// kernel knows, which the first call finds out by trying.
func applyHold(p Place) error {
	hold := natrules.Hold{Uplink: p.Uplink, Up: queueUp, Down: queueDown}
	if known := native.Load(); known != nil {
		return hold.Rules(*known).Apply(p.Router.FD())
	}
	var errs []error
	for _, form := range []bool{false, true} {
		err := hold.Rules(form).Apply(p.Router.FD())
		if err == nil {
			native.Store(&form)
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(append([]error{errNoQueue}, errs...)...)
}

var errNoQueue = errors.New("this kernel has neither nftables' queue expression (CONFIG_NFT_QUEUE) nor the NFQUEUE target (CONFIG_NETFILTER_XT_TARGET_NFQUEUE with CONFIG_NFT_COMPAT)")

// Seed has all links draw from this seed, from the beginning, and count anew.
// Packets that are under way are not dropped.
func (e *Emulator) Seed(seed uint64) error {
	_, err := e.ask(request{Op: opSeed, Seed: seed}, noDescriptor)
	return err
}

// Reset drops every packet that is held, starts the statistics anew, and has all
// links draw from the beginning.
func (e *Emulator) Reset() error {
	_, err := e.ask(request{Op: opReset}, noDescriptor)
	return err
}

// Stats tells what was seen since the last Reset, and the error that ended
// the emulation, if one did.
func (e *Emulator) Stats() (Stats, error) {
	a, err := e.ask(request{Op: opStats}, noDescriptor)
	return a.Stats, err
}

var errClosed = fmt.Errorf("link emulator: %w", os.ErrClosed)

// ask has the other process do something, and waits until it is done.
func (e *Emulator) ask(r request, fd int) (answer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asking(r, fd)
}

// asking is ask for those who have the lock.
func (e *Emulator) asking(r request, fd int) (answer, error) {
	if e.conn == nil {
		return answer{}, errClosed
	}
	return ask(e.conn, r, fd)
}

// Close ends the emulation. Held packets are lost with their queues. Further
// calls return the first one's error.
func (e *Emulator) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn != nil {
		_, err := ask(e.conn, request{Op: opClose}, noDescriptor)
		e.err = errors.Join(err, e.conn.Close())
		e.conn = nil
	}
	return e.err
}
