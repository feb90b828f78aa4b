package punch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// closedPorts is the last port that closedPort tried.
var closedPorts atomic.Uint32

func init() { closedPorts.Store(20000) }

// closedPort is an address of loopback where nothing listens, and nothing will by chance: it is none of the ports that
// Linux gives out by itself (ip_local_port_range of Documentation/networking/ip-sysctl.rst).
func closedPort(t *testing.T) netip.AddrPort {
	t.Helper()
	for closedPorts.Load() < 30000 {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(closedPorts.Add(1)))
		if ln, err := Listen(Here, at); err == nil {
			_ = ln.Close()
			return at
		}
	}
	t.Fatal("every port is in use")
	return netip.AddrPort{}
}

// scripted is a server that says the given text after a client's hello and then closes.
func scripted(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	ln, err := Listen(Here, netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, rendezvous.MaxLine))
		_, _ = io.WriteString(conn, text)
	}()
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

func TestRendezvousFaults(t *testing.T) {
	const welcome = `{"type":"welcome","observed":"127.0.0.1:4000"}` + "\n"
	for name, c := range map[string]struct {
		at   netip.AddrPort
		says string
	}{
		"nobody there":               {closedPort(t), "reaching 127.0.0.1:"},
		"closes at once":             {scripted(t, ""), "awaiting the welcome"},
		"garbage":                    {scripted(t, "220 mail.example.org ESMTP\r\n"), "not a message"},
		"an endless line":            {scripted(t, strings.Repeat("x", 3*rendezvous.MaxLine)), "longer than 4096 bytes"},
		"refuses":                    {scripted(t, `{"type":"error","code":"full","message":"later"}`+"\n"), `full: "later"`},
		"dies before introduction":   {scripted(t, welcome), "awaiting the introduction"},
		"dies within introduction":   {scripted(t, welcome+`{"type":"introd`), "awaiting the introduction"},
		"introduction out of reason": {scripted(t, welcome+`{"type":"introduction","peer":{},"rtt_us":0}`+"\n"), "peer.id: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			got := <-start(t.Context(), config(t, "simultaneous-open", NewSecret(), c.at))
			if !errors.Is(got.err, ErrRendezvous) || !strings.Contains(got.err.Error(), c.says) {
				t.Errorf("got %v, want %q in it", got.err, c.says)
			}
			if got.report.Strategy != "simultaneous-open" || !got.report.Introduced.IsZero() {
				t.Errorf("%+v", got.report)
			}
		})
	}
}

func TestAServerThatSaysNothing(t *testing.T) {
	t.Parallel()                                                        // it takes as long as a server may
	silent, err := Listen(Here, netip.MustParseAddrPort("127.0.0.1:0")) // accepts in the kernel
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	got := <-start(t.Context(), config(t, "direct", NewSecret(), silent.Addr().(*net.TCPAddr).AddrPort()))
	if !errors.Is(got.err, ErrRendezvous) || !strings.Contains(got.err.Error(), "awaiting the welcome") {
		t.Errorf("got %v", got.err)
	}
}

func TestTheSecondAddressOfTheServer(t *testing.T) {
	_, at := serve(t)
	cfg := config(t, "simultaneous-open", NewSecret(), at)
	cfg.Rendezvous = []netip.AddrPort{closedPort(t), at}
	first, second := start(t.Context(), cfg), start(t.Context(), cfg)
	connected(t, <-first, <-second)
}

func TestNobodyComes(t *testing.T) {
	_, at := serve(t)
	cfg := config(t, "simultaneous-open", NewSecret(), at)
	cfg.Wait = 20 * time.Millisecond
	got := <-start(t.Context(), cfg)
	if !errors.Is(got.err, ErrPeerAbsent) {
		t.Errorf("got %v", got.err)
	}
	if !got.report.Observed.IsValid() || got.report.Observed != got.report.Local {
		t.Errorf("%+v", got.report)
	}
	impatient := new(rendezvous.Server)
	impatient.WaitTimeout = 20 * time.Millisecond
	at, _ = serveOn(t, impatient, netip.MustParseAddrPort("127.0.0.1:0"))
	if got := <-start(t.Context(), config(t, "direct", NewSecret(), at)); !errors.Is(got.err, ErrPeerAbsent) {
		t.Errorf("the server does not wait: %v", got.err)
	}
}

func TestTwoSecretsNeverMeet(t *testing.T) {
	_, at := serve(t)
	one := config(t, "simultaneous-open", NewSecret(), at)
	one.Wait = 50 * time.Millisecond
	other := one
	other.Secret = NewSecret()
	first, second := start(t.Context(), one), start(t.Context(), other)
	for _, got := range []result{<-first, <-second} {
		if !errors.Is(got.err, ErrPeerAbsent) {
			t.Errorf("got %v", got.err)
		}
	}
}

