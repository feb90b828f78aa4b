package punch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// attempt is what a strategy works with: two peers that have been introduced. Several strategies may work at once, each
// with an attempt of its own over the same state.
type attempt struct {
	*state
	path
	strategy string             // who sends SYNs and tells notes
	chosenBy *[2]Classification // ours and theirs, by which the strategy was chosen; nil: by none
}

// path is a pair of endpoints, one of each peer, between which SYNs go.
type path struct {
	port     uint16         // ours, which is listened on, unless the strategy relays
	observed netip.AddrPort // where the server saw it
	peer     netip.AddrPort // where the server saw the peer
}

// state is what all strategies of one attempt share.
type state struct {
	network   Network
	locals    []netip.AddrPort // where the peer sees itself
	announced bool             // the peer's classification is known, or on its way
	rtt       time.Duration    // not less than the round trip between the peers; zero if it is not known
	serverRTT time.Duration
	elder     bool // our id is the larger one: somebody must come first among equals
	server    *rendezvous.Client
	survey    *survey
	post      *post
	knowledge *knowledge
	guard     *guard
	arbiter   *arbiter
	trace     *trace

	mu    sync.Mutex
	tally tally
	aimed map[aim]bool // where SYNs have gone; MaxSYNs at most
}

// as is the attempt in the hands of another strategy.
func (a *attempt) as(s Strategy) *attempt {
	return &attempt{state: a.state, path: a.path, chosenBy: a.chosenBy, strategy: s.Name()}
}

// plays tells whether this peer takes a role of which there is one in a technique: the peer that is fitter for it does,
// and among equals the elder. Fit says how well the first of two NATs suits the role if the second is the peer's.
func (a *attempt) plays(us, them Classification, fit func(own, other Classification) float64) bool {
	ours, theirs := fit(us, them), fit(them, us)
	if ours != theirs {
		return ours > theirs
	}
	return a.elder
}

// tally counts what an attempt saw.
type tally struct {
	syns, refusals, silences int
	answered                 int // refusals where the peer listens, while it was there
	last                     error
	left                     rendezvous.Departure
	notes                    []string
	via                      string // the strategy that was at work last
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
		nil, errSilence, errInUse, errNoPort, errRefused, errLost, errSpent, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, passing) {
			return false
		}
	}
	return true
}

// syn sends one SYN to where the server saw the peer and stays with it, see fire.
func (a *attempt) syn(ctx context.Context, from uint16, silence time.Duration) error {
	return a.fire(ctx, shot{from: from, to: a.peer, silence: silence})
}

// fire sends one SYN and stays with it: until it comes to nothing, until it is closed since no answer came in
// its silence, until the arbiter has lost the connection that it brought, or until ctx ends, whichever comes first.
func (a *attempt) fire(ctx context.Context, s shot) error {
	d, err := a.launch(s)
	if err != nil {
		return err
	}
	return a.stay(ctx, d)
}

// launch sends one SYN. The caller stays with it, or closes it.
func (a *attempt) launch(s shot) (*dialing, error) {
	if err := a.guard.pass(s.to, 1); err != nil {
		return nil, err
	}
	a.aim(s)
	d, err := shoot(a.network, s)
	if err != nil {
		return nil, a.fate(&dialing{shot: s, local: s.from}, err)
	}
	a.count(func(t *tally) { t.syns++ })
	a.sent(d)
	return d, nil
}

// stay waits for what comes of a SYN, as fire does.
func (a *attempt) stay(ctx context.Context, d *dialing) error {
	conn, err := a.await(ctx, ctx, d)
	if err != nil {
		return err
	}
	return a.follow(ctx, conn, d.born)
}

// await waits for a SYN's connection, which stay follows. It must be up while waiting lasts, else it counts as silent.
func (a *attempt) await(ctx, waiting context.Context, d *dialing) (net.Conn, error) {
	var until time.Time
	if d.shot.silence > 0 {
		until = d.born.Add(d.shot.silence)
	}
	conn, err := d.wait(waiting, until)
	switch {
	case err == nil && !d.shot.plain():
		unaim(conn)
	case err != nil && ctx.Err() == nil && waiting.Err() != nil:
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		a.answered(d.shot, err)
		return nil, a.fate(d, err)
	}
	a.came(d, EventUp, nil)
	return conn, nil
}

// follow offers a connection that we dialled and waits until it is lost or ctx ends.
func (a *attempt) follow(ctx context.Context, conn net.Conn, born time.Time) error {
	c := a.arbiter.offer(conn, dialled, born, a.strategy)
	select {
	case <-c.lost:
		return errLost
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fate is judge of a SYN that has left, and tells of it.
func (a *attempt) fate(d *dialing, err error) error {
	judged := a.judge(d.shot.from, err)
	switch {
	case errors.Is(judged, errSilence):
		a.came(d, EventSilent, nil)
	case errors.Is(judged, errRefused):
		a.came(d, EventRefused, err)
	}
	return judged
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

func (a *state) count(f func(*tally)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.tally)
}

// note keeps something that the caller should know of the attempt, once.
func (a *state) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	a.count(func(t *tally) {
		if !slices.Contains(t.notes, text) {
			t.notes = append(t.notes, text)
		}
	})
}

// acceptPause is how long accepting rests after an error, such as too many open files, which may pass.
const acceptPause = 20 * time.Millisecond

// accept offers what connects to our port until the listener is closed.
func (a *attempt) accept(ctx context.Context, ln *net.TCPListener) {
	for {
		conn, err := ln.AcceptTCP()
		switch {
		case err == nil:
			a.arbiter.offer(conn, a.originOf(conn), time.Time{}, a.working())
		case errors.Is(err, net.ErrClosed):
			return
		default:
			a.count(func(t *tally) { t.last = err })
			pause(ctx, time.Now().Add(acceptPause))
		}
	}
}

// works notes which strategy is at work: what comes to our listener is taken for its success.
func (a *attempt) works() {
	a.count(func(t *tally) { t.via = a.strategy })
	a.trace.tell(Event{Kind: EventBegun, Technique: a.strategy, Local: a.own(), Remote: a.peer})
}

// own is our end, as far as it is known: its port.
func (p path) own() netip.AddrPort { return netip.AddrPortFrom(netip.IPv4Unspecified(), p.port) }

func (a *state) working() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tally.via
}

// byeGrace is how long to go on, beyond two round trips, once the peer has left in order. It may have left because it
// is connected, its proof still being on the way: a lost segment is sent again after a second at most (RFC 6298, 2.1).
const byeGrace = time.Second

var errPeerLeft = errors.New("the peer has left")

// watch listens to the server and hands out what the peer tells. A peer that says bye ends the attempt after a grace;
// one that vanishes from the server's sight may still be reached, and so may one whose server dies.
func (a *attempt) watch(ctx context.Context, end context.CancelCauseFunc) {
	for {
		event, err := a.server.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			a.count(func(t *tally) { t.last = fmt.Errorf("the server is gone: %w", err) })
			return
		case event.Left == "":
			a.post.deliver(event.Note)
			continue
		}
		a.count(func(t *tally) { t.left = event.Left })
		if event.Left == rendezvous.SaidBye {
			pause(ctx, time.Now().Add(2*a.rtt+byeGrace))
			end(errPeerLeft)
		}
		return
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
