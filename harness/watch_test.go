package harness

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/recording"
	"github.com/punchlab/punchlab/topologies"
)

// watched records what happens in a lab during f. Nothing may be lost.
func watched(t *testing.T, lab *Lab, f func()) Recording {
	t.Helper()
	w, err := lab.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f()
	r, err := w.Stop()
	if err := errors.Join(err, r.Missing()); err != nil {
		t.Fatal(err)
	}
	inOrder(t, r)
	return r
}

// inOrder fails the test unless time does not go back in a recording.
func inOrder(t *testing.T, r Recording) {
	t.Helper()
	if !slices.IsSortedFunc(r.Packets, func(a, b recording.Packet) int { return a.At.Compare(b.At) }) {
		t.Error("the packets are not in the order of time")
	}
	if !slices.IsSortedFunc(r.Flows, func(a, b recording.Flow) int { return a.At.Compare(b.At) }) {
		t.Error("the events are not in the order of time")
	}
}

// seen is a packet in words: where, which way, and from which port.
func seen(r Recording, p recording.Packet) string {
	way := "in"
	if p.Out {
		way = "out"
	}
	h := parseHeader(p.Data)
	return fmt.Sprintf("%s %s %s:%d", r.Legs[p.Leg].Name(), way, h.source, h.port)
}

// way is where packets were seen, of those that are meant.
func way(r Recording, meant func(recording.Packet) bool) []string {
	var all []string
	for _, p := range r.Packets {
		if len(p.Data) >= ipv4Header+udpHeader && meant(p) {
			all = append(all, seen(r, p))
		}
	}
	return all
}

