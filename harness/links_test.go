package harness

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

func setLink(t *testing.T, lab *Lab, transit string, l links.Link) {
	t.Helper()
	if err := lab.SetLink(transit, l); err != nil {
		t.Fatal(err)
	}
}

// A lab begins with what its topology says, and its links change while it runs:
// from a perfect one to one that loses everything, and back.
func TestLinksChange(t *testing.T) {
	lab := build(t, "open", nil)
	slow, _ := lab.Topology().Node("transit-a")
	for name, want := range map[string]links.Link{"transit-a": slow.Link, "transit-s": {}} {
		if got, err := lab.Link(name); err != nil || got != want {
			t.Errorf("%s is %+v, %v, want %+v", name, got, err, want)
		}
	}
	m := mailbox(t, lab) // from alice to the rendezvous
	setLink(t, lab, "transit-a", links.Link{})
	m.send(t, "one")
	if got := m.receive(t); got != "one" {
		t.Errorf("received %s", got)
	}
	setLink(t, lab, "transit-s", links.Link{Down: links.Conditions{Loss: links.Loss{Good: 1}}})
	m.send(t, "two") // held by two links
	if seen := await(t, lab, 3); seen.Dropped != 1 || seen.Lost != 0 {
		t.Errorf("%+v, want one packet dropped and none lost", seen)
	}
	setLink(t, lab, "transit-s", links.Link{})
	m.send(t, "three")
	if got := m.receive(t); got != "three" {
		t.Errorf("received %s, want three", got)
	}
}

// Nobody can have a link that there is not, or that no link could be.
func TestLinksThatCannotBe(t *testing.T) {
	lab := build(t, "open", nil)
	bad := links.Both(links.Conditions{Delay: time.Millisecond, Jitter: links.Jitter{Spread: time.Second}, MTU: 67})
	_, unknown := lab.Link("transit-x")
	for want, err := range map[string]error{
		`lab open: link transit-x: lab open has no link "transit-x"; it has transit-a, transit-b, transit-s`: lab.SetLink("transit-x", links.Link{}),
		`lab open has no link "transit-x"; it has transit-a, transit-b, transit-s`:                           unknown,
		"lab open: link transit-a: up: jitter: 1s is larger than the delay, 1ms; want 0s to 1ms\n" +
			"up: mtu: 67 is not from 68, which IPv4 needs (RFC 791), to 1500\n" +
			"down: jitter: 1s is larger than the delay, 1ms; want 0s to 1ms\n" +
			"down: mtu: 67 is not from 68, which IPv4 needs (RFC 791), to 1500": lab.SetLink("transit-a", bad),
		`lab open: faults: "transit-x up: drop any every": topology open has no link "transit-x"; it has transit-a, transit-b, transit-s; did you mean transit-a?`: lab.SetFaults(links.Fault{
			Link: "transit-x", Way: links.Up, Do: links.Drop, Class: links.Any,
		}),
		"lab open: faults: 101 faults; at most 100 at once": lab.SetFaults(make([]links.Fault, 101)...),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	was, _ := lab.Topology().Node("transit-a")
	if got, err := lab.Link("transit-a"); err != nil || got != was.Link {
		t.Errorf("after a refusal the link is %+v, %v", got, err)
	}
	for _, o := range []Options{{Emulation: "netm"}, {Faults: make([]links.Fault, 1)}} {
		if l, err := Build(t.Context(), topology(t, "open"), nil, o); err == nil {
			t.Errorf("a lab was built with %+v", o)
			_ = l.Close()
		}
	}
}

// The router in front of a link with a small MTU says so, in either direction,
// and TCP heeds it.
func TestMTU(t *testing.T) {
	lab := build(t, "open", nil)
	for _, mtu := range []int{1400, 576, links.MinMTU} {
		for _, l := range []links.Link{{Up: links.Conditions{MTU: mtu}}, {Down: links.Conditions{MTU: mtu}}} {
			setLink(t, lab, "transit-a", l)
			for _, way := range [][2]string{{"alice", "bob"}, {"bob", "alice"}} {
				if got := carried(t, lab, way[0], way[1], 100_000); got != 100_000 {
					t.Errorf("%+v: %d bytes arrive of 100,000 from %s", l, got, way[0])
				}
			}
		}
	}
	setLink(t, lab, "transit-a", links.Link{})
	// A host that nobody has told of a smaller MTU yet; it will remember.
	if !fits(t, lab, "rendezvous", "bob", 1500) {
		t.Error("a packet of 1500 bytes does not pass")
	}
	setLink(t, lab, "transit-b", links.Link{Down: links.Conditions{MTU: 1400}})
	if fits(t, lab, "rendezvous", "bob", 1500) {
		t.Error("a packet of 1500 bytes passes where 1400 are the most")
	}
}

// carried is how many bytes arrive of a TCP connection's.
func carried(t *testing.T, lab *Lab, from, to string, bytes int) int {
	t.Helper()
	listener, err := lab.Host(to).Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	got := make(chan int, 1)
	go func() {
		defer close(got)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn) // what there is will be compared
		got <- len(all)
	}()
	port := netip.MustParseAddrPort(listener.Addr().String()).Port()
	conn, err := lab.Host(from).Dial(t.Context(), netip.AddrPortFrom(lab.Host(to).Addrs()[0], port))
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Write([]byte(strings.Repeat("x", bytes)))
	if err := errors.Join(err, conn.Close()); err != nil {
		t.Error(err)
	}
	return <-got
}

