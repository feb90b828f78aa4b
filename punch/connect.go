package punch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
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
	conn, err := connect(ctx, cfg, &report)
	if err != nil {
		return nil, report, fmt.Errorf("punch %s: %w", report.Strategy, err)
	}
	return conn, report, nil
}

func connect(ctx context.Context, cfg Config, report *Report) (net.Conn, error) {
	b, err := reach(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer b.close()
	report.Local = b.local()
	self := party{rendezvous.NewID(), rendezvous.NewNonce()}
	if report.Observed, err = greet(ctx, cfg, b, self); err != nil {
		return nil, err
	}
	met, err := meet(ctx, cfg, b, self, report)
	if err != nil {
		return nil, err
	}
	return try(ctx, cfg, b, self, met, report)
}

// greet says hello and learns where the server sees us.
func greet(ctx context.Context, cfg Config, b *base, self party) (observed netip.AddrPort, err error) {
	soon, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	observed, err = b.client.Hello(soon, rendezvous.Hello{
		Meeting: cfg.Secret.meeting(), Peer: self.id, Nonce: self.nonce, Strategy: cfg.Strategy.Name(),
		Locals: []netip.AddrPort{b.local()},
	})
	if err != nil {
		return netip.AddrPort{}, atRendezvous(ctx, err)
	}
	return observed, nil
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
func try(
	ctx context.Context, cfg Config, b *base, self party, met rendezvous.Introduction, report *Report,
) (net.Conn, error) {
	patient, stop := context.WithDeadline(ctx, report.Introduced.Add(cfg.Patience))
	defer stop()
	trying, end := context.WithCancelCause(patient)
	defer end(nil)
	peer := party{met.Peer.ID, met.Peer.Nonce}
	a := &attempt{
		network: cfg.Network, port: report.Local.Port(), peer: met.Peer.Observed, rtt: met.RTT, server: b.client,
		arbiter: newArbiter(self, peer, met.Peer.Observed.Addr(), cfg.Secret.proofKey(), met.RTT, func() { end(nil) }),
	}
	var helpers sync.WaitGroup
	if !cfg.Strategy.relays() {
		helpers.Go(func() { a.accept(trying, b.listener) })
		helpers.Go(func() { a.watch(trying, end) })
	}
	failed := cfg.Strategy.run(trying, a)
	end(failed)
	if b.listener != nil {
		_ = b.listener.Close()
	}
	winner := a.arbiter.finish()
	helpers.Wait()
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
	took := time.Since(report.Introduced).Round(time.Millisecond)
	return nil, fmt.Errorf("%w within %s: %s", ErrPatience, took, report.seen())
}

// fill reports how the attempt went.
func (a *attempt) fill(r *Report, winner *candidate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	strangers, last := a.arbiter.lost()
	r.SYNs, r.Refusals, r.Silences, r.Strangers = a.tally.syns, a.tally.refusals, a.tally.silences, strangers
	r.PeerLeft, r.LastError = a.tally.left, a.tally.last
	if r.LastError == nil {
		r.LastError = last
	}
	if winner != nil {
		r.Via, r.Accepted = r.Strategy, winner.origin == accepted
		r.Established, r.Proven = winner.up, a.arbiter.proven
		r.RTT = roundTrip(winner.conn)
		if !winner.born.IsZero() {
			r.RTT = handshakeRTT(r.RTT, winner.up.Sub(winner.born), a.rtt)
		}
	}
}
