package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

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
type Server struct {
	MaxClients   int           // how many connections at once; the next is refused
	HelloTimeout time.Duration // how long a client may take to say hello
	WaitTimeout  time.Duration // how long a client may wait for its peer, and how long it may stay after the introduction
	WriteTimeout time.Duration // how long one write to a client may take
	RelayIdle    time.Duration // how long a relay may stand still in both directions

	mu       sync.Mutex
	clients  map[*client]struct{}
	meetings map[ID]*meeting
}

// Serve answers clients on all listeners until ctx ends, and then returns nil; an error of a listener ends it too.
// When it returns, the listeners and the connections of all clients are closed and its goroutines have ended.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var accepting sync.WaitGroup
	for _, ln := range listeners {
		accepting.Go(func() {
			if err := s.accept(ctx, ln); err != nil {
				cancel(fmt.Errorf("rendezvous on %s: %w", ln.Addr(), err))
			}
		})
	}
	<-ctx.Done()
	for _, ln := range listeners {
		_ = ln.Close()
	}
	accepting.Wait()
	s.Reset()
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return cause
	}
	return nil
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
	for {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			s.admit(conn)
		case ctx.Err() != nil:
			return nil
		case !passing(err):
			return err
		default:
			select {
			case <-ctx.Done():
			case <-time.After(acceptPause):
			}
		}
	}
}

// admit starts a client's session.
func (s *Server) admit(conn net.Conn) {
	c := newClient(s, conn)
	s.mu.Lock()
	full := len(s.clients) >= or(s.MaxClients, DefaultMaxClients)
	if !full {
		if s.clients == nil {
			s.clients, s.meetings = make(map[*client]struct{}), make(map[ID]*meeting)
		}
		s.clients[c] = struct{}{}
	}
	s.mu.Unlock()
	if full {
		_ = c.write(&failure{Type: typeError, Code: CodeFull, Message: "too many clients; try again later"})
		_ = conn.Close()
		return
	}
	go func() {
		defer s.dismiss(c)
		c.session()
	}()
}

// dismiss forgets a client whose session has ended.
func (s *Server) dismiss(c *client) {
	_ = c.conn.Close()
	s.mu.Lock()
	delete(s.clients, c)
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
