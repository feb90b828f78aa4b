package rendezvous

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// relayedPair has both guests of a pair on the relay.
func relayedPair(t testing.TB, at netip.AddrPort) (a, b net.Conn) {
	t.Helper()
	first, second := pair(t, at)
	got := make(chan net.Conn, 1)
	go func() {
		defer close(got)
		if conn, err := first.Relay(context.Background()); err == nil {
			got <- conn
		}
	}()
	b, err := second.Relay(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a = <-got; a == nil {
		t.Fatal("the first peer got no relay")
	}
	return a, b
}

func TestRelayCarriesBytesBothWays(t *testing.T) {
	a, b := relayedPair(t, serve(t, new(Server)))
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB, more than any buffer on the way
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		sent := make(chan error, 1)
		go func() {
			_, err := way[0].Write(large)
			sent <- errors.Join(err, way[0].(interface{ CloseWrite() error }).CloseWrite())
		}()
		got, err := io.ReadAll(way[1]) // the end of input comes through too, and leaves the other way open
		if err = errors.Join(err, <-sent); err != nil || !bytes.Equal(got, large) {
			t.Fatalf("%d of %d bytes, %v", len(got), len(large), err)
		}
	}
}

// The first bytes may come in one piece with the server's last line.
func TestRelayedBytesRightBehindTheLine(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := NewClient(ours)
	go func() {
		_, _ = io.ReadFull(theirs, make([]byte, len(`{"type":"relay"}`)+1))
		_, _ = io.WriteString(theirs, `{"type":"relaying"}`+"\nfirst")
	}()
	conn, err := c.Relay(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestRelayEndsForBothWhenOnePeerVanishes(t *testing.T) {
	a, b := relayedPair(t, serve(t, new(Server)))
	_ = a.(relayed).NetConn().(*net.TCPConn).SetLinger(0)
	_ = a.Close()
	if _, err := b.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the other end is still open: %v", err)
	}
}

func TestRelayThatStandsStill(t *testing.T) {
	a, b := relayedPair(t, serve(t, &Server{RelayIdle: 20 * time.Millisecond}))
	for _, end := range []net.Conn{a, b} {
		if _, err := end.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("still open: %v", err)
		}
	}
}

// One direction is enough to keep a relay alive, for longer than it may stand still.
func TestRelayThatMovesOneWay(t *testing.T) {
	const idle = 300 * time.Millisecond
	a, b := relayedPair(t, serve(t, &Server{RelayIdle: idle}))
	for begun := time.Now(); time.Since(begun) < 2*idle; {
		if _, err := a.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(b, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Write([]byte{2}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(a, make([]byte, 1)); err != nil {
		t.Fatalf("the silent direction has been closed: %v", err)
	}
}

func TestRelayWithoutThePeer(t *testing.T) {
	at := serve(t, new(Server))
	a, b := pair(t, at)
	_ = a.Bye(t.Context())
	if _, err := b.Relay(t.Context()); !errors.Is(err, ErrPeerLeft) {
		t.Errorf("the peer has left, and Relay says %v", err)
	}
}

// The server may not have noticed yet that the peer is gone. Then the relay comes, and ends.
func TestRelayAfterThePeerGaveItUp(t *testing.T) {
	at := serve(t, new(Server))
	a, b := pair(t, at)
	if err := a.send(t.Context(), &bare{Type: typeRelay}); err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	conn, err := b.Relay(t.Context())
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a relay to nobody: %v", err)
	}
}