// fits says whether a datagram whose packet has that size, and may not be cut up,
// arrives; if not, it waits until the sender is told.
func fits(t *testing.T, lab *Lab, from, to string, size int) bool {
	t.Helper()
	const headers = 20 + 8
	at := net.UDPAddrFromAddrPort(netip.AddrPortFrom(lab.Host(to).Addrs()[0], port))
	var sender, receiver *net.UDPConn
	err := errors.Join(
		lab.Host(to).Do(func() (err error) { receiver, err = net.ListenUDP("udp4", at); return err }),
		lab.Host(from).Do(func() (err error) { sender, err = net.DialUDP("udp4", nil, at); return err }))
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	defer receiver.Close()
	raw, err := sender.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
		})
	}
	if err == nil {
		_, err = sender.Write(make([]byte, size-headers))
	}
	if err != nil {
		t.Fatal(err)
	}
	arrived, told := make(chan error, 1), make(chan error, 1)
	deadline := time.Now().Add(10 * time.Second)
	if err := errors.Join(sender.SetReadDeadline(deadline), receiver.SetReadDeadline(deadline)); err != nil {
		t.Fatal(err)
	}
	go func() { _, err := receiver.Read(make([]byte, size)); arrived <- err }()
	go func() { _, err := sender.Read(make([]byte, 1)); told <- err }()
	select {
	case err := <-arrived:
		if err != nil {
			t.Fatal(err)
		}
		return true
	case err := <-told:
		if !errors.Is(err, unix.EMSGSIZE) {
			t.Fatalf("the sender was told %v, want %v", err, unix.EMSGSIZE)
		}
		return false
	}
}

// What two hosts behind one transit say to each other has not been on its link.
func TestNeighboursAreNotOnTheLink(t *testing.T) {
	topo := topologies.Topology{Name: "street", Nodes: []topologies.Node{
		{Name: "transit", Kind: topologies.Transit, Behind: topologies.Core, Link: links.Delayed(time.Second)},
		{Name: "alice", Kind: topologies.Host, Behind: "transit"},
		{Name: "bob", Kind: topologies.Host, Behind: "transit"},
		{Name: "rendezvous", Kind: topologies.Host, Behind: "transit"},
	}}
	lab := buildTopology(t, topo, nil)
	if got := carried(t, lab, "alice", "bob", 10); got != 10 {
		t.Errorf("%d bytes arrive of 10", got)
	}
	if stats, err := lab.Links(); err != nil || stats.Held > 0 {
		t.Errorf("%+v, %v: want nothing held", stats, err)
	}
}
