package harness

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// conntrack is what a node's dump says that it tracks.
func (n *node) conntrack(t *testing.T) string {
	t.Helper()
	var dump strings.Builder
	if err := n.ns.Describe(&dump); err != nil {
		t.Fatal(err)
	}
	_, tracked, found := strings.Cut(dump.String(), "  conntrack:\n")
	if !found {
		t.Fatalf("no conntrack in %s", &dump)
	}
	return tracked
}

// nothingTracked is what a dump says where no connection is tracked.
const nothingTracked = "    (none)\n"

func TestResetForgetsConnections(t *testing.T) {
	topo := topology(t, "double-nat")
	lab := build(t, "double-nat", everySlot(topo, profile(t, "linux-random")))
	nats := func(want bool) {
		t.Helper()
		for _, n := range lab.nodes {
			if n.Kind != topologies.NAT {
				continue
			}
			if tracks := n.conntrack(t) != nothingTracked; tracks != want {
				t.Errorf("%s tracks connections: %v, want %v:\n%s", n.Name, tracks, want, n.conntrack(t))
			}
		}
	}
	server := lab.Host("rendezvous")
	serve(t, server)
	for _, name := range []string{"alice", "bob"} {
		conn, err := lab.Host(name).Dial(t.Context(), netip.AddrPortFrom(server.Addrs()[0], port))
		if err != nil {
			t.Fatal(err)
		}
		// A reset is the end: nothing is sent after it.
		if err := errors.Join(conn.(*net.TCPConn).SetLinger(0), conn.Close()); err != nil {
			t.Fatal(err)
		}
	}
	nats(true)
	for range staleFor {
		if err := lab.Reset(); err != nil {
			t.Fatal(err)
		}
	}
	nats(false)
}

// Linux's own NAT lets nothing in that belongs to a connection of before, though
// conntrack may have it still.
func TestResetEndsSessions(t *testing.T) {
	for _, name := range []string{"linux-random", "linux-masquerade", "symmetric", "cone"} {
		t.Run(name, func(t *testing.T) {
			p, err := natprofiles.Get(name)
			if err != nil {
				p = kind(t, name)
			}
			lab := build(t, "one-nat", NATs{"a": p})
			server := lab.Host("rendezvous")
			alice, remote := joined(t, lab.Host("alice"), server)
			hear := func(within time.Duration) error {
				if err := errors.Join(alice.SetReadDeadline(time.Now().Add(within)), remote.SetWriteDeadline(time.Now().Add(within))); err != nil {
					t.Fatal(err)
				}
				if _, err := remote.Write([]byte{1}); err != nil {
					return err
				}
				_, err := alice.Read(make([]byte, 1))
				return err
			}
			if err := hear(hopes); err != nil {
				t.Fatal(err)
			}
			if err := lab.Reset(); err != nil {
				t.Fatal(err)
			}
			// Three times as long as TCP waits before it sends again (RFC 6298, and
			// include/net/tcp.h, TCP_RTO_MIN).
			if err := hear(600 * time.Millisecond); err == nil {
				t.Error("the session goes on after a reset")
			}
		})
	}
}

// A watch empties conntrack, and the zones that come after it are others still.
func TestAZoneIsNotUsedTwice(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "linux-masquerade")})
	nat := lab.node(t, "nat-a")
	used := map[int]bool{}
	for i := range staleFor - 1 {
		if i == staleFor/2 {
			w, err := lab.Watch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Stop(); err != nil {
				t.Fatal(err)
			}
			if err := lab.Unwatch(); err != nil {
				t.Fatal(err)
			}
		}
		if err := lab.Reset(); err != nil {
			t.Fatal(err)
		}
		if used[nat.stale] {
			t.Errorf("reset %d: zone %d is used again", i, nat.stale)
		}
		used[nat.stale] = true
	}
}

