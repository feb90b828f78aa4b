package main

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

func TestMain(m *testing.M) { harness.Main(m.Run) }

// Alice is at home behind a NAT, and Bob has a public address.
func TestEchoAndNAT(t *testing.T) {
	harness.Need(t)
	nats := harness.NATs{"a": must(natprofiles.Get("openwrt"))}
	lab := must(harness.New(t.Context(), must(topologies.Get("one-nat")), nats))
	defer lab.Close()
	alice, bob := lab.Host("alice"), lab.Host("bob")

	// Alice gets an answer from Bob's server, who sees the NAT's address.
	background(t, must(bob.Listen(t.Context(), ":7000")))
	conn := must(alice.Dial(t.Context(), netip.AddrPortFrom(bob.Addrs()[0], 7000)))
	defer conn.Close()
	from, said, _ := strings.Cut(must(ask(conn, "hello")), " said ")
	if nat := netip.MustParseAddrPort(from).Addr(); said != "hello" || nat == alice.Addrs()[0] {
		t.Errorf("Bob's server heard %q from %s", said, nat)
	}

	// Alice's own server is not reached through the NAT, which sends a RST.
	background(t, must(alice.Listen(t.Context(), ":7000")))
	home := netip.AddrPortFrom(netip.MustParseAddrPort(from).Addr(), 7000)
	if _, err := bob.Dial(t.Context(), home); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("an unsolicited connection from outside: %v", err)
	}
}

// background serves until the test has ended.
func background(t *testing.T, listener net.Listener) {
	t.Cleanup(func() { _ = listener.Close() })
	go func() { _ = serve(listener) }() // its error is that the listener is closed
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
