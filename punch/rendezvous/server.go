package rendezvous

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// keepAlive finds the clients that are gone without a word, having lost their network: each would keep its seat in a
// meeting, and be introduced to its own successor, for as long as WaitTimeout. A connection on which nothing came for 15
// seconds is probed every five; three probes without an answer end it, 30 seconds after it fell silent. A conversation
// without longer pauses sees no probe.
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

// Server introduces peers. The zero value is ready to serve; a field that is zero has its default. The fields must not
// change once Serve is called. Every client costs one goroutine and about 10 KiB, and 32 KiB more while it is relayed.
//
// The server switches TCP keep-alive on: a client that has lost its network loses its place after 30 seconds.
type Server struct {
	MaxClients   int           // how many connections at once; the next is refused
	HelloTimeout time.Duration // how long a client may take to say hello
	WaitTimeout  time.Duration // how long a client may wait for its peer, and how long it may stay after the introduction
	WriteTimeout time.Duration // how long one write to a client may take
	RelayIdle    time.Duration // how long a relay may stand still in both directions

	mu         sync.Mutex
	clients    map[*client]struct{}
	turnedAway int // how many of them are too many, and being told so
	meetings   map[ID]*meeting
}

// Serve answers clients on all listeners until ctx ends, and then returns nil; an error of a listener ends it too.
// When it returns, the listeners and the connections of all clients are closed and its goroutines have ended.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) (err error) {
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
	for _, ln := range listeners {
		_ = ln.Close()
	}
	accepting.Wait()
	s.Reset()
	return err
}

// Reset closes the connections of all clients with a TCP reset, forgets all meetings, and goes on serving. It returns
// when nothing of those clients is left. A lab calls it between trials: no connection stays behind in TIME-WAIT.
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
