package story_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/punchlab/punchlab/bench/story"
)

// A SYN from alice to bob, who has a NAT that drops it, seen on five legs.
func ExampleTell() {
	var (
		start   = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
		inside  = netip.MustParseAddrPort("192.168.1.2:4000")
		outside = netip.MustParseAddrPort("198.51.100.10:4000")
		bob     = netip.MustParseAddrPort("203.0.113.20:5000")
	)
	r := story.Recording{
		Start: start, End: start.Add(time.Second),
		Stations: []story.Station{
			{Name: "alice", Role: story.Peer, Addresses: []netip.Addr{inside.Addr()}},
			{Name: "nat-a", Role: story.NAT, External: []netip.Addr{outside.Addr()}},
			{Name: "internet", Role: story.Internet},
			{Name: "nat-b", Role: story.NAT, External: []netip.Addr{bob.Addr()}},
			{Name: "bob", Role: story.Peer, Addresses: []netip.Addr{netip.MustParseAddr("192.168.2.2")}},
		},
		Legs: []story.Leg{
			{Station: 0, Toward: 1, Side: story.AtHost},
			{Station: 1, Toward: 0, Side: story.Inside},
			{Station: 1, Toward: 2, Side: story.Outside},
			{Station: 3, Toward: 2, Side: story.Outside},
			{Station: 4, Toward: 3, Side: story.AtHost},
		},
	}
	see := func(ms float64, leg int, out bool, source netip.AddrPort, ttl uint8) {
		r.Packets = append(r.Packets, story.Packet{
			At: start.Add(time.Duration(ms * 1e6)), Leg: leg, Out: out, TTL: ttl,
			Protocol: story.TCP, Flags: story.SYN, Seq: 1000, ID: 1, Source: source, Destination: bob,
		})
	}
	see(0.2, 0, true, inside, 64)
	see(0.3, 1, false, inside, 64)
	see(0.4, 2, true, outside, 63)
	see(20.5, 3, false, outside, 60)

	told := story.Tell(r)
	fmt.Println(told.Cause)
	fmt.Println(told.Sentence)
	fmt.Println(told.Comments()[3])
	// Output:
	// filtered
	// alice's SYN reached nat-b, and nothing of bob's had left it towards 198.51.100.10:4000; nat-b dropped it
	// nat-b: dropped: nothing inside had asked for it
}

// What a cause means, for the head of a table.
func ExampleCause_Meaning() {
	fmt.Println(story.CrossedTooLate, "-", story.CrossedTooLate.Meaning())
	// Output: crossed-too-late - a SYN was answered before the other peer's own had left
}

// A packet as it was captured, without the header of its link.
func ExampleParse() {
	p, err := story.Parse([]byte{
		0x45, 0, 0, 40, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 192, 168, 1, 2, 203, 0, 113, 20,
		0x0f, 0xa0, 0x13, 0x88, 0, 0, 3, 0xe8, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0,
	})
	fmt.Println(p, err)
	// Output: SYN 192.168.1.2:4000 > 203.0.113.20:5000 ttl 64 <nil>
}
