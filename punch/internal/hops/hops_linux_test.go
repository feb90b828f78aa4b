package hops

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// walk collects what becomes of so many SYNs.
func walk(ctx context.Context, t *testing.T, to netip.AddrPort, ttls int, until time.Time) []Hop {
	t.Helper()
	w, err := Start(to, ttls)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return slices.Collect(w.Hops(ctx, until))
}

// No router is between a host and itself: whatever answers is reached, a reset being an answer. That routers are told
// apart shows in labs (specs).
func TestTheHostItselfIsReachedAtOnce(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := ln.Addr().(*net.TCPAddr).AddrPort()
	later := time.Now().Add(time.Minute)
	want := []Hop{{TTL: 1, Reached: true}, {TTL: 2, Reached: true}, {TTL: 3, Reached: true}}
	if got := walk(t.Context(), t, open, 3, later); !slices.Equal(got, want) {
		t.Errorf("a listener: %+v", got)
	}
	_ = ln.Close()
	if got := walk(t.Context(), t, open, 3, later); !slices.Equal(got, want) {
		t.Errorf("a port that nobody listens on: %+v", got)
	}
	if got := walk(t.Context(), t, open, 3, time.Unix(1, 0)); !slices.Equal(got, want) {
		t.Errorf("what has come before somebody asks counts: %+v", got)
	}
}

// mute is an endpoint that answers no SYN: its listener's queue is full.
func mute(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	loopback := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := errors.Join(unix.Bind(fd, loopback), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*unix.SockaddrInet4).Port))
	conn, err := net.Dial("tcp4", at.String()) // fills it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return at
}

func TestSilenceEnds(t *testing.T) {
	at := mute(t)
	want := []Hop{{TTL: 1}, {TTL: 2}}
	if got := walk(t.Context(), t, at, 2, time.Now().Add(20*time.Millisecond)); !slices.Equal(got, want) {
		t.Errorf("nobody told: %+v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if got := walk(ctx, t, at, 2, time.Now().Add(time.Hour)); len(got) > 0 {
		t.Errorf("a context that ends: %+v", got)
	}
}
