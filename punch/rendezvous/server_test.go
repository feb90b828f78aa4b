package rendezvous

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestIntroduction(t *testing.T) {
	at := serve(t, new(Server))
	a, b := pair(t, at)
	for _, g := range []*guest{a, b} {
		if local := g.conn.LocalAddr().(*net.TCPAddr).AddrPort(); g.observed != local {
			t.Errorf("observed at %s, is at %s", g.observed, local)
		}
	}
}

func TestManyMeetingsAtOnce(t *testing.T) {
	at := serve(t, new(Server))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			meeting := NewID()
			a, b := visit(t, at, meeting), visit(t, at, meeting)
			introduced(t, a, b)
		})
	}
	all.Wait()
}

func TestTwoListenersAreOneServer(t *testing.T) {
	server := new(Server)
	var at [2]netip.AddrPort
	var lns []net.Listener
	for i := range at {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at[i], lns = ln.Addr().(*net.TCPAddr).AddrPort(), append(lns, ln)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, lns...) }()
	meeting := NewID()
	introduced(t, visit(t, at[0], meeting), visit(t, at[1], meeting))
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestServeTellsOfABrokenListener(t *testing.T) {
	good, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = new(Server).Serve(t.Context(), good, brokenListener{good})
	if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), good.Addr().String()) {
		t.Errorf("Serve: %v", err)
	}
	if _, err := good.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the other listener is still open: %v", err)
	}
}

var errBroken = errors.New("broken")

type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errBroken }

func TestResetSparesTheServer(t *testing.T) {
	server := new(Server)
	at := serve(t, server)
	meeting := NewID()
	a := visit(t, at, meeting)
	server.Reset()
	if _, err := a.Introduction(t.Context()); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is still open: %v", err)
	}
	introduced(t, visit(t, at, meeting), visit(t, at, meeting)) // a's place is free
}

// Whatever ended the context, it was not the server's fault.
func TestServeDoesNotTellWhyItsContextEnded(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the caller has had enough"))
	if err := new(Server).Serve(ctx, ln); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- new(Server).Serve(ctx, ln) }()
	at := ln.Addr().(*net.TCPAddr).AddrPort()
	a, _ := pair(t, at)
	silent := dial(t, at)
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Serve goes on")
	}
	for _, conn := range []net.Conn{a.conn, silent} {
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection is still open: %v", err)
		}
	}
}
