package harness

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// everyLab calls f with a lab of every shipped topology and kind of NAT.
func everyLab(t *testing.T, f func(t *testing.T, lab *Lab)) {
	t.Helper()
	Need(t)
	for _, topo := range topologies.All() {
		for _, name := range kinds {
			t.Run(topo.Name+"/"+name, func(t *testing.T) {
				topo := topology(t, topo.Name)
				f(t, buildTopology(t, topo, everySlot(topo, kind(t, name))))
			})
		}
	}
}

// tries is how often a round trip is measured; the shortest counts.
const tries = 5

// roundTrip is the shortest round trip from a host to an address.
func roundTrip(t *testing.T, from *Host, to netip.Addr) time.Duration {
	t.Helper()
	shortest := time.Hour
	for range tries {
		took, err := connect(t.Context(), from, to)
		if err != nil {
			t.Fatal(err)
		}
		shortest = min(shortest, took)
	}
	return shortest
}

// open says whether no NAT hides a host and no firewall guards it.
func (l *Lab) open(t *testing.T, host string) bool {
	for m := l.node(t, host).machine; m != nil; m = m.parent {
		if m.Kind == topologies.NAT && (m.hides() || m.profile.Firewall()) {
			return false
		}
	}
	return true
}

// Every host reaches both addresses of the rendezvous and every other host
// that nothing guards, and no round trip is shorter than the topology says.
func TestEveryPublicHostIsReachedInItsTime(t *testing.T) {
	everyLab(t, func(t *testing.T, lab *Lab) {
		for _, to := range lab.hosts {
			if lab.open(t, to.Name()) {
				serve(t, to)
			}
		}
		for _, from := range lab.hosts {
			for _, to := range lab.hosts {
				if from == to || !lab.open(t, to.Name()) {
					continue
				}
				for _, addr := range to.Addrs() {
					declared := lab.Topology().RTT(from.Name(), to.Name())
					if took := roundTrip(t, from, addr); took < declared {
						t.Errorf("%s to %s %s and back took %v, less than %v", from.Name(), to.Name(), addr, took, declared)
					}
				}
			}
		}
	})
}

func TestTheRendezvousHasTwoAddresses(t *testing.T) {
	for _, topo := range topologies.All() {
		if n, ok := topo.Node(topologies.Rendezvous); !ok || n.Addresses < 2 {
			t.Errorf("%s: the rendezvous is %+v", topo.Name, n)
		}
	}
}

// silence is how long nothing has to come for it to count as dropped: many
// round trips, and less than a retransmission would wait.
const silence = 100 * shortRTT

// dialed says what came of a SYN to an address: "connected", "reset" or
// "dropped".
func dialed(t *testing.T, from *Host, to netip.AddrPort) string {
	t.Helper()
	return dialedAs(t, from, from.Addrs()[0], to)
}

// dialedAs is dialed from one of the host's addresses.
func dialedAs(t *testing.T, host *Host, from netip.Addr, to netip.AddrPort) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), silence)
	defer cancel()
	var socket *os.File
	err := host.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		socket = os.NewFile(uintptr(fd), "tcp")
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: from.As4()}); err != nil {
			return err
		}
		return unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
	})
	defer socket.Close()
	if errors.Is(err, unix.EINPROGRESS) {
		err = connected(ctx, socket)
	}
	switch {
	case err == nil:
		return "connected"
	case errors.Is(err, unix.ECONNREFUSED):
		return "reset"
	case errors.Is(err, context.DeadlineExceeded):
		return "dropped"
	}
	t.Fatal(err)
	return ""
}

// refused is what a SYN is that gets the profile's answer to what nobody asked
// for.
func refused(p natprofiles.Profile) string {
	return map[natprofiles.Answer]string{natprofiles.Drop: "dropped", natprofiles.Reset: "reset"}[p.TCP.Unsolicited]
}

// What a peer outside sees of its SYN to a NAT is what the profile says, on a
// port that nobody behind the NAT has ever used, of each external address.
func TestUnsolicitedSYNsGetTheAnswerOfTheProfile(t *testing.T) {
	for _, name := range kinds {
		p := kind(t, name)
		if !p.Translate {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab := build(t, "one-nat", NATs{"a": p})
			for _, external := range lab.Router("nat-a").External() {
				if got := dialed(t, lab.Host("bob"), netip.AddrPortFrom(external, port)); got != refused(p) {
					t.Errorf("an unsolicited SYN to %s was %s, want %s", external, got, refused(p))
				}
			}
		})
	}
}

