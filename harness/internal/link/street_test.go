package link_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/link"
	"github.com/punchlab/punchlab/links"
)

func TestMain(m *testing.M) { harness.Main(m.Run) }

// street is two hosts and a router between them, whose packets can be held.
type street struct {
	left, router, right *kernel.Namespace
}

var (
	leftAddr  = netip.MustParseAddr("203.0.113.2")
	rightAddr = netip.MustParseAddr("198.51.100.2")
)

// port is where the host on the right listens.
const port = 4321

func newStreet(tb testing.TB) street {
	tb.Helper()
	harness.Need(tb)
	forward := []kernel.Sysctl{{Path: "ipv4/ip_forward", Value: "1"}}
	made, err := kernel.NewNamespaces([][]kernel.Sysctl{nil, forward, nil})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := kernel.CloseAll(made); err != nil {
			tb.Error(err)
		}
	})
	s := street{left: made[0], router: made[1], right: made[2]}
	if err := errors.Join(s.lay(tb, s.left, "left", leftAddr), s.lay(tb, s.right, "right", rightAddr)); err != nil {
		tb.Fatal(err)
	}
	return s
}

// lay connects a host to the router.
func (s street) lay(tb testing.TB, host *kernel.Namespace, device string, addr netip.Addr) error {
	gateway := addr.Prev()
	hostMAC, gatewayMAC := net.HardwareAddr{2, 0, 0, 0, 0, 2}, net.HardwareAddr{2, 0, 0, 0, 0, 1}
	if err := kernel.Join(
		kernel.End{Namespace: host, Name: "eth0", MAC: hostMAC},
		kernel.End{Namespace: s.router, Name: device, MAC: gatewayMAC}); err != nil {
		return err
	}
	if err := s.router.Configure(kernel.Interface{
		Name: device, Addrs: []netip.Prefix{netip.PrefixFrom(gateway, 24)},
		Neighbours: []kernel.Neighbour{{Addr: addr, MAC: hostMAC}},
	}); err != nil {
		return err
	}
	if err := host.Configure(kernel.Interface{
		Name: "eth0", Addrs: []netip.Prefix{netip.PrefixFrom(addr, 24)},
		Neighbours: []kernel.Neighbour{{Addr: gateway, MAC: gatewayMAC}},
	}); err != nil {
		return err
	}
	everywhere := netip.MustParsePrefix("0.0.0.0/0")
	return errors.Join(
		host.AddRoute(kernel.Route{To: everywhere, Via: gateway}),
		s.router.WaitUp(tb.Context(), device))
}

// hold has an emulator of its own delay the street's packets until the test
// ends.
func (s street) hold(tb testing.TB, delay time.Duration) *link.Emulator {
	tb.Helper()
	e := emulator(tb)
	s.wire(tb, e, links.Delayed(delay))
	return e
}

// wire has an emulator hold the street's packets. The core is on the right.
func (s street) wire(tb testing.TB, e *link.Emulator, l links.Link) *link.Wire {
	tb.Helper()
	w, err := e.Hold(s.place(), l)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

func (s street) place() link.Place {
	return link.Place{Name: "street", Router: s.router, Uplink: "right"}
}

func emulator(tb testing.TB) *link.Emulator {
	tb.Helper()
	e, err := link.New()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

// sockets are a UDP socket on the left that sends to one on the right.
func (s street) sockets(tb testing.TB) (left, right *net.UDPConn) {
	tb.Helper()
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(rightAddr, port))
	err := errors.Join(
		s.right.Do(func() (err error) { right, err = net.ListenUDP("udp4", to); return err }),
		s.left.Do(func() (err error) { left, err = net.DialUDP("udp4", nil, to); return err }))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { left.Close(); right.Close() })
	return left, right
}
