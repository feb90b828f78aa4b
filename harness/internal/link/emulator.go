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

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/natrules"
)

// Emulator holds the packets of all delayed links of one lab. All methods are
// safe for concurrent use.
type Emulator struct {
	mu   sync.Mutex    // one question at a time
	conn *net.UnixConn // to the process that keeps the links; nil once closed
	err  error         // of Close
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
	// arrived. Their delay began when they were read.
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
	conn, err := connect()
	if err != nil {
		return nil, fmt.Errorf("link emulator: %w", err)
	}
	return &Emulator{conn: conn}, nil
}

// Hold delays every packet that the router ns forwards, in both directions, by
// delay, apart from those that leave by an interface of turned through which
// they came.
func (e *Emulator) Hold(ns *kernel.Namespace, delay time.Duration, turned ...string) error {
	fd, err := bindQueue(ns)
	if err == nil {
		_, err = e.ask(request{Op: opHold, Delay: delay}, fd)
		err = errors.Join(err, unix.Close(fd)) // the other process has its own
	}
	if err == nil {
		err = applyHold(ns, turned)
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
func applyHold(ns *kernel.Namespace, turned []string) error {
	if known := native.Load(); known != nil {
		return natrules.HoldForwarded(queueNumber, *known, turned).Apply(ns.FD())
	}
	var errs []error
	for _, form := range []bool{false, true} {
		err := natrules.HoldForwarded(queueNumber, form, turned).Apply(ns.FD())
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
	_, err := e.ask(request{Op: opReset}, noDescriptor)
	return err
}

// Stats tells what was seen since the last Reset, and the error that ended
// the emulation, if one did.
func (e *Emulator) Stats() (Stats, error) { return e.ask(request{Op: opStats}, noDescriptor) }

var errClosed = fmt.Errorf("link emulator: %w", os.ErrClosed)

// ask has the other process do something, and waits until it is done.
func (e *Emulator) ask(r request, fd int) (Stats, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn == nil {
		return Stats{}, errClosed
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
