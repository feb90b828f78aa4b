package punch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// Connect meets the peer at the rendezvous, follows the strategy, and returns a connection on which somebody has proven
// to know the secret; see the package's security section for what that excludes, and what it does not. The Report is
// filled in as far as things went, after a failure too.
//
// The connection is a [*net.TCPConn] with TCP_NODELAY and without keep-alive; the relay's is a plain [net.Conn]. It
// does not depend on ctx. When Connect returns, everything else that it opened is closed, and its goroutines have ended.
func Connect(ctx context.Context, cfg Config) (net.Conn, Report, error) {
	if err := cfg.check(); err != nil {
		return nil, Report{}, fmt.Errorf("punch: %w", err)
	}
	cfg = cfg.complete()
	report := Report{Strategy: cfg.Strategy.Name()}
	events := newTrace(cfg.Trace)
	conn, err := connect(ctx, cfg, events, &report)
	if err != nil {
		events.tell(Event{Kind: EventEnded, Technique: report.Strategy, Err: err})
		return nil, report, fmt.Errorf("punch %s: %w", report.Strategy, err)
	}
	return conn, report, nil
}

func connect(ctx context.Context, cfg Config, events *trace, report *Report) (net.Conn, error) {
	b, err := reach(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer b.close()
	report.Local = b.local()
	self := party{rendezvous.NewID(), rendezvous.NewNonce()}
	welcome, err := greet(ctx, cfg, b, self)
	if err != nil {
		return nil, err
	}
	report.Observed = welcome.Observed
	events.tell(Event{Kind: EventRegistered, Technique: report.Strategy, Local: report.Local, Remote: report.Observed})
	a := prepare(cfg, b, welcome)
	a.trace = events
	stop := a.getToKnow(ctx, cfg)
	defer stop()
	met, err := meet(ctx, cfg, b, self, report)
	if err != nil {
		return nil, err
	}
	a.introduce(cfg, b, self, met, report)
	events.tell(Event{At: report.Introduced, Kind: EventIntroduced, Technique: report.Strategy, Local: report.Local, Remote: report.Peer})
	return try(ctx, cfg, b, a, report)
}

// greet says hello and learns where the server sees us.
func greet(ctx context.Context, cfg Config, b *base, self party) (rendezvous.Welcome, error) {
	soon, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	var notes []json.RawMessage
	if cfg.Strategy.needs() != 0 && cfg.Classification != nil {
		text, err := written("", classified, *cfg.Classification)
		if err != nil {
			return rendezvous.Welcome{}, err
		}
		notes = append(notes, text)
	}
	welcome, err := b.client.Hello(soon, rendezvous.Hello{
		Meeting: cfg.Secret.meeting(), Peer: self.id, Nonce: self.nonce, Strategy: cfg.Strategy.Name(),
		Locals: []netip.AddrPort{b.local()},
	}, notes...)
	if err != nil {
		return rendezvous.Welcome{}, atRendezvous(ctx, err)
	}
	return welcome, nil
}

// prepare makes the attempt of a peer that has been welcomed and not been introduced yet.
func prepare(cfg Config, b *base, welcome rendezvous.Welcome) *attempt {
	rtt := roundTrip(b.conn)
	first := path{port: b.local().Port(), observed: welcome.Observed}
	return &attempt{strategy: cfg.Strategy.Name(), path: first, state: &state{
		network: cfg.Network, serverRTT: rtt, server: b.client,
		post: newPost(), knowledge: newKnowledge(),
		survey: &survey{network: cfg.Network, endpoints: welcome.Endpoints, dialPort: welcome.DialPort, rtt: rtt, server: b.server()},
	}}
}

// getToKnow finds out what our NATs are like, if the strategy wants to know and nobody has done it before, and tells the
// peer. The function that it returns ends that, and waits until it has ended.
func (a *attempt) getToKnow(ctx context.Context, cfg Config) (stop func()) {
	switch {
	case cfg.Strategy.needs() == 0:
		a.knowledge.settle(ours, Classification{})
		a.knowledge.settle(others, Classification{})
	case cfg.Classification != nil: // the peer has been told
		a.knowledge.settle(ours, *cfg.Classification)
	default:
		return a.measure(ctx, cfg.Strategy.needs())
	}
	return func() { a.survey.close() }
}

// measure classifies in the background.
func (a *attempt) measure(ctx context.Context, wanted part) (stop func()) {
	finding, end := context.WithCancel(ctx)
	var busy sync.WaitGroup
	busy.Go(func() {
		c, err := a.survey.classify(finding, wanted, func(c Classification) {
			a.knowledge.surmise(ours, c)
			_ = tellPeer(finding, a.server, "", surmised, c)
		})
		if err != nil && finding.Err() == nil {
			a.note("our own NAT could not be classified: %v", err)
		}
		a.knowledge.settle(ours, c)
		_ = tellPeer(finding, a.server, "", classified, c) // a server that is gone is noticed by others
	})
	return func() { end(); busy.Wait(); a.survey.close() }
}

// meet waits for the peer, and holds what it is told as long as the Config wants.
func meet(ctx context.Context, cfg Config, b *base, self party, report *Report) (rendezvous.Introduction, error) {
	waiting, cancel := context.WithTimeout(ctx, cfg.Wait)
	defer cancel()
	met, err := b.client.Introduction(waiting)
	report.RendezvousRTT = roundTrip(b.conn)
	if err != nil {
		return met, absent(ctx, cfg, err)
	}
	pause(ctx, time.Now().Add(cfg.Hold))
	report.Introduced, report.Peer, report.PeerRTT = time.Now(), met.Peer.Observed, met.RTT
	return met, acceptable(cfg, self, met.Peer)
}

// introduce fills in what the introduction has brought.
func (a *attempt) introduce(
	cfg Config, b *base, self party, met rendezvous.Introduction, report *Report,
) {
	peer := party{met.Peer.ID, met.Peer.Nonce}
	a.peer, a.locals, a.rtt, a.serverRTT = met.Peer.Observed, met.Peer.Locals, met.RTT, report.RendezvousRTT
	a.announced = met.Peer.Notes > 0
	a.elder = slices.Compare(self.id[:], peer.id[:]) > 0
	a.guard = &guard{
		server: b.server(), observed: a.observed.Addr(), peer: a.peer.Addr(),
		prefixes: func() []netip.Prefix { return prefixesOf(cfg.Network) },
	}
	a.arbiter = newArbiter(self, peer, a.peer.Addr(), cfg.Secret.proofKey(), met.RTT, func() {})
	a.arbiter.trace = a.trace
}

// absent tells a peer that did not come from a server that went away.
func absent(ctx context.Context, cfg Config, err error) error {
	var refused *rendezvous.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w within %s", ErrPeerAbsent, cfg.Wait)
	case errors.As(err, &refused) && refused.Code == rendezvous.CodeTimeout:
		return fmt.Errorf("%w before the server lost patience: %w", ErrPeerAbsent, err)
	}
	return atRendezvous(ctx, err)
}

