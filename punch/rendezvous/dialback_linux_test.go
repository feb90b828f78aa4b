package rendezvous

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dialling is a server that names a second address and has a port for dial-backs.
func dialling(t *testing.T) *Server {
	_, port := boundSocket(t)
	return &Server{DialPort: port, Endpoints: []netip.AddrPort{
		netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.2:1")}}
}

// dials asks for both dial-backs and returns what became of them.
func dials(t *testing.T, c *Client) map[Dial]Dialled {
	t.Helper()
	if _, err := c.Probe(t.Context(), OtherAddress, OtherPort); err != nil {
		t.Fatal(err)
	}
	got := make(map[Dial]Dialled)
	for range 2 {
		d, err := c.Dialled(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got[d.Which] = d
	}
	if len(got) != 2 {
		t.Fatalf("told of %v only", got)
	}
	return got
}

// came wants both dial-backs with that outcome, from where they ought to come.
func came(t *testing.T, s *Server, got map[Dial]Dialled, want Outcome) {
	t.Helper()
	for which, from := range map[Dial]string{OtherPort: "127.0.0.1", OtherAddress: "127.0.0.2"} {
		d := Dialled{Which: which, Outcome: want, From: netip.AddrPortFrom(netip.MustParseAddr(from), s.DialPort)}
		if got[which] != d {
			t.Errorf("got %+v, want %+v", got[which], d)
		}
	}
}

func TestDialBackToAListener(t *testing.T) {
	server := dialling(t)
	at := serve(t, server)
	config := net.ListenConfig{Control: shared}
	ln, err := config.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c := prober(t, ln.Addr().(*net.TCPAddr).AddrPort().Port(), at)
	for range MaxProbes {
		got := dials(t, c)
		came(t, server, got, Connected)
		from := make(map[netip.AddrPort]bool)
		for range got {
			conn, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			from[plain(conn.RemoteAddr())] = true
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the dial-back ended with %v, not with a reset", err)
			}
			_ = conn.Close()
		}
		if !from[got[OtherPort].From] || !from[got[OtherAddress].From] {
			t.Errorf("accepted from %v, told of %v", from, got)
		}
	}
}

func TestDialBackThatIsReset(t *testing.T) {
	server := dialling(t)
	at := serve(t, server)
	_, port := boundSocket(t)
	c := prober(t, port, at)
	for range MaxProbes {
		came(t, server, dials(t, c), Reset)
	}
}

// mute makes a listener that answers no SYN: its backlog is full (tcp_conn_request in net/ipv4/tcp_input.c).
func mute(t *testing.T) (port uint16) {
	t.Helper()
	fd, port := boundSocket(t)
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	filler, err := net.Dial("tcp4", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = filler.Close() })
	return port
}

func TestDialBackThatNobodyAnswers(t *testing.T) {
	server := dialling(t)
	at := serve(t, server)
	came(t, server, dials(t, prober(t, mute(t), at)), Silent)
}

func TestDialBacksThatAreImpossible(t *testing.T) {
	for name, c := range map[string]struct {
		spoil                 func(*Server)
		otherPort, otherAddr  Outcome
		whyPort, whyOtherAddr string
	}{
		"no port": {func(s *Server) { s.DialPort = 0 }, Impossible, Impossible,
			"makes no dial-backs", "makes no dial-backs"},
		"one address":    {func(s *Server) { s.Endpoints = s.Endpoints[:1] }, Reset, Impossible, "", "no other address"},
		"the listener's": {func(s *Server) { s.Endpoints = nil }, Reset, Impossible, "", "no other address"},
		"not its own": {func(s *Server) { s.Endpoints[1] = netip.MustParseAddrPort("203.0.113.2:1") },
			Reset, Impossible, "", "bind: cannot assign requested address"},
		"another family": {func(s *Server) { s.Endpoints[1] = netip.MustParseAddrPort("[::1]:1") },
			Reset, Impossible, "", "no other address"},
		"a broken network": {func(s *Server) { s.Network = brokenNetwork{} }, Impossible, Impossible, "broken", "broken"},
		"too many": {func(s *Server) { drain(&s.allowance, "127.0.0.1", time.Now().Add(time.Hour), 100) },
			Impossible, Impossible, "too many dial-backs, try again later", "too many dial-backs, try again later"},
	} {
		t.Run(name, func(t *testing.T) {
			server := dialling(t)
			c.spoil(server)
			at := serve(t, server)
			_, port := boundSocket(t)
			got := dials(t, prober(t, port, at))
			if p := got[OtherPort]; p.Outcome != c.otherPort || !strings.Contains(p.Why, c.whyPort) {
				t.Errorf("got %+v, want %s: %s", p, c.otherPort, c.whyPort)
			}
			if a := got[OtherAddress]; a.Outcome != c.otherAddr || !strings.Contains(a.Why, c.whyOtherAddr) {
				t.Errorf("got %+v, want %s: %s", a, c.otherAddr, c.whyOtherAddr)
			}
		})
	}
}

type brokenNetwork struct{}

func (brokenNetwork) Do(func() error) error { return errBroken }

// The bucket is the address's and not the connection's; a reset of the server fills it.
func TestDialBacksOfManyConnections(t *testing.T) {
	server := dialling(t)
	at := serve(t, server)
	drain(&server.allowance, "127.0.0.1", time.Now().Add(time.Hour), clientBurst)
	_, port := boundSocket(t)
	for _, d := range dials(t, prober(t, port, at)) {
		if d.Outcome != Impossible {
			t.Errorf("one too many is %+v", d)
		}
	}
	server.Reset()
	_, port = boundSocket(t)
	came(t, server, dials(t, prober(t, port, at)), Reset)
}

type countingNetwork struct{ entered atomic.Int32 }

func (n *countingNetwork) Do(f func() error) error {
	n.entered.Add(1)
	return f()
}

func TestDialBacksAreBornInTheServersNetwork(t *testing.T) {
	network := new(countingNetwork)
	server := dialling(t)
	server.Network = network
	_, port := boundSocket(t)
	came(t, server, dials(t, prober(t, port, serve(t, server))), Reset)
	if n := network.entered.Load(); n != 2 {
		t.Errorf("entered %d times", n)
	}
}

func TestADialBackEndsWithItsContext(t *testing.T) {
	_, from := boundSocket(t)
	loopback := netip.MustParseAddr("127.0.0.1")
	ctx, cancel := context.WithCancel(t.Context())
	type result struct {
		outcome Outcome
		err     error
	}
	ended := make(chan result, 1)
	to := netip.AddrPortFrom(loopback, mute(t))
	go func() {
		outcome, _, err := knock(ctx, here{}, netip.AddrPortFrom(loopback, from), to, time.Minute)
		ended <- result{outcome, err}
	}()
	cancel()
	if got := <-ended; got.outcome != "" || !errors.Is(got.err, context.Canceled) {
		t.Errorf("ended with %q, %v", got.outcome, got.err)
	}
}

// gatedNetwork tells when a SYN has left.
type gatedNetwork struct{ left chan struct{} }

func (n gatedNetwork) Do(f func() error) error {
	defer func() { n.left <- struct{}{} }()
	return f()
}

// Reset waits for dial-backs that are under way, and nothing of them stays.
func TestResetDuringDialBacks(t *testing.T) {
	server := dialling(t)
	network := gatedNetwork{make(chan struct{}, 2)}
	server.Network = network
	at := serve(t, server)
	port := mute(t)
	goroutines, descriptors := held(t)
	for range 20 {
		conn := prober(t, port, at)
		if _, err := conn.Probe(t.Context(), OtherPort, OtherAddress); err != nil {
			t.Fatal(err)
		}
		<-network.left
		<-network.left
		server.Reset()
		_ = conn.Close()
	}
	var g, d int
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if g, d = held(t); g <= goroutines && d <= descriptors {
			return // the poller and context's own goroutines take a moment
		}
	}
	t.Errorf("%d goroutines, were %d; %d descriptors, were %d", g, goroutines, d, descriptors)
}

// held counts the goroutines and descriptors of the process.
func held(t *testing.T) (goroutines, descriptors int) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return runtime.NumGoroutine(), len(open)
}

// A SYN that cannot leave, from an address that is not ours, keeps no socket.
func TestASYNThatCannotLeaveKeepsNoSocket(t *testing.T) {
	const tries = 50
	_, before := held(t)
	for range tries {
		if _, err := sendSYN(netip.MustParseAddrPort("192.0.2.1:0"), netip.MustParseAddrPort("127.0.0.1:1")); err == nil {
			t.Fatal("a SYN left from an address that is not ours")
		}
	}
	if _, after := held(t); after-before >= tries/2 {
		t.Errorf("%d descriptors more after %d tries", after-before, tries)
	}
}
