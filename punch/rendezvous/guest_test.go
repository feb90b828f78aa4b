package rendezvous

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"runtime"
	"testing"
	"time"
)

// serve runs a server on loopback until the test ends, and checks that nothing of it is left then.
func serve(t testing.TB, server *Server) netip.AddrPort {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(false) // as package punch listens
	ln, err := config.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		server.mu.Lock()
		defer server.mu.Unlock()
		if len(server.clients) != 0 || len(server.meetings) != 0 {
			t.Errorf("%d clients and %d meetings are left", len(server.clients), len(server.meetings))
		}
	})
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

// guest is a client under test control.
type guest struct {
	*Client
	hello    Hello
	observed netip.AddrPort
	held     int // how many of its notes the server holds for certain
	told     int // how many it has told: some may be on their way to the server
}

func dial(t testing.TB, at netip.AddrPort) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // a test that hangs says where
	return conn.(*net.TCPConn)
}

// visit connects and says hello with a fresh identity.
func visit(t testing.TB, at netip.AddrPort, meeting ID) *guest {
	t.Helper()
	g, err := tryVisit(t, at, meeting)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func tryVisit(t testing.TB, at netip.AddrPort, meeting ID) (g *guest, err error) {
	t.Helper()
	g = &guest{Client: NewClient(dial(t, at)), hello: someHello()}
	g.hello.Meeting = meeting
	welcome, err := g.Hello(t.Context(), g.hello)
	g.observed = welcome.Observed
	return g, err
}

// pair introduces two guests to each other.
func pair(t testing.TB, at netip.AddrPort) (a, b *guest) {
	t.Helper()
	meeting := NewID()
	a, b = visit(t, at, meeting), visit(t, at, meeting)
	introduced(t, a, b)
	return a, b
}

func introduced(t testing.TB, a, b *guest) {
	t.Helper()
	for _, side := range [][2]*guest{{a, b}, {b, a}} {
		met, err := side[0].Introduction(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		other := side[1].hello
		want := Peer{ID: other.Peer, Nonce: other.Nonce, Observed: side[1].observed, Strategy: other.Strategy}
		want.Notes = max(side[1].held, min(met.Peer.Notes, side[1].told, MaxHeld))
		if got := met.Peer; !reflect.DeepEqual(got, want) {
			t.Errorf("introduced to %+v, want %+v", got, want)
		}
		if runtime.GOOS == "linux" && (met.RTT <= 0 || met.RTT > time.Second) {
			t.Errorf("a round trip of %s on loopback", met.RTT)
		}
	}
}

func refusedAs(t testing.TB, err error, code Code) {
	t.Helper()
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != code {
		t.Errorf("got %v, want a refusal with code %s", err, code)
	}
}

// errorLine reads the error that the server ends a conversation with.
func errorLine(conn net.Conn) error {
	_, err := expect[*bare](context.Background(), NewClient(conn))
	return err
}
