package punch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// MaxSYNs is how many SYNs one attempt sends at most, to all addresses together: a server, or a peer, that lies about
// endpoints cannot make more of us than that. It is what the most expensive technique needs, with a second try.
const MaxSYNs = 2560

// ErrForbidden is what becomes of a SYN to an endpoint that nobody must be made to dial.
var ErrForbidden = errors.New("an endpoint that must not be dialled")

// errSpent is what becomes of a SYN beyond MaxSYNs.
var errSpent = fmt.Errorf("%d SYNs have been sent, and no more are", MaxSYNs)

// guard decides about every SYN before it leaves, since endpoints are what others say. Its zero value knows no prefix of
// ours. It may be used by several goroutines.
//
// A SYN may go to a public address. It may go to a private one (RFC 1918, RFC 6598) where that lies in a network that
// this host is connected to; where the server saw both peers at one address, behind which both must be; and where the
// server itself is at a private address, in the same world. It may go to loopback only where the server is there too:
// all of it happens on one machine. It never goes to link-local addresses (RFC 3927), multicast, broadcast, or to
// no address.
type guard struct {
	server, observed, peer netip.Addr
	prefixes               func() []netip.Prefix // of this host; asked once, where it matters

	mu   sync.Mutex
	sent int
	own  []netip.Prefix
	know bool
}

// pass allows n more SYNs to an endpoint, or says why not.
func (g *guard) pass(to netip.AddrPort, n int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if why := g.objection(to); why != "" {
		return fmt.Errorf("%w: %s %s", ErrForbidden, to, why)
	}
	if g.sent+n > MaxSYNs {
		return errSpent
	}
	g.sent += n
	return nil
}

// left is how many SYNs may still be sent.
func (g *guard) left() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return MaxSYNs - g.sent
}

// carrierGrade is the space between carriers and their subscribers (RFC 6598).
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

func private(a netip.Addr) bool { return a.IsPrivate() || carrierGrade.Contains(a) }

func (g *guard) objection(to netip.AddrPort) string {
	addr := to.Addr()
	switch {
	case !addr.Is4() || to.Port() == 0:
		return "is not an IPv4 address and port"
	case addr.IsUnspecified(), addr.IsMulticast(), addr.IsLinkLocalUnicast(), addr.As4()[0] == 0, addr.As4()[0] >= 240:
		return "is not the address of one host"
	case addr.IsLoopback() && !g.server.IsLoopback():
		return "is loopback, and the server is elsewhere"
	case g.broadcast(addr):
		return "is the broadcast address of a network of ours"
	case private(addr) && !g.near(addr):
		return "is private, and neither in a network of ours nor behind the address that the peers share"
	}
	return ""
}

func (g *guard) near(addr netip.Addr) bool {
	return private(g.server) || g.observed.IsValid() && g.observed == g.peer ||
		slices.ContainsFunc(g.networks(), func(p netip.Prefix) bool { return p.Contains(addr) })
}

// broadcast tells the last address of a network of ours.
func (g *guard) broadcast(addr netip.Addr) bool {
	return private(addr) && slices.ContainsFunc(g.networks(), func(p netip.Prefix) bool {
		return p.Bits() < 31 && p.Contains(addr) && !p.Contains(addr.Next())
	})
}

func (g *guard) networks() []netip.Prefix {
	if !g.know && g.prefixes != nil {
		g.own, g.know = g.prefixes(), true
	}
	return g.own
}

// prefixesOf lists the networks that a host is connected to, but for loopback.
func prefixesOf(network Network) (all []netip.Prefix) {
	_ = network.Do(func() error { // a host that does not tell has no networks that we may dial into
		addrs, err := net.InterfaceAddrs()
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
				all = append(all, p.Masked())
			}
		}
		return err
	})
	return all
}
