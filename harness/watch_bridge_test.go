package harness

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A hairpinned packet passes both sides of its NAT twice where the router in
// front turns it round.
func TestWatchSeesHairpinnedPackets(t *testing.T) {
	lab := build(t, "same-nat", NATs{"a": kind(t, "cone")})
	external := mapped(t, lab)
	r := watched(t, lab, func() {
		if got := dialed(t, lab.Host("bob"), external); got != "connected" {
			t.Fatalf("a hairpinned SYN was %s", got)
		}
	})
	var places []string
	for _, s := range way(r, flagged(isSYN)) {
		places = append(places, s[:strings.LastIndex(s, " ")])
	}
	want := []string{"bob out", "nat-a inside in", "nat-a outside out", "nat-a outside in", "nat-a inside out", "alice in"}
	if !slices.Equal(places, want) {
		t.Errorf("the way was %q, want %q", places, want)
	}
}

// What two hosts of one network say to each other passes the bridge of their
// NAT, and not the NAT.
func TestWatchSeesNothingTwiceOnABridge(t *testing.T) {
	lab := build(t, "same-nat", NATs{"a": profile(t, "linux-masquerade")})
	var local netip.AddrPort
	r := watched(t, lab, func() { local, _ = dial(t, lab.Host("bob"), lab.Host("alice")) })
	checkWay(t, r, flagged(isSYN), "bob out "+local.String(), "alice in "+local.String())
	server := lab.Host("rendezvous")
	r = watched(t, lab, func() { local, _ = dial(t, lab.Host("bob"), server) })
	syns := way(r, flagged(isSYN))
	if len(syns) != 6 || syns[1] != "nat-a inside in "+local.String() {
		t.Errorf("a SYN through a bridge was seen at %q", syns)
	}
}

// A bridge that does not know where an address is sends to all of its ports.
// Those whose address it is not do not receive it.
func TestWatchDoesNotSeeWhatABridgeFloods(t *testing.T) {
	lab := build(t, "carrier", everySlot(topology(t, "carrier"), profile(t, "none")))
	to := lab.node(t, "nat-b").addrs[0]
	in := listenIn(t, lab.node(t, "nat-b").ns, wanDevice)
	r := watched(t, lab, func() {
		sendDatagram(t, lab.node(t, "nat-a").ns, to)
		in.next(t, unix.IPPROTO_UDP, to)
	})
	got := way(r, ofProtocol(unix.IPPROTO_UDP))
	if len(got) != 2 || !strings.HasPrefix(got[0], "nat-a outside out ") || !strings.HasPrefix(got[1], "nat-b outside in ") {
		t.Errorf("a datagram from one neighbour to another was seen at %q", got)
	}
}
