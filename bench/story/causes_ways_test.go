package story

import "net/netip"

// ways are scenes in which no SYN comes to a hole that is there.
var ways = []scene{
	{
		"a TTL that ends in the sender's own NAT", TTLRanOut,
		"the TTL of alice's SYN, 1, ran out in nat-a, which it never left",
		func() *situation { return armed(1, "nat-a") },
	},
	{
		"a TTL that ends between the NATs", Connected,
		"bob's SYN passed nat-a by the hole that alice's SYN had made 45.0 ms before; both proofs were checked 90.0 ms after the start",
		func() *situation { return armed(2, "internet") },
	},
	{
		"an ordinary TTL that runs out", TTLRanOut, "the TTL of alice's SYN, 64, ran out at internet",
		func() *situation {
			s := twoNATs()
			s.unreachable(s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "internet"}), 11, 0)
			return s
		},
	},
	{
		"a private endpoint", WrongPort, "alice's SYN to the private endpoint 192.168.2.2:5000 came to internet, which dropped it",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobAt, how{dies: "internet"})
			return s
		},
	},
	{
		"a SYN that is not translated", Unknown, "alice's SYN came to internet untranslated, from 192.168.1.2:4000, and went no further",
		func() *situation {
			s := twoNATs()
			delete(s.maps["nat-a"], aliceAt)
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "internet"})
			return s
		},
	},
	{
		"a SYN that ends in the internet", Lost, "alice's SYN came to internet, which dropped it",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "internet"})
			s.syn(5, "bob", bobAt, server, how{})
			return s
		},
	},
	{
		"a NAT that maps anew", Remapped,
		"nat-b made 203.0.113.20:61234 of bob's SYN, where alice had been told 203.0.113.20:5000; alice's SYN came to nat-b, which dropped it",
		func() *situation { return remapped(bobOut) },
	},
	{
		"a peer that sends from a port of which nobody knows", Filtered,
		"bob's SYN left from its port 5005, which nobody had been told of, where alice aimed at 203.0.113.20:5000; " +
			"alice's SYN came to nat-b, which dropped it",
		func() *situation {
			s := twoNATs()
			s.maps["nat-b"][bobUnknown] = bobElsewhere
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.syn(5, "bob", bobUnknown, aliceOut, how{dies: "nat-a"})
			return s
		},
	},
	{
		"a port that was predicted wrongly", WrongPort,
		"alice aimed at 203.0.113.20:5001, and bob's SYN came from 203.0.113.20:61234; alice's SYN came to nat-b, which dropped it",
		func() *situation { return remapped(netip.AddrPortFrom(bobOut.Addr(), 5001)) },
	},
	{
		"a port that was predicted rightly", Connected,
		"bob's SYN passed nat-a by the hole that alice's SYN had made 45.0 ms before; both proofs were checked 90.0 ms after the start",
		func() *situation { return remapped(bobElsewhere) },
	},
	{
		"a carrier that maps anew", Remapped,
		"carrier made 198.51.100.10:50123 of alice's SYN, where bob had been told 198.51.100.10:4000; bob's SYN came to carrier, which dropped it",
		func() *situation {
			s := doubleNAT()
			s.syn(5, "bob", bobAt, aliceOut, how{dies: "carrier"})
			delete(s.maps["carrier"], carrierIn)
			s.syn(25, "alice", aliceAt, bobOut, how{dies: "nat-b", as: map[string]netip.AddrPort{"carrier": aliceElsewhere}})
			return s
		},
	},
	{
		"the inner of two NATs refuses", Filtered,
		"bob's SYN reached nat-a, and nothing of alice's had left it towards 203.0.113.20:5000; nat-a dropped it",
		func() *situation {
			s := doubleNAT()
			s.syn(5, "bob", bobAt, aliceOut, how{dies: "nat-a"})
			return s
		},
	},
	{
		"a NAT that does not turn round", HairpinRefused,
		"alice's SYN to 198.51.100.10:5000 was not turned round by nat-a, which dropped it",
		func() *situation {
			s := sameNAT()
			s.syn(0.2, "alice", aliceAt, neighbourOut, how{dies: "nat-a"})
			return s
		},
	},
	{
		"a NAT that turns round and refuses", Filtered,
		"alice's SYN reached nat-a, and nothing of bob's had left it towards 198.51.100.10:4000; nat-a dropped it",
		func() *situation {
			s := sameNAT()
			s.turned(0.2, "nat-a")
			return s
		},
	},
	{
		"a NAT that turns round", Connected,
		"alice's SYN passed nat-a, which lets it in unasked; both proofs were checked 60.0 ms after the start",
		func() *situation {
			s := sameNAT()
			s.turned(0.2, "")
			s.proven(60)
			return s
		},
	},
	{
		"a NAT that turns round with the inside source", HairpinRefused,
		"alice's SYN was turned round with its inside source: bob's SYN-ACK came from 192.168.1.3:5000 and not from 198.51.100.10:5000, " +
			"and alice's host answered RST",
		inside,
	},
	{
		"a NAT without a port left", PortsExhausted, "bob's SYN came to nat-b and got no mapping: it dropped it",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.syn(25, "bob", bobAt, aliceOut, how{dies: "nat-b"})
			return s
		},
	},
	{
		"a NAT without a port left, which says so", PortsExhausted, "bob's SYN came to nat-b and got no mapping: it answered RST",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.inward(s.syn(25, "bob", bobAt, aliceOut, how{dies: "nat-b"}))
			return s
		},
	},
	{
		"an answer to what nobody asked for", ResetByNAT,
		"alice's SYN reached nat-b, and nothing of bob's had left it towards 198.51.100.10:4000; nat-b answered RST",
		func() *situation {
			s := twoNATs()
			s.reset(s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"}))
			return s
		},
	},
	{
		"an ICMP error to what nobody asked for", ICMPByNAT,
		"alice's SYN reached nat-b, and nothing of bob's had left it towards 198.51.100.10:4000; nat-b answered ICMP admin prohibited",
		func() *situation {
			s := twoNATs()
			s.unreachable(s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"}), 3, 13)
			return s
		},
	},
	{
		"no answer to what nobody asked for", Filtered,
		"alice's SYN reached nat-b, and nothing of bob's had left it towards 198.51.100.10:4000; nat-b dropped it",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			return s
		},
	},
	{
		"the same, where the capture lost packets", ObservationLost,
		"alice's SYN was not seen any further than nat-b; but the capture lost packets there",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.LostPackets = map[int]int{s.on("nat-b", "bob"): 3, s.on("bob", "nat-b"): 1}
			return s
		},
	},
	{
		"the same, where it lost packets elsewhere", Filtered,
		"alice's SYN reached nat-b, and nothing of bob's had left it towards 198.51.100.10:4000; nat-b dropped it",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.LostPackets = map[int]int{s.on("alice", "nat-a"): 3}
			return s
		},
	},
	{
		"what comes after giving up does not count", Filtered,
		"alice's SYN reached nat-b, and nothing of bob's had left it towards 198.51.100.10:4000; nat-b dropped it",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.event(500, "bob", Event{Kind: GaveUp})
			s.reset(s.syn(501, "alice", aliceAt, bobOut, how{}))
			return s
		},
	},
	{
		"a SYN that was to die, and nobody comes", Unknown,
		"the TTL of alice's SYN ran out at internet, as it was to, and no SYN came into its hole",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{ttl: 2, dies: "internet"})
			return s
		},
	},
	{
		"a mapping, and no sight of what it is for", Unknown, "alice's SYN got a mapping of nat-a and was not seen to leave it",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-a"})
			s.Flows = append(s.Flows, Flow{At: at(0.3), Station: s.station("nat-a"), Change: New, Protocol: TCP,
				Original: Tuple{aliceAt, bobOut}, Reply: Tuple{bobOut, aliceOut}})
			return s
		},
	},
	{
		"a SYN that came in vain before", Connected,
		"bob's SYN passed nat-a by the hole that alice's SYN had made 119.9 ms before; both proofs were checked 200.0 ms after the start",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{})
			s.accept(s.syn(100, "bob", bobAt, aliceOut, how{}), how{})
			s.proven(200)
			return s
		},
	},
	{
		"of two that came the one of the connection counts", Connected,
		"alice's SYN passed nat-b by the hole that bob's SYN had made 15.4 ms before; both proofs were checked 200.0 ms after the start",
		func() *situation {
			s := twoNATs()
			other := netip.AddrPortFrom(aliceAt.Addr(), 4001)
			s.maps["nat-a"][other] = netip.AddrPortFrom(aliceOut.Addr(), 4001)
			s.syn(5, "bob", bobAt, aliceOut, how{dies: "nat-a"})
			s.accept(s.syn(0.2, "alice", aliceAt, bobOut, how{}), how{})
			s.accept(s.syn(30, "alice", other, bobOut, how{}), how{})
			s.event(199, "bob", Event{Kind: Proven, Local: bobAt, Remote: aliceOut})
			s.event(200, "alice", Event{Kind: Proven, Local: aliceAt, Remote: bobOut})
			return s
		},
	},
	{
		"a connection of the server's is none of the peer's", Filtered,
		"alice's SYN reached nat-b, and nothing of bob's had left it towards 198.51.100.10:4000; nat-b dropped it",
		func() *situation {
			s := twoNATs()
			s.event(-20, "alice", Event{Kind: Accepted, Local: aliceAt, Remote: server})
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			return s
		},
	},
	{
		"a SYN to one's own NAT is none to the peer", Filtered,
		"alice's SYN reached nat-b, and nothing of bob's had left it towards 198.51.100.10:4000; nat-b dropped it",
		func() *situation {
			s := twoNATs()
			s.syn(-20, "alice", aliceAt, server, how{})
			s.syn(-10, "alice", netip.AddrPortFrom(aliceAt.Addr(), 4001), aliceOut, how{dies: "nat-a"})
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			return s
		},
	},
	{
		"who was told what is seen at the server, where nobody tells", Remapped,
		"nat-b made 203.0.113.20:61234 of bob's SYN, where alice had been told 203.0.113.20:5000; alice's SYN came to nat-b, which dropped it",
		func() *situation {
			s := twoNATs()
			s.syn(-100, "bob", bobAt, server, how{})
			s.Events = nil
			delete(s.maps["nat-b"], bobAt)
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.syn(5, "bob", bobAt, aliceOut, how{dies: "nat-a", as: map[string]netip.AddrPort{"nat-b": bobElsewhere}})
			return s
		},
	},
	{
		"a SYN whose first sight is missing", Filtered,
		"alice's SYN reached nat-b, and nothing of bob's had left it towards 198.51.100.10:4000; nat-b dropped it",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.Packets = s.Packets[1:]
			return s
		},
	},
}
