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
)

// prediction is what a peer tells of the ports that its NATs give out next. It holds until somebody else's flow takes
// one: Guha and Francis, "Characterization and Measurement of TCP Traversal through NATs and Firewalls" (IMC 2005),
// found ports that are predicted from the one before; the further window is for the flows of others.
type prediction struct {
	Round int    `json:"round,omitempty"` // of those in which both sides predict
	Last  uint16 `json:"last"`            // the port that was given out last
	Step  int    `json:"step"`            // by how much each differs from the one before; not 0
}

// port is the n-th port from now on, counted from one. Where the range ends it begins anew, at the other end: all ports
// that are not well-known (RFC 4787 section 4.2.1), or, for a NAT that gives out those too, all from what was seen.
func (p prediction) port(n int) uint16 {
	low := min(lowestPort, int(p.Last))
	size := highestPort - low + 1
	at := (int(p.Last) - low + n*p.Step) % size
	if at < 0 {
		at += size
	}
	return uint16(low + at)
}

// maxRound is more rounds than any attempt has.
const maxRound = 1 << 16

// check refuses what no peer of ours tells.
func (p prediction) check() error {
	if p.Last == 0 || p.Step == 0 || p.Step < -maxStep || p.Step > maxStep || p.Round < 0 || p.Round > maxRound {
		return fmt.Errorf("the peer's prediction: port %d, steps of %d, round %d", p.Last, p.Step, p.Round)
	}
	return nil
}

// foresee takes the furthest of the ports that the server saw for the last one: an earlier SYN may have been overtaken.
// What lies between two of them others have taken. A NAT that counts only where it cannot keep the inside port has kept
// it for the first destination: that port is none of the counter's.
func foresee(c Classification, from uint16, seen []netip.AddrPort) (prediction, error) {
	counted := slices.DeleteFunc(slices.Clone(seen), func(s netip.AddrPort) bool { return s.Port() == from })
	if len(counted) > 0 {
		seen = counted
	}
	if len(seen) == 0 {
		return prediction{}, errors.New("the server saw no connection of ours")
	}
	p := prediction{Last: seen[0].Port(), Step: c.Ports.Step}
	for _, s := range seen[1:] {
		ahead := int16(s.Port() - p.Last) // round the end of the range, too
		if p.Step < 0 {
			ahead = -ahead
		}
		if ahead > 0 {
			p.Last = s.Port()
		}
	}
	return p, nil
}

// errBlind: what is needed of the server did not come. It may the next time.
var errBlind = errors.New("the server does not help")

// predict learns where the counter of our NATs stands, by fresh connections to the server, in two round trips to it. It
// is of use as the last thing before the punch, since it moves the counter as well.
func (a *attempt) predict(ctx context.Context, us Classification, from uint16) (prediction, error) {
	seen, err := a.survey.look(ctx, from, a.survey.reachable())
	if err != nil {
		return prediction{}, blind(ctx, err)
	}
	p, err := foresee(us, from, seen)
	if err != nil {
		return prediction{}, blind(ctx, err)
	}
	return p, nil
}

func blind(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", errBlind, err)
}

// foothold is a local port that nothing has left from before, so that whatever leaves from it is given a new external
// port. What is accepted there goes to the arbiter: behind a NAT that filters by address, the peer's SYN may come
// from another endpoint than the one that was dialled.
type foothold struct {
	port      uint16
	listener  *net.TCPListener
	accepting sync.WaitGroup
}

func (a *attempt) foothold(ctx context.Context) (*foothold, error) {
	listener, err := listen(a.network, netip.AddrPortFrom(netip.IPv4Unspecified(), freshPort))
	if err != nil {
		return nil, err
	}
	s := &foothold{port: listener.Addr().(*net.TCPAddr).AddrPort().Port(), listener: listener}
	s.accepting.Go(func() { a.accept(ctx, listener) })
	return s, nil
}

// close waits until nothing is accepted any more.
func (s *foothold) close() {
	_ = s.listener.Close()
	s.accepting.Wait()
}

const (
	// standLife is how long an unanswered SYN is kept. The kernel sends it again after a second, with the ordinary TTL
	// (RFC 6298, 2.1; TCP_TIMEOUT_INIT of include/net/tcp.h), and a NAT that answers would then kill it.
	standLife = 900 * time.Millisecond
	// retakes is how often a refused SYN is sent again from the port that was foretold. Each time it may get the next
	// port of the NAT, and the window of the peer has room for a few.
	retakes = 3
)

// patience is how long a round waits for its end: a word of the peer's and then its SYN are under way. Of a path on
// which that takes longer than standLife, the peer's SYN has left before the kernel repeats ours.
func (a *attempt) patience(round int) time.Duration {
	longest := max(standLife, 2*a.rtt+silenceSlack)
	if a.rtt <= 0 {
		return longest
	}
	return min(silence(a.rtt, round)+a.rtt/2, longest)
}

