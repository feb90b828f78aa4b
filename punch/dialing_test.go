package punch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// blackHole is an endpoint of loopback that does not answer SYNs: its listener's queue is full.
func blackHole(t *testing.T) netip.AddrPort {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux drops SYNs where the queue is full") // punch runs on other systems too
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	loopback := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := errors.Join(syscall.Bind(fd, loopback), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*syscall.SockaddrInet4).Port))
	conn, err := net.Dial("tcp4", at.String()) // fills it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return at
}

func threads(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here") // punch runs on systems other than Linux too
	}
	for line := range strings.Lines(string(status)) {
		if count, ok := strings.CutPrefix(line, "Threads:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(count))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("/proc/self/status does not count threads")
	return 0
}

func TestPendingConnectsHoldNoThread(t *testing.T) {
	at := blackHole(t)
	before := threads(t)
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range 500 {
		d, err := dial(Here, freshPort, at)
		if err != nil {
			t.Fatal(err)
		}
		waiting.Go(func() {
			if _, err := d.wait(ctx, time.Time{}); !errors.Is(err, context.Canceled) {
				t.Errorf("a pending connect ended with %v", err)
			}
		})
	}
	cancel()
	waiting.Wait()
	if more := threads(t) - before; more > 10 { // the runtime keeps the threads that it has started
		t.Errorf("500 pending connects have started %d threads", more)
	}
}

func TestWait(t *testing.T) {
	ctx := t.Context()
	ln, err := Listen(Here, netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	open := ln.Addr().(*net.TCPAddr).AddrPort()
	for _, c := range []struct {
		name    string
		at      netip.AddrPort
		silence time.Duration
		want    error
	}{
		{"a listener", open, 0, nil},
		{"a listener, in time", open, time.Minute, nil},
		{"nobody", closedPort(t), 0, syscall.ECONNREFUSED},
		{"silence", blackHole(t), 20 * time.Millisecond, os.ErrDeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := dial(Here, freshPort, c.at)
			if err != nil {
				if !errors.Is(err, c.want) { // loopback may answer within connect
					t.Error(err)
				}
				return
			}
			var until time.Time
			if c.silence > 0 {
				until = d.born.Add(c.silence)
			}
			conn, err := d.wait(ctx, until)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if conn != nil {
				_ = conn.Close()
			}
		})
	}
}

// A handshake whose deadline passed unnoticed, this goroutine having been busy, is not thrown away.
func TestAnAnswerAfterTheDeadlineCounts(t *testing.T) {
	ln, err := Listen(Here, netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	d, err := dial(Here, freshPort, ln.Addr().(*net.TCPAddr).AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ln.Accept(); err != nil { // so the handshake is over
		t.Fatal(err)
	}
	conn, err := d.wait(t.Context(), time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

// The port is shared by a listener, the connection to the server, and the SYN to the peer; two connections between the
// same two endpoints are one too many.
func TestOnePortForAll(t *testing.T) {
	_, at := serve(t)
	b, err := open(t.Context(), Here, at, true)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	peer, err := open(t.Context(), Here, at, true)
	if err != nil {
		t.Fatal(err)
	}
	defer peer.close()
	if got := b.listener.Addr().(*net.TCPAddr).AddrPort().Port(); got != b.local().Port() {
		t.Fatalf("listening on %d, connected from %d", got, b.local().Port())
	}
	d, err := dial(Here, b.local().Port(), peer.local())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := d.wait(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.LocalAddr().(*net.TCPAddr).AddrPort(); got != b.local() {
		t.Errorf("dialled from %s, want %s", got, b.local())
	}
	if d, err := dial(Here, peer.local().Port(), b.local()); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		if err == nil {
			d.close()
		}
		t.Errorf("the same connection a second time: %v", err)
	}
}

// tracing counts the visits to a network.
type tracing struct {
	mu     sync.Mutex
	visits int
}

func (n *tracing) Do(f func() error) error {
	n.mu.Lock()
	n.visits++
	n.mu.Unlock()
	return f()
}

// Every socket of an attempt is born in the peer's network: one visit opens the port, and one each SYN.
func TestSocketsAreBornInTheNetwork(t *testing.T) {
	for _, s := range ways() {
		t.Run(s.Name(), func(t *testing.T) {
			_, at := serve(t)
			cfg := config(t, s.Name(), NewSecret(), at)
			var networks [2]tracing
			cfg.Network = &networks[0]
			first := start(t.Context(), cfg)
			cfg.Network = &networks[1]
			second := start(t.Context(), cfg)
			a, b := <-first, <-second
			connected(t, a, b)
			for i, r := range []result{a, b} {
				if got, want := networks[i].visits, 1+r.report.SYNs; got < want {
					t.Errorf("%d visits, want %d at least", got, want)
				}
			}
		})
	}
	broken := errors.New("no such network")
	cfg := config(t, "direct", NewSecret(), netip.MustParseAddrPort("127.0.0.1:1"))
	cfg.Network = brokenNetwork{broken}
	if got := <-start(t.Context(), cfg); !errors.Is(got.err, broken) {
		t.Errorf("got %v", got.err)
	}
}

type brokenNetwork struct{ error }

func (n brokenNetwork) Do(func() error) error { return n.error }
