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

// survey finds out what stands between a host and a server, by connections to the server that ask it where they come
// from, and by connections that the server makes to them. Its methods may be called by several goroutines.
type survey struct {
	network   Network
	endpoints []netip.AddrPort // of the server, as it says
	dialPort  uint16           // from which it dials us back; 0: it does not
	rtt       time.Duration    // to the server
	server    netip.Addr       // where we have reached it; what it says of its endpoints is judged by that, see guard

	mu   sync.Mutex
	kept []*line // what look has opened
	sent int     // SYNs and lines, for Cost
}

// Everything that may be silent is waited for until one and a half round trips to the server have passed, and a slack.
// An answer takes one; the half and the slack are for jitter and busy hosts.
const (
	// lineSlack is for a connection to the server and for what it says there, which come unless something is broken.
	// It covers a segment that TCP sends again, after 200 ms at the earliest (TCP_RTO_MIN of include/net/tcp.h).
	lineSlack = 300 * time.Millisecond
	// hopSlack is for an ICMP error or a packet that a NAT turns round. Both come from nearer than the server is.
	hopSlack = 20 * time.Millisecond
)

// until is when something that began at that time counts as silent.
func (s *survey) until(begun time.Time, slack time.Duration) time.Time {
	rtt := s.rtt
	if rtt <= 0 {
		rtt = assumedRTT
	}
	return begun.Add(rtt + rtt/2 + slack)
}

// sighting is one of our connections to the server as both ends see it.
type sighting struct {
	from   netip.AddrPort // where it comes from
	to     netip.AddrPort // where it goes
	mapped netip.AddrPort // where the server sees it come from
	ttl    int            // with which its SYN reached the server; 0: not known
}

// line is a connection to the server, on which it has been asked.
type line struct {
	sighting
	conn   *net.TCPConn
	client *rendezvous.Client
}

func (l *line) close() { reset(l.conn) }

// port is ours.
func (l *line) port() uint16 { return l.from.Port() }

// question is what is asked on a connection besides where it comes from.
type question struct {
	dials []rendezvous.Dial // to be made to it
	first func()            // what is done when it is up, before it is asked; nil: nothing
}

// ask waits for a connection to the server, and asks on it. The server's first answer takes two round trips from the
// SYN on.
func (s *survey) ask(ctx context.Context, d *dialing, q question) (*line, error) {
	conn, err := d.wait(ctx, s.until(d.born, lineSlack))
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", d.shot.to, err)
	}
	l := &line{conn: conn, client: rendezvous.NewClient(conn)}
	soon, cancel := context.WithDeadline(ctx, s.until(time.Now(), lineSlack))
	defer cancel()
	if q.first != nil {
		q.first()
	}
	s.count(1)
	m, err := l.client.Probe(soon, q.dials...)
	if err == nil && !m.Observed.Addr().Is4() {
		err = fmt.Errorf("the server sees us at %s, which is not IPv4", m.Observed)
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("asking %s: %w", d.shot.to, err)
	}
	l.sighting = sighting{from: endpoint(conn.LocalAddr()), to: d.shot.to, mapped: m.Observed, ttl: m.TTL}
	return l, nil
}

// askAll asks on several connections at once, and returns what came of each, nil where nothing did.
func (s *survey) askAll(ctx context.Context, all []*dialing, what func(*dialing) question) ([]*line, error) {
	lines, errs := make([]*line, len(all)), make([]error, len(all))
	var asking sync.WaitGroup
	for i, d := range all {
		asking.Go(func() { lines[i], errs[i] = s.ask(ctx, d, what(d)) })
	}
	asking.Wait()
	return lines, errors.Join(errs...)
}

func nothing(*dialing) question { return question{} }

// outcome waits for what became of one dial-back that was asked for. Impossible stands for a server that says nothing.
func (s *survey) outcome(ctx context.Context, l *line) rendezvous.Dialled {
	soon, cancel := context.WithDeadline(ctx, s.until(time.Now(), lineSlack))
	defer cancel()
	told, err := l.client.Dialled(soon)
	if err != nil {
		return rendezvous.Dialled{Outcome: rendezvous.Impossible}
	}
	return told
}

func (s *survey) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent += n
}

// look opens one connection from a local port, which others may share, to each of the given endpoints of the server to
// which there is none from there yet, and returns where the server sees them come from, in the order in which their
// SYNs left. They stay open until close, so that their mappings live. It takes two round trips to the server, and its
// SYNs leave at once, in one visit to the network. An error means that the server has seen none.
func (s *survey) look(ctx context.Context, from uint16, endpoints []netip.AddrPort) ([]netip.AddrPort, error) {
	var shots []shot
	for _, at := range endpoints {
		shots = append(shots, shot{from: from, to: at})
	}
	dials, err := volley(s.network, shots)
	if err != nil {
		closeAll(dials)
		return nil, fmt.Errorf("looking at our own NAT: %w", err)
	}
	s.count(len(dials))
	lines, err := s.askAll(ctx, dials, nothing)
	var seen []netip.AddrPort
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range lines {
		if l != nil {
			s.kept, seen = append(s.kept, l), append(seen, l.mapped)
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(seen) == 0:
		return nil, fmt.Errorf("looking at our own NAT: %w", errors.Join(errUnseen, err))
	}
	return seen, nil
}

// errUnseen: nothing could be learnt of our NAT.
var errUnseen = errors.New("the server has seen no connection of ours")

func closeAll(dials []*dialing) {
	for _, d := range dials {
		d.close()
	}
}

// close ends what look has opened.
func (s *survey) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.kept {
		l.close()
	}
	s.kept = nil
}

// reachable lists the server's endpoints that may be dialled. They are the server's own words: it must not have us dial
// into our own networks.
func (s *survey) reachable() (all []netip.AddrPort) {
	judge := s.guard()
	for _, at := range s.endpoints {
		if judge.pass(at, 1) == nil {
			all = append(all, at)
		}
	}
	return all
}

// guard judges an endpoint that the server names.
func (s *survey) guard() *guard {
	return &guard{server: s.server, prefixes: func() []netip.Prefix { return prefixesOf(s.network) }}
}