func atRendezvous(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ErrRendezvous, err)
}

// acceptable refuses an introduction to ourselves, with which a server could have us accept our own proof, and a peer
// that would not do its part.
func acceptable(cfg Config, self party, peer rendezvous.Peer) error {
	switch {
	case peer.ID == self.id || peer.Nonce == self.nonce:
		return fmt.Errorf("%w: the server introduced us to ourselves", ErrRendezvous)
	case !peer.Observed.Addr().Is4():
		return fmt.Errorf("%w: the peer was seen at %s, which is not IPv4", ErrRendezvous, peer.Observed)
	case peer.Strategy != cfg.Strategy.Name():
		return fmt.Errorf("%w: %s, not %s", ErrStrategyMismatch, peer.Strategy, cfg.Strategy.Name())
	}
	return nil
}

// try lets the strategy make connections until one has won, patience is over, or it gives up.
func try(ctx context.Context, cfg Config, b *base, a *attempt, report *Report) (net.Conn, error) {
	patient, stop := context.WithDeadline(ctx, report.Introduced.Add(cfg.Patience))
	defer stop()
	trying, end := context.WithCancelCause(patient)
	defer end(nil)
	a.arbiter.won = func() { end(nil) }
	a.works()
	var helpers sync.WaitGroup
	if !cfg.Strategy.relays() {
		helpers.Go(func() { a.accept(trying, b.listener) })
		helpers.Go(func() { a.watch(trying, end) })
		helpers.Go(func() { a.listen(trying) })
	}
	failed := cfg.Strategy.run(trying, a)
	if failed == nil { // the peer may know better and still reach our listener
		pause(trying, time.Now().Add(2*a.rtt+noWayGrace))
	}
	gaveUp := trying.Err() == nil
	end(failed)
	if b.listener != nil {
		_ = b.listener.Close()
	}
	winner := a.arbiter.finish()
	helpers.Wait()
	a.contradicted(cfg.Strategy, winner == nil && failed == nil && ctx.Err() == nil && !gaveUp)
	a.fill(report, winner)
	switch {
	case winner != nil:
		b.lent = inner(winner.conn) == net.Conn(b.conn)
		return winner.conn, nil
	case failed != nil:
		return nil, failed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	if gaveUp {
		return nil, fmt.Errorf("%w: %s, %s", ErrNoWay, report.Us, report.Them)
	}
	took := time.Since(report.Introduced).Round(time.Millisecond)
	return nil, fmt.Errorf("%w within %s: %s", ErrPatience, took, report.seen())
}

// noWayGrace is how long, beyond two round trips, a strategy that has no way waits for a peer that sees one.
const noWayGrace = 250 * time.Millisecond

// listen hears what the peer says of its own NATs, until it has said the last word.
func (a *attempt) listen(ctx context.Context) {
	for {
		select {
		case text := <-a.post.box("", surmised):
			a.guess(text)
		case text := <-a.post.box("", classified):
			a.learn(text)
			return
		case <-ctx.Done():
			return
		}
	}
}

// fill reports how the attempt went.
func (a *attempt) fill(r *Report, winner *candidate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	strangers, last := a.arbiter.lost()
	r.SYNs, r.Refusals, r.Silences, r.Strangers = a.tally.syns, a.tally.refusals, a.tally.silences, strangers
	r.PeerLeft, r.LastError, r.Notes = a.tally.left, a.tally.last, a.tally.notes
	r.Us, r.Them = a.knowledge.sure()
	if r.LastError == nil {
		r.LastError = last
	}
	if winner != nil {
		r.Via, r.Accepted = winner.via, winner.origin != dialled
		r.Established, r.Proven = winner.up, a.arbiter.proven
		r.RTT = roundTrip(winner.conn)
		if !winner.born.IsZero() {
			r.RTT = handshakeRTT(r.RTT, winner.up.Sub(winner.born), a.rtt)
		}
	}
}
