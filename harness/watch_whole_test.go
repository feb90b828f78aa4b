package harness

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/recording"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

// A packet that had left before Stop was called is seen on its whole way, also
// if it was on it then: no delay holds it, and no pause helps it.
func TestStopHasWhatIsOnItsWay(t *testing.T) {
	topo := topology(t, "open")
	for i := range topo.Nodes {
		topo.Nodes[i].Link = links.Link{}
	}
	lab := buildTopology(t, topo, nil)
	m := mailbox(t, lab)
	const words, begun, rounds = 1000, 50, 100
	for range rounds {
		w, err := lab.Watch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		started, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for i := range words {
				_, _ = m.sender.Write(binary.BigEndian.AppendUint32(nil, uint32(i)))
				if i == begun {
					close(started)
				}
			}
		}()
		<-started
		called := time.Now()
		r, err := w.Stop()
		<-ended
		if err := errors.Join(err, r.Missing()); err != nil {
			t.Fatal(err)
		}
		checkWhole(t, r, called, begun)
	}
}

// checkWhole fails the test unless each datagram that left before a moment was
// seen four times, and at least so many left.
func checkWhole(t *testing.T, r Recording, moment time.Time, atLeast int) {
	t.Helper()
	left, times := map[uint32]bool{}, map[uint32]int{}
	for _, p := range r.Packets {
		word := binary.BigEndian.Uint32(p.Data[ipv4Header+udpHeader:])
		times[word]++
		if p.At.Before(moment) && p.Out && r.Legs[p.Leg].Node == topologies.Alice {
			left[word] = true
		}
	}
	for word := range left {
		if times[word] != 4 {
			t.Errorf("datagram %d of %d was seen %d times", word, len(left), times[word])
		}
	}
	if len(left) < atLeast {
		t.Errorf("%d datagrams left, want %d", len(left), atLeast)
	}
}

// A burst as birthday punching makes it is recorded whole, and of the events
// none is passed over in silence: without root there may be room for few.
func TestWatchLosesNothingOfABurst(t *testing.T) {
	topo := topology(t, "two-nats")
	lab := buildTopology(t, topo, everySlot(topo, profile(t, "linux-random")))
	w, err := lab.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const syns = 1600
	for _, names := range [][2]string{{"alice", "nat-b"}, {"bob", "nat-a"}} {
		burst(t, lab.Host(names[0]), lab.Router(names[1]).External()[0], syns/2)
	}
	await(t, lab, 2*syns) // each is held by two routers
	server := lab.Host("rendezvous")
	for _, name := range []string{"alice", "bob"} { // what a link holds goes out in order
		dial(t, lab.Host(name), server)
	}
	r, err := w.Stop()
	if err != nil {
		t.Fatal(err)
	}
	inOrder(t, r)
	for leg, want := range map[string]int{
		"alice": syns / 2, "nat-a inside": syns / 2, "nat-a outside": syns, "core to transit-a": syns, "core to transit-b": syns,
		"nat-b outside": syns, "nat-b inside": syns / 2, "bob": syns / 2,
	} {
		if got, lost := ofBurst(r, leg); got != want || lost > 0 {
			t.Errorf("%s saw %d SYNs of %d, and lost %d packets", leg, got, want, lost)
		}
	}
	events := 0
	for _, f := range r.Flows {
		if f.Event == recording.New && f.Original.Destination.Port() != port {
			events++
		}
	}
	if lost := int(r.LostEvents["nat-a"] + r.LostEvents["nat-b"]); events+lost < syns || (lost > 0) != (r.Missing() != nil) {
		t.Errorf("the NATs told of %d new connections of %d, %d events were lost, and what is missing: %v", events, syns, lost, r.Missing())
	}
}

// ofBurst counts the packets of bursts that a leg saw, and all that it lost.
func ofBurst(r Recording, leg string) (seen int, lost uint64) {
	for _, p := range r.Packets {
		if l := r.Legs[p.Leg]; l.Name() == leg {
			lost = l.Lost
			if flagged(isSYN)(p) && binary.BigEndian.Uint16(p.Data[ipv4Header+2:]) != port {
				seen++
			}
		}
	}
	return seen, lost
}

// burst sends SYNs to as many ports, by hand.
func burst(t *testing.T, from *Host, to netip.Addr, n int) {
	t.Helper()
	err := from.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		for i := range n {
			at := netip.AddrPortFrom(to, uint16(firstCrowdPort+i)) // none is port
			syn := opening(unix.IPPROTO_TCP, netip.AddrPortFrom(from.Addrs()[0], port), at, uint32(i))
			err = errors.Join(err, unix.Sendto(fd, syn, 0, &unix.SockaddrInet4{Addr: to.As4()}))
		}
		return errors.Join(err, unix.Close(fd))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The beginning of a long packet is kept, and its true length.
func TestWatchCutsLongPackets(t *testing.T) {
	lab := build(t, "open", nil)
	m := mailbox(t, lab)
	text := strings.Repeat("0123456789", 140)
	r := watched(t, lab, func() {
		m.send(t, text)
		m.receive(t)
	})
	if len(r.Packets) != 4 {
		t.Fatalf("%d packets", len(r.Packets))
	}
	for _, p := range r.Packets {
		begin := string(p.Data[ipv4Header+udpHeader:])
		if p.Length != ipv4Header+udpHeader+len(text) || len(begin) < 100 || !strings.HasPrefix(text, begin) {
			t.Errorf("%s: %d bytes of %d: %q", seen(r, p), len(p.Data), p.Length, begin)
		}
	}
}

// What TCP sends at once is seen at once, as no network card cuts it into
// segments, nor computes its checksum.
func TestWatchTakesWhatIsLeftToNetworkCards(t *testing.T) {
	lab := build(t, "open", nil)
	alice, bob := lab.Host("alice"), lab.Host("bob")
	const bytes = 10_000
	r := watched(t, lab, func() { send(t, alice, bob, bytes) })
	longest, received := 0, 0
	for _, p := range r.Packets {
		h := parseHeader(p.Data)
		if h.source != alice.Addrs()[0] {
			continue
		}
		longest = max(longest, p.Length)
		if size := ipv4Header + int(p.Data[ipv4Header+12]>>4*4); r.Legs[p.Leg].Node == topologies.Bob {
			received += p.Length - size
		}
		if !p.Unsummed {
			t.Errorf("%s: the checksum is said to be computed", seen(r, p))
		}
	}
	const mtu = 1500
	if longest <= mtu {
		t.Errorf("the longest packet has %d bytes, as if a network card had cut it", longest)
	}
	if received != bytes {
		t.Errorf("bob was seen to receive %d bytes, want %d", received, bytes)
	}
}

// send sends bytes from one host to another, until they are there.
func send(t *testing.T, from, to *Host, bytes int) {
	t.Helper()
	conn, accepted := joined(t, from, to)
	if _, err := conn.Write(make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(accepted, make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
}
