package rendezvous

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestAPeerThatVanishesBeforeTheIntroduction(t *testing.T) {
	at := serve(t, new(Server))
	for _, leave := range []func(*guest){
		func(g *guest) { _ = g.Close() },
		func(g *guest) { _ = g.conn.(*net.TCPConn).SetLinger(0); _ = g.Close() },
		func(g *guest) { _ = g.Bye(t.Context()) },
	} {
		meeting := NewID()
		gone := visit(t, at, meeting)
		leave(gone)
		_, _ = io.Copy(io.Discard, gone.conn) // ends when the server has closed, if this end has not
		a := visitOnceFree(t, at, meeting, gone)
		introduced(t, a, visit(t, at, meeting))
	}
}

// visitOnceFree visits again while the server has not noticed that the first one has gone.
func visitOnceFree(t *testing.T, at netip.AddrPort, meeting ID, gone *guest) *guest {
	t.Helper()
	for {
		g, err := tryVisit(t, at, meeting)
		if err != nil {
			refusedAs(t, err, CodeBusy)
			continue
		}
		soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		met, err := g.Introduction(soon)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return g
		}
		if err != nil || met.Peer.ID != gone.hello.Peer {
			t.Fatalf("introduced to %+v, %v", met.Peer, err)
		}
		_ = g.Close()
	}
}

func TestAPeerThatLeavesAfterTheIntroduction(t *testing.T) {
	for how, leave := range map[Departure]func(*guest){
		SaidBye:  func(g *guest) { _ = g.Bye(t.Context()) },
		Vanished: func(g *guest) { _ = g.Close() },
	} {
		at := serve(t, new(Server))
		a, b := pair(t, at)
		leave(a)
		if got, err := departure(t.Context(), b); got != how || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, how)
		}
		introduced(t, visit(t, at, a.hello.Meeting), visit(t, at, a.hello.Meeting)) // a new meeting, though b is still there
	}
}

// departure waits until the server tells that the other peer has left, and how, whatever the peer tells before.
func departure(ctx context.Context, c *guest) (Departure, error) {
	for {
		e, err := c.Next(ctx)
		if err != nil || e.Left != "" {
			return e.Left, err
		}
	}
}
