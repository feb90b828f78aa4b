package link_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness/internal/fate"
	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/link"
	"github.com/punchlab/punchlab/links"
)

// fence is a datagram behind which nothing comes any more.
const fence = "fence"

// through sends numbered datagrams from left to right, and returns those that
// arrive, in their order. The link is lossless for the fence behind them, whose
// delay is the longest.
func through(t *testing.T, s street, e *link.Emulator, w *link.Wire, l links.Link, datagrams int) (arrived []string) {
	t.Helper()
	left, right := s.sockets(t)
	defer left.Close()
	defer right.Close()
	before, err := e.Stats()
	if err != nil {
		t.Fatal(err)
	}
	for i := range datagrams {
		send(t, left, fmt.Sprint(i))
	}
	stats(t, e, before.Held+uint64(datagrams))
	last := l.Lossless()
	last.Up.Delay += l.Up.Jitter.Spread
	if err := w.Set(last); err != nil {
		t.Fatal(err)
	}
	send(t, left, fence)
	for word := receive(t, right); word != fence; word = receive(t, right) {
		arrived = append(arrived, word)
	}
	if err := w.Set(l); err != nil {
		t.Fatal(err)
	}
	return arrived
}

func seed(t *testing.T, e *link.Emulator, seed uint64) {
	t.Helper()
	if err := e.Seed(seed); err != nil {
		t.Fatal(err)
	}
}

func TestTheSameSeedHasTheSameFate(t *testing.T) {
	const datagrams = 150 // twice as many would be more than a socket holds
	s, e := newStreet(t), emulator(t)
	l := links.Both(links.Conditions{
		Delay: 20 * time.Millisecond, Loss: links.Loss{P: 0.1, R: 0.3, Bad: 0.9, Good: 0.05}, Duplicate: 0.1,
	})
	w := s.wire(t, e, l)
	seed(t, e, 1)
	first := through(t, s, e, w, l, datagrams)
	seen, err := e.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if seen.Lost > 0 || uint64(len(first)) != datagrams-seen.Dropped+seen.Duplicated || seen.Dropped == 0 || seen.Duplicated == 0 {
		t.Errorf("%d datagrams of %d arrive, and %+v", len(first), datagrams, seen)
	}
	for _, again := range []func(){func() { seed(t, e, 1) }, func() {
		if err := e.Reset(); err != nil {
			t.Fatal(err)
		}
	}} {
		again()
		if second := through(t, s, e, w, l, datagrams); !slices.Equal(first, second) {
			t.Errorf("with one seed there arrive\n%v, and then\n%v", first, second)
		}
	}
	seed(t, e, 2)
	if other := through(t, s, e, w, l, datagrams); slices.Equal(first, other) {
		t.Error("with another seed the same arrive")
	}
}