// fuse is the TTL by which our SYN dies before the peer's NATs refuse it, or theirs as one that crosses it, or 0 where they
// do not, or it cannot.
func (a *attempt) fuse(us, them Classification) int {
	switch {
	case !refuses(them) && !shuns(them) || !arms(us):
		return 0
	case !canArm:
		a.note("this system cannot send a SYN that dies on its way and keep its socket: it is timed instead")
		return 0
	}
	return us.ArmingTTL
}

// entangled tells that the peer's NATs, by refusing one of our SYNs, close what the others need as well: they share
// one mapping where that is by address, and one permission where filtering is, and a RST ends both with many a NAT
// (nf_conntrack_tcp_packet of net/netfilter/nf_conntrack_proto_tcp.c; RFC 7857 section 2.2 wants it otherwise). Only
// the best guess is worth a SYN then.
func entangled(own, other Classification) bool {
	return refuses(other) && (own.Mapping == AddressDependent || own.Cone() && own.Filtering == AddressDependent)
}

// stand sends a SYN from the port that the peer is told to expect us behind, and waits for the peer's. Say tells it.
//
// What may be refused is armed and leaves first. Anything else leaves as long after the word as the word takes to the
// peer, at most half of what the server says a round trip is: when it arrives, the peer's own has left, and they cross.
// A refused SYN is sent again from the same port, where the peer's window may still meet it.
func (a *attempt) stand(ctx context.Context, s shot, say func() error) error {
	if s.ttl > 0 {
		d, err := a.launch(s)
		if err != nil {
			return err
		}
		if err := say(); err != nil {
			d.close()
			return blind(ctx, err)
		}
		return a.stay(ctx, d)
	}
	if err := say(); err != nil {
		return blind(ctx, err)
	}
	pause(ctx, time.Now().Add(a.rtt/2))
	for sent := 1; ; sent++ {
		born := time.Now()
		err := a.fire(ctx, s)
		if !errors.Is(err, errRefused) || sent > retakes {
			return err
		}
		pause(ctx, born.Add(minSYNGap))
	}
}

// stands repeats rounds in which a port is foretold, each after the one before has come to nothing, until ctx ends.
func (a *attempt) stands(ctx context.Context, round func(n int) error) error {
	for n := 0; ctx.Err() == nil; n++ {
		begun := time.Now()
		err := round(n)
		switch {
		case errors.Is(err, errSpent):
			<-ctx.Done() // the peer may still reach our listener
		case errors.Is(err, errBlind):
			a.note("no port could be foretold: %v", err)
			pause(ctx, begun.Add(a.patience(n)))
		case fatal(err):
			return err
		}
		pause(ctx, begun.Add(minSYNGap))
	}
	return nil
}

// chase answers each of the peer's notes of one kind by SYNs, in place of those for the one before, until ctx ends.
func chase[T any](ctx context.Context, a *attempt, say string, answer func(context.Context, T) error) error {
	chasing, end := context.WithCancelCause(ctx)
	defer end(nil)
	var flying sync.WaitGroup
	defer flying.Wait()
	stop := func() {}
	defer func() { stop() }()
	for {
		told, err := newest[T](chasing, a, say)
		stop()
		flying.Wait() // a window that overlaps the one before needs its endpoints
		switch {
		case ctx.Err() != nil:
			return nil
		case chasing.Err() != nil:
			return context.Cause(chasing)
		case err != nil:
			a.note("%v", err)
			continue
		}
		var round context.Context
		round, stop = context.WithCancel(chasing)
		flying.Go(func() {
			if err := answer(round, told); fatal(err) {
				end(err)
			}
		})
	}
}

// newest is hear, but for notes that have been overtaken by others.
func newest[T any](ctx context.Context, a *attempt, say string) (with T, err error) {
	for with, err = hear[T](ctx, a, say); ; {
		select {
		case text := <-a.heard(say):
			var later T
			if json.Unmarshal(text, &later) == nil {
				with, err = later, nil
			}
		default:
			return with, err
		}
	}
}

// forget drops notes that nobody has heard: they are of a round that is over.
func (a *attempt) forget(says ...string) {
	for _, say := range says {
		for box := a.heard(say); len(box) > 0; {
			<-box
		}
	}
}

// salvo sends a few SYNs at once, in their order, says so, and stays with all of them until each has come to nothing.
func (a *attempt) salvo(ctx context.Context, shots []shot, say func() error) error {
	flying, err := a.volley(shots)
	switch {
	case err != nil && len(flying) == 0:
		return err
	case err != nil:
		a.note("only %d of %d SYNs could be sent: %v", len(flying), len(shots), err)
	}
	var all sync.WaitGroup
	fates := make([]error, len(flying))
	for i, d := range flying {
		all.Go(func() { fates[i] = a.stay(ctx, d) })
	}
	failed := say()
	all.Wait()
	for _, fate := range fates {
		if fatal(fate) {
			return fate
		}
	}
	if failed != nil {
		return blind(ctx, failed)
	}
	return nil
}