// checkWay compares a way with what it is to be. A line of want is a leg with
// what leaves or comes in, and from where.
func checkWay(t *testing.T, r Recording, meant func(recording.Packet) bool, want ...string) {
	t.Helper()
	if got := way(r, meant); !slices.Equal(got, want) {
		t.Errorf("the way was\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// flagged is met by TCP segments with exactly these flags.
func flagged(flags byte) func(recording.Packet) bool {
	return func(p recording.Packet) bool {
		return p.Data[9] == unix.IPPROTO_TCP && p.Data[ipv4Header+13]&0x17 == flags
	}
}

const (
	isSYN    = 0x02
	isSYNACK = 0x12
)

// ofProtocol is met by packets of a protocol.
func ofProtocol(protocol byte) func(recording.Packet) bool {
	return func(p recording.Packet) bool { return p.Data[9] == protocol }
}

// dial connects a host to another's server and returns both ends' names of the
// client.
func dial(t *testing.T, from, to *Host) (local, external netip.AddrPort) {
	t.Helper()
	listener, err := to.Listen(t.Context(), netip.AddrPortFrom(to.Addrs()[0], port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := from.Dial(t.Context(), netip.AddrPortFrom(to.Addrs()[0], port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	return netip.MustParseAddrPort(conn.LocalAddr().String()), netip.MustParseAddrPort(accepted.RemoteAddr().String())
}

// A handshake is seen at every leg of its way, in the order of its way, with
// the inside endpoint before the NAT and the external one after it.
func TestWatchSeesAHandshakeOnItsWholeWay(t *testing.T) {
	for _, name := range kinds {
		t.Run(name, func(t *testing.T) {
			lab := build(t, "two-nats", everySlot(topology(t, "two-nats"), kind(t, name)))
			server := lab.Host("rendezvous")
			var local, external netip.AddrPort
			r := watched(t, lab, func() { local, external = dial(t, lab.Host("alice"), server) })
			from, back := " "+local.String(), fmt.Sprintf(" %s:%d", server.Addrs()[0], port)
			after := " " + external.String()
			checkWay(t, r, flagged(isSYN),
				"alice out"+from, "nat-a inside in"+from, "nat-a outside out"+after, "core to transit-a in"+after,
				"core to transit-s out"+after, "rendezvous in"+after)
			checkWay(t, r, flagged(isSYNACK),
				"rendezvous out"+back, "core to transit-s in"+back, "core to transit-a out"+back, "nat-a outside in"+back,
				"nat-a inside out"+back, "alice in"+back)
		})
	}
}

func TestWatchSeesBothTranslationsOfTwoNATs(t *testing.T) {
	lab := build(t, "double-nat", everySlot(topology(t, "double-nat"), profile(t, "linux-random")))
	var local, external netip.AddrPort
	r := watched(t, lab, func() { local, external = dial(t, lab.Host("alice"), lab.Host("rendezvous")) })
	i := slices.IndexFunc(r.Flows, func(f recording.Flow) bool { return f.Node == "nat-a" && f.Event == recording.New })
	if i < 0 {
		t.Fatalf("nat-a tells of no new connection: %v", r.Flows)
	}
	from, middle, after := " "+local.String(), " "+r.Flows[i].Reply.Destination.String(), " "+external.String()
	if from == middle || middle == after {
		t.Errorf("from%s to%s to%s: something is not translated", from, middle, after)
	}
	checkWay(t, r, flagged(isSYN),
		"alice out"+from, "nat-a inside in"+from, "nat-a outside out"+middle, "carrier inside in"+middle,
		"carrier outside out"+after, "core to transit-a in"+after, "core to transit-s out"+after, "rendezvous in"+after)
}

func TestWatchSeesWhereAPacketEnds(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "linux-masquerade")})
	bob, to := lab.Host("bob"), netip.AddrPortFrom(lab.Router("nat-a").External()[0], port)
	r := watched(t, lab, func() {
		if got := dialed(t, bob, to); got != "dropped" {
			t.Errorf("an unsolicited SYN was %s", got)
		}
	})
	syns := way(r, flagged(isSYN))
	for i, want := range []string{"bob out", "core to transit-b in", "core to transit-a out", "nat-a outside in"} {
		if i >= len(syns) || !strings.HasPrefix(syns[i], want+" ") {
			t.Errorf("the way of the SYN was %q, want %s at %d", syns, want, i)
		}
	}
	if len(syns) != 4 {
		t.Errorf("a dropped SYN was seen at %q", syns)
	}
}

func TestWatchSeesDatagramsAndErrors(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "linux-random")})
	server := lab.Host("rendezvous").Addrs()[0]
	r := watched(t, lab, func() {
		err := lab.Host("alice").Do(func() error {
			conn, err := net.Dial("udp4", netip.AddrPortFrom(server, port).String())
			if err != nil {
				return err
			}
			t.Cleanup(func() { conn.Close() })
			_, err = conn.Write([]byte("word"))
			if err == nil {
				err = conn.SetReadDeadline(time.Now().Add(hopes))
			}
			if _, refused := conn.Read(make([]byte, 1)); !errors.Is(refused, unix.ECONNREFUSED) {
				err = errors.Join(err, fmt.Errorf("nobody listens, and the answer was %w", refused))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if got := way(r, ofProtocol(unix.IPPROTO_UDP)); len(got) != 6 {
		t.Errorf("a datagram was seen at %q", got)
	}
	// The port of the source is where ICMP has its type and code.
	const portUnreachable = 3<<8 | 3
	from := fmt.Sprintf(" %s:%d", server, portUnreachable)
	checkWay(t, r, ofProtocol(unix.IPPROTO_ICMP),
		"rendezvous out"+from, "core to transit-s in"+from, "core to transit-a out"+from, "nat-a outside in"+from,
		"nat-a inside out"+from, "alice in"+from)
	for _, p := range r.Packets {
		if quoted := p.Data[ipv4Header+8:]; p.Data[9] == unix.IPPROTO_ICMP &&
			(len(p.Data) != p.Length || binary.BigEndian.Uint16(quoted[ipv4Header+2:]) != port || string(quoted[ipv4Header+udpHeader:]) != "word") {
			t.Errorf("an ICMP error quotes % x", quoted)
		}
	}
}

func TestWatchesOfTwoLabsSeeTheirOwn(t *testing.T) {
	one, other := build(t, "open", nil), build(t, "open", nil)
	var inside Recording
	var local, elsewhere netip.AddrPort
	outside := watched(t, one, func() {
		inside = watched(t, other, func() { local, _ = dial(t, other.Host("alice"), other.Host("bob")) })
		elsewhere, _ = dial(t, one.Host("bob"), one.Host("alice"))
	})
	for what, c := range map[string]struct {
		r    Recording
		from netip.AddrPort
		want string
	}{"the one": {outside, elsewhere, "bob out "}, "the other": {inside, local, "alice out "}} {
		if syns := way(c.r, flagged(isSYN)); len(syns) != 4 || syns[0] != c.want+c.from.String() {
			t.Errorf("%s lab saw %q, want the SYN of %s", what, syns, c.from)
		}
	}
}

// Recordings of one lab have what happened during them, and nothing else.
func TestWatchCanBeRepeated(t *testing.T) {
	lab := build(t, "open", nil)
	alice, bob := lab.Host("alice"), lab.Host("bob")
	for range 5 {
		var local netip.AddrPort
		r := watched(t, lab, func() { local, _ = dial(t, alice, bob) })
		if syns := way(r, flagged(isSYN)); len(syns) != 4 || syns[0] != "alice out "+local.String() {
			t.Errorf("a recording has %q, want the SYN of %s", syns, local)
		}
		dial(t, alice, bob)
	}
}

// Every leg of a lab has a name of its own, and every interface that joins two
// nodes of it is a leg, but for those of transit routers.
func TestLegsAreAllThereIs(t *testing.T) {
	for _, topo := range topologies.All() {
		lab := build(t, topo.Name, everySlot(topo, profile(t, "none")))
		r := watched(t, lab, func() {})
		names, count := map[string]bool{}, 0
		for _, l := range r.Legs {
			names[l.Name()] = true
		}
		for _, n := range lab.nodes {
			switch n.Kind {
			case topologies.Host:
				count++
			case topologies.NAT:
				count += 2
			}
			if n.Name == topologies.Core {
				count += len(lab.behind(n))
			}
		}
		if len(names) != len(r.Legs) || len(r.Legs) != count {
			t.Errorf("%s: %d legs with %d names, want %d: %v", topo.Name, len(r.Legs), len(names), count, r.Legs)
		}
	}
}
