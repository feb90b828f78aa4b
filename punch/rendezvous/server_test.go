package rendezvous

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve runs a server on loopback until the test ends, and checks that nothing of it is left then.
func serve(t testing.TB, server *Server) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
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
	g.observed, err = g.Hello(t.Context(), g.hello)
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

func TestAThirdClientIsRefused(t *testing.T) {
	at := serve(t, new(Server))
	a, b := pair(t, at)
	_, err := tryVisit(t, at, a.hello.Meeting)
	refusedAs(t, err, CodeBusy)
	if err := a.Bye(t.Context()); err != nil { // the two are not disturbed
		t.Fatal(err)
	}
	if how, err := b.PeerLeft(t.Context()); how != SaidBye || err != nil {
		t.Errorf("the peer left: %q, %v", how, err)
	}
}

func TestTheSamePeerTwiceIsRefused(t *testing.T) {
	at := serve(t, new(Server))
	a := visit(t, at, NewID())
	_, err := NewClient(dial(t, at)).Hello(t.Context(), a.hello)
	refusedAs(t, err, CodeDuplicate)
	introduced(t, a, visit(t, at, a.hello.Meeting)) // a is still waiting
}

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
		if got, err := b.PeerLeft(t.Context()); got != how || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, how)
		}
		introduced(t, visit(t, at, a.hello.Meeting), visit(t, at, a.hello.Meeting)) // a new meeting, though b is still there
	}
}

func TestAClientThatTalksNonsense(t *testing.T) {
	at := serve(t, new(Server))
	for name, text := range map[string]string{
		"garbage":               "\x16\x03\x01\x02\x00\x01\n",
		"http":                  "GET / HTTP/1.1\r\nHost: punch\r\n\r\n",
		"a line without an end": strings.Repeat("x", 1<<20),
		"relay before hello":    `{"type":"relay"}` + "\n",
		"bye before hello":      `{"type":"bye"}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, at)
			go func() { _, _ = io.WriteString(conn, text) }() // the server need not take all of it
			refusedAs(t, errorLine(conn), CodeProtocol)
		})
	}
}

// errorLine reads the error that the server ends a conversation with.
func errorLine(conn net.Conn) error {
	_, err := expect[*bare](context.Background(), NewClient(conn))
	return err
}

func TestMessagesOutOfTurn(t *testing.T) {
	at := serve(t, new(Server))
	t.Run("hello twice", func(t *testing.T) {
		g := visit(t, at, NewID())
		_, err := g.Hello(t.Context(), g.hello)
		refusedAs(t, err, CodeProtocol)
	})
	t.Run("relay before the introduction", func(t *testing.T) {
		_, err := visit(t, at, NewID()).Relay(t.Context())
		refusedAs(t, err, CodeProtocol)
	})
	t.Run("bytes before the relay is there", func(t *testing.T) {
		a, b := pair(t, at)
		if err := a.send(t.Context(), &bare{Type: typeRelay}); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(a.conn, "too early")
		refusedAs(t, errorLine(a.conn), CodeProtocol)
		if how, err := b.PeerLeft(t.Context()); how != Vanished || err != nil {
			t.Errorf("the peer left: %q, %v", how, err)
		}
	})
}

func TestSilence(t *testing.T) {
	at := serve(t, &Server{HelloTimeout: 20 * time.Millisecond, WaitTimeout: 20 * time.Millisecond})
	refusedAs(t, errorLine(dial(t, at)), CodeTimeout) // it says nothing
	conn := dial(t, at)
	_, _ = io.WriteString(conn, `{"type":"hel`) // it stops in the middle
	refusedAs(t, errorLine(conn), CodeTimeout)
	_, err := visit(t, at, NewID()).Introduction(t.Context()) // nobody comes
	refusedAs(t, err, CodeTimeout)
}

func TestTooManyClients(t *testing.T) {
	at := serve(t, &Server{MaxClients: 2})
	a, b := pair(t, at)
	refusedAs(t, errorLine(dial(t, at)), CodeFull)
	_ = a.Close()
	if _, err := b.PeerLeft(t.Context()); err != nil { // so the server has noticed
		t.Fatal(err)
	}
	for { // and frees the place a moment later
		_, err := tryVisit(t, at, NewID())
		if err == nil {
			return
		}
		refusedAs(t, err, CodeFull)
		if t.Failed() {
			return
		}
	}
}

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

// Clients of every kind of madness do not keep the server from serving others, and leave nothing behind.
func TestGarbageToALiveServer(t *testing.T) {
	server := new(Server)
	at := serve(t, server)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	good, _ := everyMessage()
	for i := range 200 {
		conn := dial(t, at)
		_, _ = conn.Write(garble(random, encode(good[random.IntN(len(good))])))
		if i%3 == 0 {
			_ = conn.SetLinger(0)
		}
		_ = conn.Close()
	}
	pair(t, at)
}

// garble damages a line here and there, and repeats it now and then.
func garble(random *rand.Rand, line []byte) []byte {
	line = bytes.Repeat(line, 1+random.IntN(3))
	for range random.IntN(8) {
		switch at := random.IntN(len(line)); random.IntN(3) {
		case 0:
			line[at] = byte(random.Uint32())
		case 1:
			line = append(line[:at], line[min(len(line), at+random.IntN(16)):]...)
		case 2:
			line = append(line[:at:at], append(fmt.Append(nil, random.Uint64()), line[at:]...)...)
		}
		if len(line) == 0 {
			return line
		}
	}
	return line
}
