package rendezvous

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// keepAlive finds the clients that are gone without a word, having lost their network: each would keep its seat in a
// meeting, and be introduced to its own successor, for as long as WaitTimeout. A connection on which nothing came for
// 15 seconds is probed every five; three probes without an answer end it, 30 seconds after it fell silent. A
// conversation without longer pauses sees no probe.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// maxTurnedAway is how many connections beyond MaxClients are told so at once. More are closed without a word.
const maxTurnedAway = 64

// Defaults of a Server's limits.
const (
	DefaultMaxClients   = 4096
	DefaultHelloTimeout = 10 * time.Second
	DefaultWaitTimeout  = 10 * time.Minute
	DefaultWriteTimeout = 5 * time.Second
	DefaultRelayIdle    = 5 * time.Minute
)

// Network is where the sockets of one host are born. Do runs f there, once, and returns its error. f opens and binds
// sockets and starts non-blocking connects; it never waits. Package punch has the same interface.
type Network interface {
	Do(f func() error) error
}

// Server introduces peers, and tells clients how their NATs treat them. The zero value is ready to serve; a field that
// is zero has its default. The fields must not change once Serve is called. Every client costs one goroutine and about
// 10 KiB, 8 KiB more while its notes are held, and 32 KiB more while it is relayed.
//
// The server switches TCP keep-alive on: a client that has lost its network loses its place after 30 seconds. The TTL
// of a client's SYN it knows on Linux, if the listener is plain TCP without multipath and the SYN came during Serve.
type Server struct {
	MaxClients   int           // how many connections at once; the next is refused
	HelloTimeout time.Duration // how long a client may take to say hello
	WaitTimeout  time.Duration // how long a client may wait for its peer, and how long it may stay after the introduction
	WriteTimeout time.Duration // how long one write to a client may take
	RelayIdle    time.Duration // how long a relay may stand still in both directions

	// Endpoints is where clients reach the server, MaxEndpoints at most: what they are told, and where the other
	// address of a dial-back is taken from. Two addresses with two ports each let a client find out all of its NAT's
	// mapping (RFC 5780, 4.3). Empty: the listeners' own, but for wildcards.
	Endpoints []netip.AddrPort
	// DialPort is where dial-backs come from, on each address. Nothing may listen on it, so that no client has ever
	// sent anything to it. Zero: no dial-backs.
	DialPort uint16
	// Network is where the sockets of dial-backs are born. Nil: the process's own.
	Network Network

	mu         sync.Mutex
	clients    map[*client]struct{}
	turnedAway int // how many of them are too many, and being told so
	meetings   map[ID]*meeting
	endpoints  []netip.AddrPort // Endpoints, or what stands for them

	allowance allowance // of dial-backs
}

// Serve answers clients on all listeners until ctx ends, and then returns nil; an error of a listener ends it too, and
// bad Endpoints do not let it begin.
// When it returns, the listeners and the connections of all clients are closed and its goroutines have ended.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) (err error) {
	if err := s.prepare(listeners); err != nil {
		closeAll(listeners)
		return fmt.Errorf("rendezvous: %w", err)
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	broken := make(chan error, len(listeners))
	var accepting sync.WaitGroup
	for _, ln := range listeners {
		accepting.Go(func() {
			if err := s.accept(serving, ln); err != nil {
				broken <- fmt.Errorf("rendezvous on %s: %w", ln.Addr(), err)
			}
		})
	}
	select {
	case <-ctx.Done():
	case err = <-broken:
	}
	stop()
	closeAll(listeners)
	accepting.Wait()
	s.Reset()
	return err
}

func closeAll(listeners []net.Listener) {
	for _, ln := range listeners {
		_ = ln.Close()
	}
}

// prepare finds out where the server is reached, and has the kernel keep what synTTL wants to know.
func (s *Server) prepare(listeners []net.Listener) error {
	if err := endpoints("Endpoints", s.Endpoints, MaxEndpoints); err != nil {
		return err
	}
	all := slices.Clone(s.Endpoints)
	for _, ln := range listeners {
		saveSYNs(ln)
		at := plain(ln.Addr())
		if len(s.Endpoints) == 0 && len(all) < MaxEndpoints && endpoint("", at) == nil {
			all = append(all, at)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoints = all
	return nil
}

// reachable is where clients reach the server. The caller must not change it.
func (s *Server) reachable() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoints
}

// Reset closes the connections of all clients with a TCP reset, ends their dial-backs, forgets all meetings and how
// many dial-backs there were, and goes on serving. It returns when nothing of those clients is left. A lab calls it
// between trials: no connection stays behind in TIME-WAIT.
func (s *Server) Reset() {
	s.mu.Lock()
	clients := slices.Collect(maps.Keys(s.clients))
	clear(s.meetings)
	s.mu.Unlock()
	for _, c := range clients {
		c.abort()
	}
	for _, c := range clients {
		<-c.ended
	}
	s.allowance.forget()
}

// acceptPause is how long accepting rests after an error that may pass, such as too many open files. A busy server
// frees descriptors within that time, and an idle one hardly notices.
const acceptPause = 50 * time.Millisecond

func (s *Server) accept(ctx context.Context, ln net.Listener) error {
	for ctx.Err() == nil {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			s.admit(conn)
		case passing(err):
			select {
			case <-ctx.Done():
			case <-time.After(acceptPause):
			}
		case ctx.Err() == nil:
			return err
		}
	}
	return nil
}

// admit starts a client's session, or turns it away.
func (s *Server) admit(conn net.Conn) {
	c := newClient(s, conn)
	if !s.register(c) {
		c.abort()
		return
	}
	go func() {
		defer s.dismiss(c)
		if c.tooMany {
			c.refuse(&Error{CodeFull, "too many clients; try again later"})
			return
		}
		c.session()
	}()
}

// register finds a place for the client, if only among those that are turned away.
func (s *Server) register(c *client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.tooMany = len(s.clients)-s.turnedAway >= or(s.MaxClients, DefaultMaxClients)
	if c.tooMany {
		if s.turnedAway >= maxTurnedAway {
			return false
		}
		s.turnedAway++
	}
	if s.clients == nil {
		s.clients, s.meetings = make(map[*client]struct{}), make(map[ID]*meeting)
	}
	s.clients[c] = struct{}{}
	return true
}

// dismiss forgets a client whose session has ended.
func (s *Server) dismiss(c *client) {
	_ = c.conn.Close()
	s.mu.Lock()
	delete(s.clients, c)
	if c.tooMany {
		s.turnedAway--
	}
	s.mu.Unlock()
	close(c.ended)
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
