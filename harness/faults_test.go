package harness

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/links"
)

// These are the sequences that papers on hole punching draw, packet by packet,
// between two public hosts: what a fault does to a packet decides what happens,
// and what happened is counted packet by packet.

// counting is in the place of the number of a packet that never comes: a fault
// that only counts.
const counting = "#100000"

// script gives a lab faults.
func script(t *testing.T, lab *Lab, rules ...string) {
	t.Helper()
	var faults []links.Fault
	for _, text := range rules {
		f, err := links.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, f)
	}
	if err := lab.SetFaults(faults...); err != nil {
		t.Fatal(err)
	}
}

// met checks how often the faults have matched, in their order.
func met(t *testing.T, lab *Lab, want ...uint64) {
	t.Helper()
	counts, err := lab.Faults()
	if err != nil || len(counts) != len(want) {
		t.Fatalf("%+v, %v", counts, err)
	}
	for i, c := range counts {
		if c.Matched != want[i] {
			t.Errorf("%q matched %d times, want %d", c.Fault, c.Matched, want[i])
		}
	}
}

// acted waits until a fault has acted.
func acted(t *testing.T, lab *Lab, number int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		counts, err := lab.Faults()
		if err != nil {
			t.Fatal(err)
		}
		if counts[number].Acted > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q has not acted: %+v", counts[number].Fault, counts)
		}
		time.Sleep(time.Millisecond) // a counter tells nobody that it has grown
	}
}

// ends of the connections here.
const alicePort, bobPort = 4000, 5000

// sendSYN starts a connect from a fixed port, and closes the socket with the test.
func sendSYN(t *testing.T, lab *Lab, host string, ttl int) (fd int) {
	t.Helper()
	ends := map[string]netip.AddrPort{
		"alice": netip.AddrPortFrom(lab.Host("alice").Addrs()[0], alicePort),
		"bob":   netip.AddrPortFrom(lab.Host("bob").Addrs()[0], bobPort),
	}
	own, other := ends["alice"], ends["bob"]
	if host == "bob" {
		own, other = other, own
	}
	address := func(e netip.AddrPort) *unix.SockaddrInet4 {
		return &unix.SockaddrInet4{Port: int(e.Port()), Addr: e.Addr().As4()}
	}
	err := lab.Host(host).Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		err = errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, ttl),
			unix.Bind(fd, address(own)))
		if err != nil {
			return err
		}
		if err := unix.Connect(fd, address(other)); !errors.Is(err, unix.EINPROGRESS) {
			return err
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, 64) // of what follows the SYN
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// outcome waits for what comes of a connect.
func outcome(t *testing.T, fd int) error {
	t.Helper()
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for deadline := time.Now().Add(10 * time.Second); ; {
		n, err := unix.Poll(poll, int(time.Until(deadline).Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("nothing came of a connect: %v", err)
		}
		code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil {
			t.Fatal(err)
		}
		if code != 0 {
			return unix.Errno(code)
		}
		return nil
	}
}

func bothConnect(t *testing.T, fds ...int) {
	t.Helper()
	for _, fd := range fds {
		if err := outcome(t, fd); err != nil {
			t.Errorf("a connect failed: %v", err)
		}
	}
}

// Both SYNs are under way before either arrives: both sides answer by a SYN-ACK
// (RFC 9293, figure 7).
func TestSYNsThatCross(t *testing.T) {
	lab := build(t, "open", nil)
	script(t, lab,
		"transit-a up: delay SYN every by 500ms to bob",
		"transit-b up: delay SYN every by 500ms to alice",
		"transit-a up: drop SYN-ACK "+counting, "transit-b up: drop SYN-ACK "+counting,
		"transit-a up: drop RST "+counting, "transit-b up: drop RST "+counting)
	alice, bob := sendSYN(t, lab, "alice", 64), sendSYN(t, lab, "bob", 64)
	bothConnect(t, alice, bob)
	met(t, lab, 1, 1, 1, 1, 0, 0)
}

// Alice's SYN arrives before Bob's is sent, and Bob's host refuses it: where the
// RST arrives, her attempt is over before his begins, and so is his.
func TestSYNsThatDoNotCross(t *testing.T) {
	lab := build(t, "open", nil)
	script(t, lab, "transit-b up: delay RST #1 by 50ms from bob:5000 to alice:4000", "transit-a up: drop SYN-ACK "+counting,
		"transit-b up: drop SYN-ACK "+counting)
	if err := outcome(t, sendSYN(t, lab, "alice", 64)); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("Alice's connect: %v, want %v", err, unix.ECONNREFUSED)
	}
	if err := outcome(t, sendSYN(t, lab, "bob", 64)); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("Bob's connect: %v, want %v", err, unix.ECONNREFUSED)
	}
	met(t, lab, 1, 0, 0)
}

