package punch

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestWhoMayBeDialled(t *testing.T) {
	addr := netip.MustParseAddr
	home := func() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24")} }
	public := guard{server: addr("198.51.100.1"), observed: addr("203.0.113.1"), peer: addr("203.0.113.2"), prefixes: home}
	shared := guard{server: addr("198.51.100.1"), observed: addr("203.0.113.1"), peer: addr("203.0.113.1"), prefixes: home}
	office := guard{server: addr("10.0.0.1"), observed: addr("10.0.0.2"), peer: addr("10.0.0.3"), prefixes: home}
	local := guard{server: addr("127.0.0.1"), observed: addr("127.0.0.1"), peer: addr("127.0.0.1")}
	for _, c := range []struct {
		name string
		g    *guard
		to   string
		why  string // empty: it may
	}{
		{"public", &public, "203.0.113.2:4000", ""},
		{"public", &public, "203.0.113.2:0", "is not an IPv4 address and port"},
		{"public", &public, "[2001:db8::1]:1", "is not an IPv4 address and port"},
		{"public", &public, "0.0.0.0:80", "is not the address of one host"},
		{"public", &public, "0.1.2.3:80", "is not the address of one host"},
		{"public", &public, "224.0.0.1:80", "is not the address of one host"},
		{"public", &public, "255.255.255.255:80", "is not the address of one host"},
		{"public", &public, "240.0.0.1:80", "is not the address of one host"},
		{"public", &public, "169.254.169.254:80", "is not the address of one host"},
		{"public", &public, "127.0.0.1:22", "is loopback, and the server is elsewhere"},
		{"public", &public, "192.168.1.7:22", ""},
		{"public", &public, "192.168.1.255:22", "is the broadcast address of a network of ours"},
		{"public", &public, "192.168.2.7:22", "is private"},
		{"public", &public, "10.0.0.7:22", "is private"},
		{"public", &public, "100.64.0.7:22", "is private"},
		{"shared", &shared, "192.168.2.7:22", ""},
		{"shared", &shared, "127.0.0.1:22", "is loopback, and the server is elsewhere"},
		{"shared", &shared, "169.254.0.7:22", "is not the address of one host"},
		{"office", &office, "10.1.2.3:22", ""},
		{"office", &office, "127.0.0.1:22", "is loopback, and the server is elsewhere"},
		{"local", &local, "127.0.0.1:4000", ""},
		{"local", &local, "169.254.0.7:22", "is not the address of one host"},
	} {
		err := c.g.pass(netip.MustParseAddrPort(c.to), 1)
		switch {
		case c.why == "" && err != nil, c.why != "" && (!errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), c.why)):
			t.Errorf("%s: %s: %v, want %q", c.name, c.to, err, c.why)
		}
	}
}

func TestNoMoreSYNsLeaveThanAreStated(t *testing.T) {
	g := guard{server: netip.MustParseAddr("198.51.100.1")}
	to := netip.MustParseAddrPort("203.0.113.2:1")
	if err := g.pass(to, MaxSYNs-1); err != nil || g.left() != 1 {
		t.Fatalf("%v, %d left", err, g.left())
	}
	if err := g.pass(to, 2); !errors.Is(err, errSpent) || g.left() != 1 {
		t.Errorf("two beyond one: %v, %d left", err, g.left())
	}
	if err := g.pass(to, 1); err != nil {
		t.Errorf("the last one: %v", err)
	}
	if err := g.pass(to, 1); !errors.Is(err, errSpent) || fatal(err) {
		t.Errorf("one too many: %v", err)
	}
}
