package harness

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAnUnpluggedHostIsAlone(t *testing.T) {
	lab := build(t, "open", nil)
	alice, bob := lab.Host("alice"), lab.Host("bob")
	serve(t, alice)
	serve(t, bob)
	for _, pair := range [][2]*Host{{alice, bob}, {bob, alice}} {
		if _, err := connect(t.Context(), pair[0], pair[1].Addrs()[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := alice.Unplug(); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t.Context(), alice, bob.Addrs()[0]); !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("alice dialed bob without a cable: %v", err)
	}
	if got := dialed(t, bob, netip.AddrPortFrom(alice.Addrs()[0], port)); got != "dropped" {
		t.Errorf("bob's SYN to alice, who has no cable, was %s", got)
	}
}

func TestSentCountsPackets(t *testing.T) {
	lab := build(t, "open", nil)
	alice, bob := lab.Host("alice"), lab.Host("bob")
	serve(t, bob)
	before, err := alice.Sent()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t.Context(), alice, bob.Addrs()[0]); err != nil {
		t.Fatal(err)
	}
	after, err := alice.Sent()
	if err != nil {
		t.Fatal(err)
	}
	if after < before+2 { // a SYN and an ACK
		t.Errorf("alice has sent %d packets before and %d after a connection", before, after)
	}
}

func TestDialRefusesWhatALabDoesNotHave(t *testing.T) {
	alice := build(t, "open", nil).Host("alice")
	for _, to := range []netip.AddrPort{{}, netip.MustParseAddrPort("[2001:db8::1]:80")} {
		if _, err := alice.Dial(t.Context(), to); !errors.Is(err, errNotIPv4) {
			t.Errorf("Dial %s: %v", to, err)
		}
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "linux-masquerade")})
	nowhere := netip.AddrPortFrom(lab.node(t, "nat-a").addrs[0], port)
	cause := errors.New("the cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(shortRTT, func() { cancel(cause) })
	if _, err := lab.Host("bob").Dial(ctx, nowhere); !errors.Is(err, cause) {
		t.Errorf("Dial ended with %v, want %v", err, cause)
	}
}

func TestHostsOfATopology(t *testing.T) {
	lab := build(t, "two-nats", everySlot(topology(t, "two-nats"), profile(t, "none")))
	var got []string
	for _, h := range lab.hosts {
		if len(h.Addrs()) == 0 || lab.Host(h.Name()) != h {
			t.Errorf("host %s has the addresses %v", h.Name(), h.Addrs())
		}
		got = append(got, h.Name())
	}
	slices.Sort(got)
	if want := []string{"alice", "bob", "rendezvous"}; !slices.Equal(got, want) {
		t.Errorf("the hosts are %v, want %v", got, want)
	}
}

func TestAnUnknownHostIsAMistake(t *testing.T) {
	lab := build(t, "open", nil)
	defer func() {
		want := `lab open has no host "carol"; it has alice, bob, rendezvous`
		if got := recover(); got != want {
			t.Errorf("Host panicked with %v, want %s", got, want)
		}
	}()
	lab.Host("carol")
}
