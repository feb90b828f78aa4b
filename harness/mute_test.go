package harness

import (
	"errors"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAMutedHostAnswersNothing(t *testing.T) {
	lab := build(t, "open", nil)
	alice, bob := lab.Host("alice"), lab.Host("bob")
	serve(t, alice)
	home := alice.Addrs()[0]
	listening, closed := netip.AddrPortFrom(home, port), netip.AddrPortFrom(home, port+1)
	for what, to := range map[string]netip.AddrPort{"connected": listening, "reset": closed} {
		if got := dialed(t, bob, to); got != what {
			t.Fatalf("before: a SYN to %s was %s, want %s", to, got, what)
		}
	}
	if err := errors.Join(alice.Mute(), alice.Mute()); err != nil { // once more changes nothing
		t.Fatal(err)
	}
	in := listenIn(t, alice.ns, hostDevice)
	answers := listenIn(t, bob.ns, hostDevice)
	for _, to := range []netip.AddrPort{listening, closed} {
		if got := dialed(t, bob, to); got != "dropped" {
			t.Errorf("a SYN to a muted host was %s", got)
		}
		if got := in.next(t, unix.IPPROTO_TCP, home); got.source != bob.Addrs()[0] {
			t.Errorf("a packet socket on the muted host saw %+v, want bob's SYN", got)
		}
	}
	sendDatagram(t, bob.ns, home)
	in.next(t, unix.IPPROTO_UDP, home)
	if got, err := answers.await(silence, unix.IPPROTO_ICMP, bob.Addrs()[0]); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a datagram to a muted host was answered by %+v, %v", got, err)
	}
}

func TestAMutedHostCanSpeakByHand(t *testing.T) {
	lab := build(t, "two-nats", everySlot(topology(t, "two-nats"), profile(t, "linux-masquerade")))
	alice, server := lab.Host("alice"), lab.Host("rendezvous")
	for _, h := range []*Host{alice, server} {
		if err := h.Mute(); err != nil {
			t.Fatal(err)
		}
	}
	for _, addr := range server.Addrs() {
		in := listenIn(t, server.ns, hostDevice)
		to := netip.AddrPortFrom(addr, port)
		err := alice.Do(func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
			if err != nil {
				return err
			}
			syn := opening(unix.IPPROTO_TCP, netip.AddrPortFrom(alice.Addrs()[0], port), to, 1)
			return errors.Join(unix.Sendto(fd, syn, 0, &unix.SockaddrInet4{Addr: addr.As4()}), unix.Close(fd))
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, nat := in.next(t, unix.IPPROTO_TCP, addr), lab.Router("nat-a").External()[0]; got.source != nat {
			t.Errorf("the muted server saw %+v, want a SYN from %s", got, nat)
		}
	}
}
