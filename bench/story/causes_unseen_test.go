package story

import (
	"net/netip"
	"time"
)

// transit is a router between two legs, of which nothing is seen but its ICMP errors.
var transit = netip.MustParseAddrPort("198.18.0.2:0")

// expiredBetween has a router behind nat-a answer a SYN that left it: what comes to nat-a is the first sight of that.
func (s *situation) expiredBetween(of sent) {
	p := of.seen
	p.TTL--
	back := Packet{Protocol: ICMP, Type: timeExceeded, TTL: 64, ID: 900, Source: transit, Destination: netip.AddrPortFrom(p.Source.Addr(), 0)}
	for i, leg := range []int{s.on("nat-a", "internet"), s.on("nat-a", "alice"), s.on("alice", "nat-a")} {
		back.Quoted = &Quote{Protocol: TCP, Source: p.Source, Destination: p.Destination, ID: p.ID, TTL: p.TTL, Seq: p.Seq}
		if i > 0 {
			back.TTL = 63
			back.Quoted.Source, back.Destination = aliceAt, netip.AddrPortFrom(aliceAt.Addr(), 0)
		}
		s.see(of.ms+20+float64(i)*hopMS, leg, i == 1, back)
	}
}

// unseen are scenes that are decided between two legs.
var unseen = []scene{
	{
		"a TTL that was to run out does so between two legs", Unknown,
		"the TTL of alice's SYN ran out at internet, as it was to, and no SYN came into its hole",
		func() *situation {
			s := twoNATs()
			s.expiredBetween(s.syn(0.2, "alice", aliceAt, bobOut, how{ttl: 3, lost: "nat-a"}))
			return s
		},
	},
	{
		"the same, and the error is lost", Unknown,
		"the TTL of alice's SYN ran out at internet, as it was to, and no SYN came into its hole",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{ttl: 2, lost: "nat-a"})
			return s
		},
	},
	{
		"the same, between the internet and the other NAT", Unknown,
		"the TTL of alice's SYN ran out at internet, as it was to, and no SYN came into its hole",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{ttl: 3, lost: "internet"})
			return s
		},
	},
	{
		"a SYN whose TTL has a hop left is lost", Lost,
		"alice's SYN left nat-a and never came any further",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{ttl: 3, lost: "nat-a"})
			return s
		},
	},
	{
		"watching ends before anything has come anywhere", OutOfTime,
		"alice's SYN was under way, last seen at alice, when watching ended",
		func() *situation {
			s := alone()
			s.End = at(19)
			return s
		},
	},
	{
		"watching ends when the only packet should have come", Lost, "alice's SYN left alice and never came any further",
		func() *situation { return alone() },
	},
	{
		"a guess between two homes of one carrier", WrongPort,
		"bob aimed at 198.51.100.10:4001, and alice's SYN came from 198.51.100.10:50123; bob's SYN came to nat-a, which dropped it",
		func() *situation {
			s := doubleNAT()
			s.maps["carrier"][carrierIn] = aliceElsewhere // by which she is reached, and where nobody aims at
			s.syn(0.2, "alice", aliceAt, bobOut, how{lost: "carrier"})
			guess := netip.AddrPortFrom(aliceOut.Addr(), 4001)
			s.maps["carrier"][netip.AddrPortFrom(carrierIn.Addr(), 4001)] = guess
			s.syn(25, "bob", bobAt, guess, how{dies: "nat-a"})
			return s
		},
	},
}

// alone: alice's SYN leaves, on a link that takes 20 ms, and nothing else was ever seen.
func alone() *situation {
	s := twoNATs()
	s.Legs[s.on("alice", "nat-a")].Takes = 20 * time.Millisecond
	s.syn(0.2, "alice", aliceAt, bobOut, how{lost: "alice"})
	s.see(0.2, s.on("alice", "nat-a"), true, Packet{Protocol: TCP, Flags: SYN, Seq: 1000, ID: 77, TTL: 64, Source: aliceAt, Destination: bobOut})
	return s
}