func TestAThirdPeerIsRefused(t *testing.T) {
	_, at := serve(t)
	cfg := config(t, "relay", NewSecret(), at)
	for range 2 {
		p := newPuppet(t, at, "relay", rendezvous.NewID())
		p.hello(cfg.Secret.meeting())
	}
	var refused *rendezvous.Error
	got := <-start(t.Context(), cfg)
	if !errors.Is(got.err, ErrRendezvous) || !errors.As(got.err, &refused) || refused.Code != rendezvous.CodeBusy {
		t.Errorf("got %v", got.err)
	}
}

func TestTwoStrategies(t *testing.T) {
	_, at := serve(t)
	one, other := config(t, "simultaneous-open", NewSecret(), at), config(t, "relay", NewSecret(), at)
	other.Secret = one.Secret
	first, second := start(t.Context(), one), start(t.Context(), other)
	for _, got := range []result{<-first, <-second} {
		if !errors.Is(got.err, ErrStrategyMismatch) {
			t.Errorf("got %v", got.err)
		}
	}
}

// The server dies when both are introduced and neither has moved.
func TestAServerThatDiesAfterTheIntroduction(t *testing.T) {
	for _, s := range unmeasured() {
		if s.relays() {
			continue // it cannot do without
		}
		t.Run(s.Name(), func(t *testing.T) {
			at, stop := serveOn(t, new(rendezvous.Server), netip.MustParseAddrPort("127.0.0.1:0"))
			cfg := config(t, s.Name(), NewSecret(), at)
			introduced := make(chan struct{}) // the puppet; the engine is when it visits the second time
			cfg.Network = &beforeSecond{act: func() { <-introduced; stop() }}
			p := newPuppet(t, at, s.Name(), meekID)
			engine := start(t.Context(), cfg)
			p.hello(cfg.Secret.meeting())
			p.introduced()
			close(introduced)
			p.finish(cfg.Secret, engine)
		})
	}
}

// beforeSecond does something before the second visit to the network: before the first SYN to the peer.
type beforeSecond struct {
	visits int
	act    func()
}

func (n *beforeSecond) Do(f func() error) error {
	if n.visits++; n.visits == 2 {
		n.act()
	}
	return f()
}

// The server dies while both wait for the relay, or before.
func TestTheRelayNeedsItsServer(t *testing.T) {
	at, stop := serveOn(t, new(rendezvous.Server), netip.MustParseAddrPort("127.0.0.1:0"))
	cfg := config(t, "relay", NewSecret(), at)
	p := newPuppet(t, at, "relay", meekID)
	engine := start(t.Context(), cfg)
	p.hello(cfg.Secret.meeting())
	p.introduced()
	stop()
	if got := <-engine; !errors.Is(got.err, ErrRendezvous) {
		t.Errorf("got %v", got.err)
	}
}

// What has been handed out does not depend on the server, except for the relay.
func TestTheConnectionOutlivesTheServer(t *testing.T) {
	for _, s := range ways() {
		t.Run(s.Name(), func(t *testing.T) {
			at, stop := serveOn(t, new(rendezvous.Server), netip.MustParseAddrPort("127.0.0.1:0"))
			cfg := config(t, s.Name(), NewSecret(), at)
			first, second := start(t.Context(), cfg), start(t.Context(), cfg)
			a, b := <-first, <-second
			connected(t, a, b)
			stop()
			if s.relays() {
				if _, err := io.Copy(io.Discard, a.conn); err == nil {
					t.Error("the relay ended in order")
				}
				return
			}
			talk(t, a.conn, b.conn)
			talk(t, b.conn, a.conn)
		})
	}
}

// A context may end at any step. Connect ends with it, at once, and with its error.
func TestConnectEndsWithItsContext(t *testing.T) {
	silent, err := Listen(Here, netip.MustParseAddrPort("127.0.0.1:0")) // accepts in the kernel and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, s := range Strategies() {
		for step, at := range map[string]func(t *testing.T, secret Secret) netip.AddrPort{
			"reaching the server":      func(t *testing.T, _ Secret) netip.AddrPort { return blackHole(t) },
			"awaiting the welcome":     func(t *testing.T, _ Secret) netip.AddrPort { return silent.Addr().(*net.TCPAddr).AddrPort() },
			"awaiting the peer":        func(t *testing.T, _ Secret) netip.AddrPort { _, at := serve(t); return at },
			"awaiting the peer's move": func(t *testing.T, secret Secret) netip.AddrPort { return withSilentPeer(t, s, secret) },
		} {
			t.Run(s.Name()+"/"+step, func(t *testing.T) {
				secret := NewSecret()
				cfg := config(t, s.Name(), secret, at(t, secret))
				cfg.Patience, cfg.Wait = time.Hour, time.Hour
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				select {
				case got := <-start(ctx, cfg):
					if !errors.Is(got.err, context.DeadlineExceeded) {
						t.Errorf("got %v", got.err)
					}
				case <-time.After(5 * time.Second):
					t.Fatal("Connect goes on")
				}
			})
		}
	}
}

// withSilentPeer is a server where a peer waits that will not move once it is introduced.
func withSilentPeer(t *testing.T, s Strategy, secret Secret) netip.AddrPort {
	_, at := serve(t)
	newPuppet(t, at, s.Name(), meekID).hello(secret.meeting())
	return at
}