// What a NAT that is maps tracks of trials before is out of their successors' reach, so
// that it may stay for a while: not for long, and not much of it.
func TestResetForgetsConnectionsInTime(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": kind(t, "cone")})
	nat := lab.node(t, "nat-a")
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(lab.Host("rendezvous").Addrs()[0], port))
	tracked := func() int {
		t.Helper()
		n, err := nat.ns.Tracked()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	trial := func(flows int) int {
		t.Helper()
		before, end := tracked(), time.Now().Add(hopes)
		for range flows {
			err := lab.Host("alice").Do(func() error {
				c, err := net.DialUDP("udp4", nil, to)
				if err == nil {
					t.Cleanup(func() { c.Close() }) // at the end, since another one must not get its port
					_, err = c.Write([]byte("word"))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for tracked() < before+flows && time.Now().Before(end) {
			runtime.Gosched()
		}
		if err := lab.Reset(); err != nil {
			t.Fatal(err)
		}
		return tracked()
	}
	for i := range 2 * staleFor {
		want := 1 + i%staleFor
		if want == staleFor {
			want = 0
		}
		if got := trial(1); got != want {
			t.Errorf("after %d trials the NAT tracks %d connections, want %d", 1+i, got, want)
		}
	}
	if got := trial(mostStale); got != mostStale {
		t.Errorf("%d connections are tracked, want %d", got, mostStale)
	}
	if got := trial(1); got != 0 {
		t.Errorf("%d connections are tracked, as many as are too many", got)
	}
}

// A mapping that anybody may use is closed to all after a reset.
func TestResetForgetsMappings(t *testing.T) {
	for _, topo := range []string{"one-nat", "double-nat"} {
		lab := build(t, topo, everySlot(topology(t, topo), kind(t, "cone")))
		bob := lab.Host("rendezvous")
		external := mapped(t, lab)
		if got := dialedAs(t, bob, bob.Addrs()[1], external); got != "connected" {
			t.Fatalf("%s: a SYN to an open mapping was %s", topo, got)
		}
		if err := lab.Reset(); err != nil {
			t.Fatal(err)
		}
		if got := dialedAs(t, bob, bob.Addrs()[1], external); got != "dropped" {
			t.Errorf("%s: after a reset a SYN to the mapping of before was %s", topo, got)
		}
	}
}

// mail is a pair of UDP sockets, of alice and of the rendezvous.
type mail struct {
	sender, receiver *net.UDPConn
}

func mailbox(t testing.TB, lab *Lab) (m mail) {
	t.Helper()
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(lab.Host("rendezvous").Addrs()[0], port))
	err := errors.Join(
		lab.Host("rendezvous").Do(func() (err error) {
			m.receiver, err = net.ListenUDP("udp4", to)
			return err
		}),
		lab.Host("alice").Do(func() (err error) {
			m.sender, err = net.DialUDP("udp4", nil, to)
			return err
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.sender.Close(); m.receiver.Close() })
	return m
}

func (m mail) send(t *testing.T, word string) {
	t.Helper()
	if _, err := m.sender.Write([]byte(word)); err != nil {
		t.Fatal(err)
	}
}

// receive waits for the next word.
func (m mail) receive(t *testing.T) string {
	t.Helper()
	if err := m.receiver.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	word := make([]byte, 100)
	n, err := m.receiver.Read(word)
	if err != nil {
		t.Fatal(err)
	}
	return string(word[:n])
}

// await waits until the links have held that many packets.
func await(t *testing.T, lab *Lab, held uint64) LinkStats {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		stats, err := lab.Links()
		if err != nil {
			t.Fatal(err)
		}
		if stats.Held >= held {
			return stats
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the links have held %d packets, want %d", stats.Held, held)
		case <-time.After(time.Millisecond): // a counter tells nobody that it has grown
		}
	}
}

// Packets that a link holds are gone with a reset. A link keeps their order,
// so that whatever is sent later arrives later.
func TestResetDropsWhatIsUnderWay(t *testing.T) {
	topo, err := topologies.Get("open")
	if err != nil {
		t.Fatal(err)
	}
	if topo, err = topo.WithRTT(2 * time.Second); err != nil { // long enough for a reset
		t.Fatal(err)
	}
	lab := buildTopology(t, topo, nil)
	m := mailbox(t, lab)
	for range 3 {
		m.send(t, "before")
	}
	if stats := await(t, lab, 3); stats.Lost > 0 {
		t.Fatalf("packets were lost: %+v", stats)
	}
	if err := lab.Reset(); err != nil {
		t.Fatal(err)
	}
	if stats, err := lab.Links(); err != nil || stats != (LinkStats{}) {
		t.Errorf("after a reset: %+v, %v; want nothing", stats, err)
	}
	m.send(t, "after")
	if got := m.receive(t); got != "after" {
		t.Errorf("the rendezvous received what was sent %s the reset", got)
	}
}

// The control of the test above: without a reset the packets do arrive.
func TestWhatIsUnderWayArrives(t *testing.T) {
	lab := build(t, "open", nil)
	m := mailbox(t, lab)
	for _, word := range []string{"one", "two", "three"} {
		m.send(t, word)
	}
	for _, want := range []string{"one", "two", "three"} {
		if got := m.receive(t); got != want {
			t.Errorf("received %s, want %s", got, want)
		}
	}
	if stats := await(t, lab, 3); stats.Held != 3 || stats.Lost != 0 {
		t.Errorf("three packets over one slow link: %+v", stats)
	}
}

func TestAResetLabConnectsAgain(t *testing.T) {
	lab := build(t, "two-nats", everySlot(topology(t, "two-nats"), profile(t, "linux-random")))
	server := lab.Host("rendezvous")
	seen := map[uint16]bool{}
	for range 10 {
		listener, err := server.Listen(t.Context(), netip.AddrPortFrom(server.Addrs()[0], port).String())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := lab.Host("alice").Dial(t.Context(), netip.AddrPortFrom(server.Addrs()[0], port))
		if err != nil {
			t.Fatal(err)
		}
		accepted, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		seen[netip.MustParseAddrPort(accepted.RemoteAddr().String()).Port()] = true
		err = errors.Join(conn.(*net.TCPConn).SetLinger(0), conn.Close(), accepted.(*net.TCPConn).SetLinger(0), accepted.Close(), listener.Close())
		if err != nil {
			t.Fatal(err)
		}
		if err := lab.Reset(); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) < 5 {
		t.Errorf("a NAT with random ports used only %v in ten trials", seen)
	}
}