// mapped opens a listener of alice's and, from the same port, a connection to
// the rendezvous, and returns the external endpoint that the rendezvous saw.
func mapped(t *testing.T, lab *Lab) netip.AddrPort {
	t.Helper()
	return mappedFor(t, lab, "alice")
}

// mappedFor is mapped for another host.
func mappedFor(t *testing.T, lab *Lab, name string) netip.AddrPort {
	t.Helper()
	host, server := lab.Host(name), lab.Host("rendezvous")
	accepting, err := server.Listen(t.Context(), netip.AddrPortFrom(server.Addrs()[0], port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer accepting.Close()
	if err := host.Do(func() error { return listenAndConnect(t, server.Addrs()[0]) }); err != nil {
		t.Fatal(err)
	}
	conn, err := accepting.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return netip.MustParseAddrPort(conn.RemoteAddr().String())
}

// listenAndConnect has one port listen and connect, in the namespace of the
// calling thread.
func listenAndConnect(t *testing.T, to netip.Addr) error {
	for _, use := range []func(fd int) error{
		func(fd int) error { return unix.Listen(fd, 10) },
		func(fd int) error { return unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: to.As4()}) },
	} {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		t.Cleanup(func() { unix.Close(fd) })
		err = errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1),
			unix.Bind(fd, &unix.SockaddrInet4{Port: port}),
		)
		if err != nil {
			return err
		}
		if err := use(fd); err != nil && !errors.Is(err, unix.EINPROGRESS) {
			return err
		}
	}
	return nil
}

// A mapping to the rendezvous lets in whom filtering lets in: another host,
// another address of the rendezvous, another port of the same. A router that
// only forwards lets in all.
func TestAMappingLetsInWhomFilteringLetsIn(t *testing.T) {
	for _, name := range kinds {
		p := kind(t, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab := build(t, "one-nat", NATs{"a": p})
			external := mapped(t, lab)
			if !p.Translate && external.Addr() != lab.Host("alice").Addrs()[0] {
				t.Errorf("the rendezvous saw %s, and alice has %s", external, lab.Host("alice").Addrs())
			}
			anybody := p.TCP.Filtering == natprofiles.EndpointIndependent || p.TCP.Filtering == natprofiles.Unfiltered
			let := map[bool]string{true: "connected", false: refused(p)}
			bob, server := lab.Host("bob"), lab.Host("rendezvous")
			for what, c := range map[string]struct{ got, want string }{
				"bob":                               {dialed(t, bob, external), let[anybody]},
				"another address of the rendezvous": {dialedAs(t, server, server.Addrs()[1], external), let[anybody]},
				"another port of the same address": {dialedAs(t, server, server.Addrs()[0], external),
					let[anybody || p.TCP.Filtering == natprofiles.AddressDependent]},
			} {
				if c.got != c.want {
					t.Errorf("a SYN from %s was %s, want %s", what, c.got, c.want)
				}
			}
		})
	}
}

func TestARouterWithoutNATForwards(t *testing.T) {
	lab := build(t, "two-nats", everySlot(topology(t, "two-nats"), profile(t, "none")))
	for _, names := range [][2]string{{"alice", "bob"}, {"bob", "alice"}} {
		from, to := lab.Host(names[0]), lab.Host(names[1])
		serve(t, to)
		conn, err := from.Dial(t.Context(), netip.AddrPortFrom(to.Addrs()[0], port))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := netip.MustParseAddrPort(conn.LocalAddr().String()).Addr(); got != from.Addrs()[0] {
			t.Errorf("%s dialed as %s, and has %s", from.Name(), got, from.Addrs())
		}
	}
	if got := lab.node(t, "nat-a").conntrack(t); got != nothingTracked {
		t.Errorf("a router that translates nothing tracks connections:\n%s", got)
	}
}

// A NAT shows its external addresses and no others, and keeps the port of the
// inside or does not, as the profile says.
func TestNATsMapPortsAsTheProfileSays(t *testing.T) {
	for _, name := range kinds {
		p := kind(t, name)
		if !p.Translate {
			continue
		}
		t.Run(name, func(t *testing.T) {
			lab := build(t, "one-nat", NATs{"a": p})
			external := mapped(t, lab)
			if ours := lab.Router("nat-a").External(); !slices.Contains(ours, external.Addr()) {
				t.Errorf("the rendezvous saw %s, want one of the addresses %s of the NAT", external, ours)
			}
			if kept := external.Port() == port; kept != (p.TCP.Ports.Allocation == natprofiles.Preserve) {
				t.Errorf("the port %d became %d, with allocation %s", port, external.Port(), p.TCP.Ports.Allocation)
			}
		})
	}
}
