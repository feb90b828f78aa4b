package harness

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// shortRTT is the round trip of labs in which no time matters.
const shortRTT = 4 * time.Millisecond

// topology is a shipped topology with a short round trip.
func topology(tb testing.TB, name string) topologies.Topology {
	tb.Helper()
	t, err := topologies.Get(name)
	if err != nil {
		tb.Fatal(err)
	}
	if t, err = t.WithRTT(shortRTT); err != nil {
		tb.Fatal(err)
	}
	return t
}

// profile is a shipped profile.
func profile(tb testing.TB, name string) natprofiles.Profile {
	tb.Helper()
	p, err := natprofiles.Get(name)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// everySlot has the same profile in each slot of t.
func everySlot(t topologies.Topology, p natprofiles.Profile) NATs {
	nats := NATs{}
	for _, s := range t.Slots() {
		nats[s.Name] = p
	}
	return nats
}

// build builds a shipped topology; the lab lasts until the test ends.
func build(tb testing.TB, name string, nats NATs) *Lab {
	tb.Helper()
	return buildTopology(tb, topology(tb, name), nats)
}

func buildTopology(tb testing.TB, t topologies.Topology, nats NATs) *Lab {
	tb.Helper()
	Need(tb)
	lab, err := New(tb.Context(), t, nats)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := lab.Close(); err != nil {
			tb.Error(err)
		}
	})
	return lab
}

// node is the node of that name.
func (l *Lab) node(tb testing.TB, name string) *node {
	tb.Helper()
	for _, n := range l.nodes {
		if n.Name == name {
			return n
		}
	}
	tb.Fatalf("lab %s has no node %s", l.topology.Name, name)
	return nil
}

// port is where the tests' servers listen.
const port = 4321

// serve has a host accept connections and keep them open until the test ends.
func serve(tb testing.TB, h *Host) {
	tb.Helper()
	listener, err := h.Listen(tb.Context(), fmt.Sprintf(":%d", port))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
}

// joined connects one host with another, and returns both ends, which are closed after the
// test.
func joined(tb testing.TB, from, to *Host) (dialled, accepted net.Conn) {
	tb.Helper()
	listener, err := to.Listen(tb.Context(), netip.AddrPortFrom(to.Addrs()[0], port).String())
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	if dialled, err = from.Dial(tb.Context(), netip.AddrPortFrom(to.Addrs()[0], port)); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { dialled.Close() })
	if accepted, err = listener.Accept(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { accepted.Close() })
	return dialled, accepted
}

// connect opens and closes a connection and returns how long the handshake
// took, one round trip.
func connect(ctx context.Context, from *Host, to netip.Addr) (time.Duration, error) {
	start := time.Now()
	conn, err := from.Dial(ctx, netip.AddrPortFrom(to, port))
	if err != nil {
		return 0, err
	}
	took := time.Since(start)
	return took, conn.Close()
}

// programLab builds a lab and connects through it.
func programLab() int {
	if err := Available(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := tryLab(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("connected")
	return 0
}

// shipped builds a shipped topology with a shipped profile in each slot, for
// programs, which have no test to fail.
func shipped(ctx context.Context, topology, profile string) (*Lab, error) {
	t, err := topologies.Get(topology)
	if err != nil {
		return nil, err
	}
	p, err := natprofiles.Get(profile)
	if err != nil {
		return nil, err
	}
	return New(ctx, t, everySlot(t, p))
}

func tryLab(ctx context.Context) error {
	lab, err := shipped(ctx, "two-nats", "linux-masquerade")
	if err != nil {
		return err
	}
	defer lab.Close()
	server := lab.Host("rendezvous")
	listener, err := server.Listen(ctx, fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	defer listener.Close()
	_, err = connect(ctx, lab.Host("alice"), server.Addrs()[0])
	return err
}
