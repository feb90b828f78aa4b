package punch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// attempt is what a strategy works with: two peers that have been introduced.
type attempt struct {
	network Network
	port    uint16             // the local port of the connection to the server; listened on, unless the strategy relays
	peer    netip.AddrPort     // where the server saw the peer
	rtt     time.Duration      // not less than the round trip between the peers; zero if it is not known
	server  *rendezvous.Client // for strategies that relay
	arbiter *arbiter

	mu    sync.Mutex
	tally tally
}

// tally counts what an attempt saw.
type tally struct {
	syns, refusals, silences int
	last                     error
	left                     rendezvous.Departure
}

const (
	freshPort     = 0 // dial from a port of the kernel's choice
	untilAnswered = 0 // leave a silent SYN to the kernel
)

// The ways in which a SYN of ours comes to nothing without the attempt being over.
var (
	errSilence = errors.New("no answer came")
	errInUse   = errors.New("the two endpoints are connected already")
	errNoPort  = errors.New("this host has no local port left")
	errRefused = errors.New("the SYN was refused")
	errLost    = errors.New("somebody else answered")
)

// fatal tells an error after which no further SYN has a chance: no socket could be had, for example.
func fatal(err error) bool {
	for _, passing := range []error{
		nil, errSilence, errInUse, errNoPort, errRefused, errLost, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, passing) {
			return false
		}
	}
	return true
}

// syn sends one SYN to the peer and stays with it: until it comes to nothing, until it is closed since no answer came in
// silence, until the arbiter has lost the connection that it brought, or until ctx ends, whichever comes first.
func (a *attempt) syn(ctx context.Context, from uint16, silence time.Duration) error {
	d, err := dial(a.network, from, a.peer)
	if err != nil {
		return a.judge(from, err)
	}
	a.count(func(t *tally) { t.syns++ })
	var until time.Time
	if silence > 0 {
		until = d.born.Add(silence)
	}
	conn, err := d.wait(ctx, until)
	if err != nil {
		return a.judge(from, err)
	}
	return a.follow(ctx, conn, d.born)
}

// follow offers a connection that we dialled and waits until it is lost or ctx ends.
func (a *attempt) follow(ctx context.Context, conn net.Conn, born time.Time) error {
	c := a.arbiter.offer(conn, dialled, born)
	select {
	case <-c.lost:
		return errLost
	case <-ctx.Done():
		return ctx.Err()
	}
}

// judge counts what a SYN from the given port came to and says it in the words above. Of a port of the kernel's choice,
// EADDRNOTAVAIL tells that it found none (connect(2)); of one of ours, that the connection is there.
func (a *attempt) judge(from uint16, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		a.count(func(t *tally) { t.silences++ })
		return errSilence
	case errors.Is(err, syscall.EADDRNOTAVAIL) && from == freshPort:
		err = fmt.Errorf("%w: %w", errNoPort, err)
		a.count(func(t *tally) { t.last = err })
		return err
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return errInUse
	case refusal(err):
		a.count(func(t *tally) { t.refusals, t.last = t.refusals+1, err })
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return err
}

// refusal tells an answer of the network to a SYN from a failure of this host to send one. Each can pass: the peer's NAT
// may be open a moment later.
func refusal(err error) bool {
	for _, answer := range refusals {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}

func (a *attempt) count(f func(*tally)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.tally)
}

// acceptPause is how long accepting rests after an error, such as too many open files, which may pass.
const acceptPause = 20 * time.Millisecond

// accept offers what connects to our port until the listener is closed.
func (a *attempt) accept(ctx context.Context, ln *net.TCPListener) {
	for {
		conn, err := ln.AcceptTCP()
		switch {
		case err == nil:
			a.arbiter.offer(conn, accepted, time.Time{})
		case errors.Is(err, net.ErrClosed):
			return
		default:
			a.count(func(t *tally) { t.last = err })
			pause(ctx, time.Now().Add(acceptPause))
		}
	}
}

// byeGrace is how long to go on, beyond two round trips, once the peer has left in order. It may have left because it
// is connected, its proof still being on the way: a lost segment is sent again after a second at most (RFC 6298, 2.1).
const byeGrace = time.Second

var errPeerLeft = errors.New("the peer has left")

// watch listens to the server. A peer that says bye ends the attempt after a grace; one that vanishes from the server's
// sight may still be reached, and so may one whose server dies.
func (a *attempt) watch(ctx context.Context, end context.CancelCauseFunc) {
	how, err := a.server.PeerLeft(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		a.count(func(t *tally) { t.last = fmt.Errorf("the server is gone: %w", err) })
		return
	}
	a.count(func(t *tally) { t.left = how })
	if how == rendezvous.SaidBye {
		pause(ctx, time.Now().Add(2*a.rtt+byeGrace))
		end(errPeerLeft)
	}
}

// pause waits until the time has come or ctx ends.
func pause(ctx context.Context, until time.Time) {
	d := time.Until(until)
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