// What leaves by the uplink is on the way up, and what came by it on the way
// down.
func TestEachDirectionHasItsConditions(t *testing.T) {
	s, e := newStreet(t), emulator(t)
	w := s.wire(t, e, links.Link{Up: links.Conditions{Loss: links.Loss{Good: 1}}})
	left, right := s.sockets(t)
	send(t, left, "up")
	stats(t, e, 1)
	if err := w.Set(links.Link{Down: links.Conditions{Loss: links.Loss{Good: 1}}}); err != nil {
		t.Fatal(err)
	}
	send(t, left, "again")
	if got := receive(t, right); got != "again" {
		t.Errorf("%s arrived on a way that loses everything", got)
	}
	if _, err := right.WriteTo([]byte("down"), left.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if s := stats(t, e, 3); s.Dropped != 2 || s.Lost != 0 {
		t.Errorf("%+v, want two packets dropped and none lost", s)
	}
}

// Jitter lets packets overtake each other, and none is lost by it.
func TestJitterReorders(t *testing.T) {
	const datagrams = 150
	s, e := newStreet(t), emulator(t)
	l := links.Both(links.Conditions{Delay: 20 * time.Millisecond, Jitter: links.Jitter{Spread: 20 * time.Millisecond}})
	arrived := through(t, s, e, s.wire(t, e, l), l, datagrams)
	number := func(x, y string) int {
		i, _ := strconv.Atoi(x)
		j, _ := strconv.Atoi(y)
		return i - j
	}
	if len(arrived) != datagrams || slices.IsSortedFunc(arrived, number) {
		t.Errorf("%d of %d datagrams arrived: %v", len(arrived), datagrams, arrived)
	}
}

// A rate makes packets wait, and its queue drops what finds no room. Neither is
// a loss of the lab's.
func TestRateAndQueue(t *testing.T) {
	const datagrams, size = 20, 1000
	s, e := newStreet(t), emulator(t)
	s.wire(t, e, links.Both(links.Conditions{Rate: 1_000_000, Queue: 5000}))
	left, right := s.sockets(t)
	sent := time.Now()
	for range datagrams {
		send(t, left, strings.Repeat("x", size))
	}
	full := stats(t, e, datagrams)
	if full.Overflowed == 0 || full.Overflowed >= datagrams || full.Lost > 0 || full.Dropped > 0 {
		t.Errorf("%+v: want some of %d packets to find no room, and no other loss", full, datagrams)
	}
	passed := datagrams - int(full.Overflowed)
	for range passed {
		if err := right.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := right.Read(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	// With the headers of IP, UDP and Ethernet.
	if least := time.Duration(passed*(size+28+14)*8) * time.Microsecond; time.Since(sent) < least {
		t.Errorf("%d packets took %v, less than %v", passed, time.Since(sent), least)
	}
}

// counters are the kernel's statistics of a namespace: names and values.
func counters(t *testing.T, ns *kernel.Namespace) map[string]string {
	t.Helper()
	var text []byte
	err := ns.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/snmp")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		for j := 1; j < len(names); j++ {
			all[names[0]+names[j]] = values[j]
		}
	}
	return all
}

// What is corrupt arrives with a wrong checksum, and the receiver's kernel drops
// it for that.
func TestTheReceiverDropsWhatIsCorrupt(t *testing.T) {
	s, e := newStreet(t), emulator(t)
	w := s.wire(t, e, links.Delayed(time.Millisecond))
	if err := w.SetRules([]fate.Rule{
		{Fault: links.Fault{Link: "street", Way: links.Up, Do: links.Corrupt, Class: links.UDP, First: 2, Last: 2}},
		{Fault: links.Fault{Link: "street", Way: links.Down, Do: links.Drop, Class: links.Any}},
	}); err != nil {
		t.Fatal(err)
	}
	left, right := s.sockets(t)
	for _, word := range []string{"one", "two", "three"} {
		send(t, left, word)
	}
	for _, want := range []string{"one", "three"} {
		if got := receive(t, right); got != want {
			t.Errorf("received %s, want %s", got, want)
		}
	}
	if got := counters(t, s.right)["Udp:InCsumErrors"]; got != "1" {
		t.Errorf("the receiver counts %s wrong checksums, want 1", got)
	}
	counts, err := w.Rules()
	if want := []fate.Count{{Matched: 3, Acted: 1}, {}}; err != nil || !slices.Equal(counts, want) {
		t.Errorf("the rules have counted %+v, %v, want %+v", counts, err, want)
	}
	if s := stats(t, e, 3); s.Corrupted != 1 || s.Lost != 0 {
		t.Errorf("%+v, want one packet corrupted and none lost", s)
	}
}

// Copies, damage, losses and all else: TCP mends everything, if what arrives has
// the checksums that it should have.
func TestTCPMendsWhatLinksDo(t *testing.T) {
	s, e := newStreet(t), emulator(t)
	w := s.wire(t, e, links.Both(links.Conditions{
		Delay: 5 * time.Millisecond, Jitter: links.Jitter{Spread: time.Millisecond}, Loss: links.Loss{Good: 0.01},
		Duplicate: 0.05, Reorder: 0.01, Rate: 200_000_000, Queue: 1_000_000,
	}))
	if err := w.SetRules([]fate.Rule{{Fault: links.Fault{Link: "street", Way: links.Up, Do: links.Corrupt, Class: links.DATA, First: 5, Last: 8}}}); err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("punchlab"), 1<<16)
	if got := transfer(t, s, want); !bytes.Equal(got, want) {
		t.Error("what arrived is not what was sent")
	}
	seen := stats(t, e, uint64(len(want)/links.MaxMTU))
	if seen.Lost > 0 || seen.Dropped == 0 || seen.Duplicated == 0 || seen.Corrupted != 4 {
		t.Errorf("%+v: want packets dropped and duplicated, four corrupted, and none lost by the lab", seen)
	}
	if got := counters(t, s.right)["Tcp:InCsumErrors"]; got != "4" {
		t.Errorf("the receiver counts %s wrong checksums, want 4", got)
	}
}

// transfer sends bytes from left to right over TCP, and returns what arrives.
func transfer(t *testing.T, s street, all []byte) []byte {
	t.Helper()
	at := netip.AddrPortFrom(rightAddr, port).String()
	var listener net.Listener
	if err := s.right.Do(func() (err error) { listener, err = net.Listen("tcp4", at); return err }); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	got := make(chan []byte, 1)
	go func() {
		defer close(got)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn) // what there is will be compared
		got <- all
	}()
	var conn net.Conn
	err := s.left.Do(func() (err error) { // some round trips of milliseconds are no wait
		conn, err = net.DialTimeout("tcp4", at, patience)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(all); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	return <-got
}
