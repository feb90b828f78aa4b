package story

import (
	"net/netip"
	"slices"
)

// doors are scenes in which a SYN comes to a host, or to a hole.
var doors = []scene{
	{
		"the proof does not come through", NotOne,
		"alice had a connection to 203.0.113.20:5000; what alice said on it came to nat-b, which dropped it",
		func() *situation {
			s := crossing()
			s.Events = s.Events[:2]
			s.event(41, "alice", Event{Kind: Established, Local: aliceAt, Remote: bobOut})
			s.send(41.1, "alice", aliceAt, bobOut, how{dies: "nat-b", first: Packet{Flags: PSH | ACK, Seq: 1001, Payload: 39}})
			return s
		},
	},
	{
		"two connections", NotOne,
		"both peers checked a proof, and what one says the other does not hear: they have two connections, or one that carries one way",
		func() *situation {
			s := crossing()
			s.event(91, "bob", Event{Kind: NotUsable})
			return s
		},
	},
	{
		"a connection that nobody takes", NotOne,
		"bob's SYN was answered, and no connection came of it that both peers took",
		func() *situation {
			s := dropped("")
			s.Events = s.Events[:2]
			return s
		},
	},
	{
		"the listener's answer is invalid to connection tracking", AnswerRefused,
		"bob's SYN reached alice; alice's SYN-ACK came to nat-a, which dropped it",
		func() *situation { return dropped("nat-a") },
	},
	{
		"connection tracking passes the listener's answer on as it is", AnswerRefused,
		"bob's SYN reached alice; alice's SYN-ACK passed its NAT untranslated, from 192.168.1.2:4000, and internet dropped it",
		func() *situation {
			s := dropped("-")
			s.accept(s.last, how{dies: "internet", as: map[string]netip.AddrPort{"nat-a": aliceAt}})
			return s
		},
	},
	{
		"the answer is lost", Lost, "bob's SYN reached alice; alice's SYN-ACK left nat-a and never came any further",
		func() *situation {
			s := dropped("-")
			s.accept(s.last, how{lost: "nat-a"})
			return s
		},
	},
	{
		"the answer comes to a socket that is gone", ResetByHost,
		"bob's SYN reached alice; alice's SYN-ACK came to bob 40.8 ms later, whose socket was gone: the host answered RST",
		func() *situation {
			s := dropped("-")
			s.reply(s.accept(s.last, how{}), how{first: Packet{Flags: RST, Seq: s.last.seen.Seq + 1}})
			return s
		},
	},
	{
		"a closed port", ResetByHost, "bob's SYN reached alice, whose host answered RST",
		func() *situation {
			s := dropped("-")
			s.reset(s.last)
			return s
		},
	},
	{
		"the host says nothing", Unknown, "bob's SYN reached alice, whose host did not answer",
		func() *situation { return dropped("-") },
	},
	{
		"a hole that takes no SYN", HoleRefused,
		"bob's SYN reached nat-a 45.0 ms after alice's SYN had made the hole for it, and nat-a dropped it",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.syn(25, "bob", bobAt, aliceOut, how{dies: "nat-a"})
			return s
		},
	},
	{
		"a hole that was forgotten", HoleRefused,
		"bob's SYN reached nat-a 5020.1 ms after alice's SYN had made the hole for it, and nat-a dropped it: its entry had been gone for 20.4 ms",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.Flows = append(s.Flows, Flow{At: at(5000), Station: s.station("nat-a"), Change: Destroy, Protocol: TCP,
				Original: Tuple{aliceAt, bobOut}, Reply: Tuple{bobOut, aliceOut}})
			s.syn(5000.1, "bob", bobAt, aliceOut, how{dies: "nat-a"})
			s.End = at(6000)
			return s
		},
	},
	{
		"a hole that minds the ICMP error", HoleRefused,
		"bob's SYN reached nat-a 45.0 ms after alice's SYN had made the hole for it, and nat-a dropped it: an ICMP time exceeded had come to the hole 44.8 ms before",
		func() *situation {
			s := twoNATs()
			s.unreachable(s.syn(0.2, "alice", aliceAt, bobOut, how{ttl: 2, dies: "internet"}), timeExceeded, 0)
			s.syn(25, "bob", bobAt, aliceOut, how{dies: "nat-a"})
			return s
		},
	},
	{
		"the same, where the SYN was not seen at the NAT that refused it", CrossedTooLate,
		"alice's SYN was answered RST by nat-b 0.6 ms before bob's own SYN left it, which closed its hole in nat-a; " +
			"bob's SYN came there 0.6 ms later and was dropped",
		func() *situation {
			s := twoNATs()
			s.reset(s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"}))
			s.syn(21.0, "bob", bobAt, aliceOut, how{dies: "nat-a"})
			s.Packets = slices.DeleteFunc(s.Packets, func(p Packet) bool { return p.Leg == s.on("nat-b", "internet") && !p.Out })
			return s
		},
	},
	{
		"a SYN is refused before the other one has left", CrossedTooLate,
		"alice's SYN reached nat-b 3.1 ms before bob's own SYN left; nat-b answered RST; alice's socket was refused",
		func() *situation { return refused(23.4, "nat-a") },
	},
	{
		"the other one had left just before", HoleRefused,
		"alice's SYN reached nat-b 0.4 ms after bob's SYN had made the hole for it, and nat-b answered RST",
		func() *situation { return refused(20, "nat-a") },
	},
	{
		"refused by an ICMP error", CrossedTooLate,
		"alice's SYN reached nat-b 3.1 ms before bob's own SYN left; nat-b answered ICMP port unreachable; alice's socket was refused",
		func() *situation {
			s := twoNATs()
			r := s.unreachable(s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"}), 3, 3)
			s.event(r.ms+0.1, "alice", Event{Kind: ICMPHeard, Local: aliceAt, Remote: bobOut})
			s.syn(23.4, "bob", bobAt, aliceOut, how{dies: "nat-a"})
			return s
		},
	},
	{
		"a link loses the SYN that would have done it", Lost,
		"bob's SYN was lost behind nat-b (transit-b: loss), on its way to a hole that was open",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			l := s.syn(25, "bob", bobAt, aliceOut, how{lost: "nat-b"})
			s.Dropped = append(s.Dropped, Drop{At: at(l.ms + 0.01), Packet: l.seen, Link: "transit-b", Why: "loss"})
			return s
		},
	},
	{
		"watching ends while it is under way", OutOfTime,
		"bob's SYN was under way, last seen at nat-b, when watching ended, on its way to a hole that was open",
		func() *situation {
			s := twoNATs()
			s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.syn(25, "bob", bobAt, aliceOut, how{cut: "nat-b"})
			s.End = at(26)
			return s
		},
	},
	{
		"a hole that is made again behind the refusal", HoleRefused,
		"bob's SYN reached nat-a 8.2 ms after alice's SYN had made the hole for it, and nat-a dropped it",
		func() *situation {
			s := twoNATs()
			s.reset(s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"}))
			s.syn(42, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.syn(30, "bob", bobAt, aliceOut, how{dies: "nat-a"})
			return s
		},
	},
	{
		"of two that come too early the closer one counts", CrossedTooLate,
		"alice's SYN reached nat-b 1.7 ms before bob's own SYN left; nat-b answered RST",
		func() *situation {
			s := twoNATs()
			for _, ms := range []float64{0.2, 4.2, 2.2} {
				s.reset(s.syn(ms, "alice", aliceAt, bobOut, how{dies: "nat-b"}))
			}
			s.syn(26, "bob", bobAt, aliceOut, how{dies: "nat-a"})
			return s
		},
	},
	{
		"a closed port of a peer that has given up", OutOfTime, "bob's SYN reached alice, who had given up 5.3 ms before",
		func() *situation {
			s := dropped("-")
			s.event(40, "alice", Event{Kind: GaveUp})
			s.reset(s.last)
			return s
		},
	},
	{
		"an answer to a peer that has given up", OutOfTime,
		"bob's SYN reached alice; alice's SYN-ACK came to bob, who had given up 5.8 ms before",
		func() *situation {
			s := dropped("-")
			s.event(60, "bob", Event{Kind: GaveUp})
			s.reply(s.accept(s.last, how{}), how{first: Packet{Flags: RST, Seq: s.last.seen.Seq + 1}})
			return s
		},
	},
}