// Where the early RST is lost, Alice's attempt lives, and his SYN meets it.
func TestAnEarlyRSTThatIsLost(t *testing.T) {
	lab := build(t, "open", nil)
	script(t, lab, "transit-b up: drop RST #1", "transit-a up: drop SYN-ACK "+counting, "transit-b up: drop SYN-ACK "+counting)
	alice := sendSYN(t, lab, "alice", 64)
	acted(t, lab, 0)
	bob := sendSYN(t, lab, "bob", 64)
	bothConnect(t, alice, bob)
	// Her SYN-ACK answers his SYN; his own would answer hers, which is gone, unless
	// the kernel has sent it again meanwhile.
	counts, err := lab.Faults()
	if err != nil || counts[0].Matched != 1 || counts[1].Matched == 0 {
		t.Errorf("%+v, %v: want one RST, and a SYN-ACK of Alice's", counts, err)
	}
}

// A SYN-ACK that is lost is sent again.
func TestALostSYNACK(t *testing.T) {
	lab := build(t, "open", nil)
	script(t, lab, "transit-b up: drop SYN-ACK #1 from bob")
	if got := carried(t, lab, "alice", "bob", 10); got != 10 {
		t.Errorf("%d bytes arrive of 10", got)
	}
	counts, err := lab.Faults()
	if err != nil || counts[0].Acted != 1 || counts[0].Matched < 2 {
		t.Errorf("%+v, %v: want a second SYN-ACK", counts, err)
	}
}

// A SYN whose TTL ends at Bob's transit brings about an ICMP error, which ends
// Alice's attempt, unless it comes after Bob's SYN.
func TestATimeExceededThatArrivesLate(t *testing.T) {
	const toTransitB = 3
	lab := build(t, "open", nil)
	script(t, lab, "transit-a down: delay ICMP-time-exceeded "+counting+" by 1s to alice:4000")
	if err := outcome(t, sendSYN(t, lab, "alice", toTransitB)); !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("in time: %v, want %v", err, unix.EHOSTUNREACH)
	}
	met(t, lab, 1)
	if err := lab.Reset(); err != nil {
		t.Fatal(err)
	}
	script(t, lab, "transit-a down: delay ICMP-time-exceeded #1 by 10s from bob:5000 to alice:4000")
	alice := sendSYN(t, lab, "alice", toTransitB)
	acted(t, lab, 0)
	bob := sendSYN(t, lab, "bob", 64)
	bothConnect(t, alice, bob)
	if seen, err := lab.Links(); err != nil || seen.Dropped > 0 || seen.Lost > 0 {
		t.Errorf("%+v, %v: want nothing dropped or lost", seen, err)
	}
}

// What is corrupt is as good as lost, and what is duplicated changes nothing.
func TestTCPOutlivesDamageAndCopies(t *testing.T) {
	lab := build(t, "open", nil)
	script(t, lab, "transit-a up: corrupt data #1-2", "transit-a up: duplicate any every", "transit-a down: duplicate any every",
		"transit-b up: corrupt SYN-ACK #1")
	if got := carried(t, lab, "alice", "bob", 50_000); got != 50_000 {
		t.Errorf("%d bytes arrive of 50,000", got)
	}
	counts, err := lab.Faults()
	if err != nil || counts[0].Acted != 2 || counts[1].Acted < 30 || counts[2].Acted == 0 || counts[3].Acted != 1 {
		t.Errorf("%+v, %v", counts, err)
	}
	if seen, err := lab.Links(); err != nil || seen.Corrupted != 3 || seen.Duplicated < counts[1].Acted+counts[2].Acted || seen.Lost > 0 {
		t.Errorf("%+v, %v", seen, err)
	}
}

// Names of hosts stand for the addresses of the NATs that hide them, and counts
// begin with each seed and each reset.
func TestFaultsKnowHostsByTheirNATs(t *testing.T) {
	lab := build(t, "two-nats", everySlot(topology(t, "two-nats"), profile(t, "linux-masquerade")))
	script(t, lab,
		"transit-a up: drop SYN "+counting+" from alice to rendezvous",
		"transit-a up: drop SYN "+counting+" from nat-a",
		"transit-a up: drop SYN "+counting+" from bob",
		"transit-s down: drop SYN "+counting+" from alice")
	for range 2 {
		if got := carried(t, lab, "alice", "rendezvous", 10); got != 10 {
			t.Errorf("%d bytes arrive of 10", got)
		}
		met(t, lab, 1, 1, 0, 1)
		if err := lab.Seed(1); err != nil {
			t.Fatal(err)
		}
		met(t, lab, 0, 0, 0, 0)
		if err := lab.Reset(); err != nil {
			t.Fatal(err)
		}
	}
	if err := lab.SetFaults(); err != nil {
		t.Fatal(err)
	}
	met(t, lab)
}
