package rendezvous

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shared lets a socket have a port that others of this test have.
func shared(_, _ string, c syscall.RawConn) (err error) {
	return errors.Join(c.Control(func(fd uintptr) {
		err = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	}), err)
}

// boundSocket takes a port of 127.0.0.1 without listening on it, until the test ends.
func boundSocket(t *testing.T) (fd int, port uint16) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	at, nameErr := unix.Getsockname(fd)
	if err = errors.Join(err, nameErr); err != nil {
		t.Fatal(err)
	}
	return fd, uint16(at.(*unix.SockaddrInet4).Port)
}

// prober is a client that probes from a port of its own, which others may share.
func prober(t *testing.T, port uint16, to netip.AddrPort) *Client {
	t.Helper()
	d := net.Dialer{Control: shared, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)}}
	conn, err := d.DialContext(t.Context(), "tcp4", to.String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	c := NewClient(conn)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestMapped(t *testing.T) {
	at := serve(t, new(Server))
	if _, err := NewClient(dial(t, at)).Probe(t.Context()); err != nil { // its SYN may have come before Serve
		t.Fatal(err)
	}
	_, port := boundSocket(t)
	c := prober(t, port, at)
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_default_ttl")
	if err != nil {
		t.Fatal(err)
	}
	for range MaxProbes { // the TTL is remembered
		got, err := c.Probe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := netip.AddrPortFrom(at.Addr(), port); got.Observed != want {
			t.Errorf("observed at %s, is at %s", got.Observed, want)
		}
		if want := strings.TrimSpace(string(text)); strconv.Itoa(got.TTL) != want {
			t.Errorf("the SYN arrived with TTL %d, left with %s", got.TTL, want)
		}
	}
	_, err = c.Probe(t.Context())
	if refusedAs(t, err, CodeProtocol); err == nil || !strings.Contains(err.Error(), "more than 4 probes") {
		t.Errorf("refused for another reason: %v", err)
	}
}

func TestWelcomeTellsOfTheServer(t *testing.T) {
	server := dialling(t)
	at := serve(t, server)
	w, err := NewClient(dial(t, at)).Hello(t.Context(), someHello())
	if err != nil || w.DialPort != server.DialPort || len(w.Endpoints) != 2 || w.Endpoints[1] != server.Endpoints[1] {
		t.Errorf("%+v, %v", w, err)
	}
	at = serve(t, new(Server))
	w, err = NewClient(dial(t, at)).Hello(t.Context(), someHello())
	if err != nil || w.DialPort != 0 || len(w.Endpoints) != 1 || w.Endpoints[0] != at {
		t.Errorf("of its own accord: %+v, %v", w, err)
	}
}

func TestServeRefusesBadEndpoints(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Endpoints: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:1")}}
	if err := s.Serve(t.Context(), ln); err == nil || !strings.Contains(err.Error(), "Endpoints[0]") {
		t.Errorf("Serve: %v", err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
}

// A wildcard is not where anybody reaches the server.
func TestAWildcardIsNoEndpoint(t *testing.T) {
	ln, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s := new(Server)
	if err := s.prepare([]net.Listener{ln}); err != nil || len(s.reachable()) != 0 {
		t.Errorf("reached at %v, %v", s.reachable(), err)
	}
}

func TestAProbeIsAClient(t *testing.T) {
	at := serve(t, &Server{MaxClients: 1})
	c := NewClient(dial(t, at))
	if _, err := c.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, errorLine(dial(t, at)), CodeFull)
	if err := c.Bye(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Dialled(t.Context()); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after the bye: %v", err)
	}
}

func TestProbesOutOfTurn(t *testing.T) {
	at := serve(t, new(Server))
	for name, lines := range map[string]string{
		"hello after a probe": string(encode(&probe{Type: typeProbe, Version: Version})) +
			string(encode(&hello{Type: typeHello, Version: Version, Hello: someHello()})),
		"tell after a probe": string(encode(&probe{Type: typeProbe, Version: Version})) +
			`{"type":"tell","note":{}}` + "\n",
		"garbage after a probe": string(encode(&probe{Type: typeProbe, Version: Version})) + "GET / HTTP/1.1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, at)
			if _, err := io.WriteString(conn, lines); err != nil {
				t.Fatal(err)
			}
			c := NewClient(conn)
			if _, err := expect[*mapped](t.Context(), c); err != nil {
				t.Fatal(err)
			}
			_, err := c.Dialled(t.Context())
			refusedAs(t, err, CodeProtocol)
		})
	}
	t.Run("a probe after the hello", func(t *testing.T) {
		_, err := visit(t, at, NewID()).Probe(t.Context())
		refusedAs(t, err, CodeProtocol)
	})
	t.Run("a dial that is none", func(t *testing.T) {
		if _, err := NewClient(dial(t, at)).Probe(t.Context(), "sideways"); err == nil {
			t.Error("has been sent")
		}
	})
}
