package story

import (
	"net/netip"
	"slices"
	"testing"
)

// Endpoints that NATs give where peers were told of others.
var (
	bobElsewhere   = netip.MustParseAddrPort("203.0.113.20:61234")
	aliceElsewhere = netip.MustParseAddrPort("198.51.100.10:50123")
	// bobUnknown is a port of bob's own that alice has not been told of.
	bobUnknown = netip.MustParseAddrPort("192.168.2.2:5005")
)

// scene is a whole situation: what happens, and what the story says of it.
type scene struct {
	name     string
	cause    Cause
	sentence string
	compose  func() *situation
}

// causes are all scenes. Neighbours differ in one packet, or in when one leaves.
var causes = slices.Concat(outcomes, doors, ways, unseen)

// outcomes are scenes of trials that connect, and of those without attempts.
var outcomes = []scene{
	{
		"bob's SYN comes by the hole of alice's", Connected,
		"bob's SYN passed nat-a by the hole that alice's SYN had made 45.0 ms before; both proofs were checked 90.0 ms after the start",
		func() *situation { return dropped("") },
	},
	{
		"the SYNs cross", Connected,
		"the SYNs crossed: alice's SYN passed nat-b by the hole that bob's SYN had made 18.2 ms before, and " +
			"bob's SYN passed nat-a by the hole that alice's SYN had made 22.2 ms before; both proofs were checked 90.0 ms after the start",
		crossing,
	},
	{
		"an open NAT", Connected,
		"alice's SYN passed nat-b, which lets it in unasked; both proofs were checked 60.0 ms after the start",
		func() *situation {
			s := twoNATs()
			s.accept(s.syn(0.2, "alice", aliceAt, bobOut, how{}), how{})
			s.proven(60)
			return s
		},
	},
	{
		"a NAT that lets everybody in where something is in use", Connected,
		"alice's SYN passed nat-b by an endpoint that bob uses towards others; both proofs were checked 60.0 ms after the start",
		func() *situation {
			s := twoNATs()
			s.syn(-50, "bob", bobAt, server, how{})
			s.accept(s.syn(0.2, "alice", aliceAt, bobOut, how{}), how{})
			s.proven(60)
			return s
		},
	},
	{
		"bob is public", Connected,
		"alice's SYN reached bob past no NAT of bob's own; both proofs were checked 60.0 ms after the start",
		func() *situation {
			s := oneNAT()
			s.accept(s.syn(0.2, "alice", aliceAt, bobOut, how{}), how{})
			s.proven(60)
			return s
		},
	},
	{
		"the relay", Connected, "the peers talk through rendezvous; both proofs were checked 60.0 ms after the start",
		func() *situation {
			s := twoNATs()
			s.proven(60)
			return s
		},
	},
	{
		"nobody was introduced", PeerAbsent, "the peers were never introduced",
		func() *situation {
			s := twoNATs()
			s.Start, s.Events = zeroTime, nil
			s.syn(0, "alice", aliceAt, server, how{})
			return s
		},
	},
	{
		"bob has not read the introduction", PeerAbsent, "the peers were never introduced: bob has not read of alice",
		func() *situation {
			s := twoNATs()
			s.Start, s.Events = zeroTime, s.Events[:1]
			return s
		},
	},
	{
		"neither tried", PeerAbsent,
		"the peers were introduced, and neither sent a SYN to the other; alice: too many open files",
		func() *situation {
			s := twoNATs()
			s.event(1, "alice", Event{Kind: GaveUp, Err: "too many open files"})
			return s
		},
	},
	{
		"no way", NoWay, "neither peer sent a SYN: both NATs draw their ports",
		func() *situation {
			s := twoNATs()
			s.event(1, "alice", Event{Kind: NothingToDo, Text: "both NATs draw their ports"})
			return s
		},
	},
	{
		"no way, and a SYN all the same", Filtered,
		"alice's SYN reached nat-b, and nothing of bob's had left it towards 198.51.100.10:4000; nat-b dropped it",
		func() *situation {
			s := twoNATs()
			s.event(1, "alice", Event{Kind: NothingToDo, Text: "both NATs draw their ports"})
			s.syn(2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
			return s
		},
	},
}

func TestCauses(t *testing.T) {
	told := map[Cause]bool{}
	for _, test := range causes {
		t.Run(test.name, func(t *testing.T) {
			s := test.compose().tell()
			told[test.cause] = true
			if s.Cause != test.cause || s.Sentence != test.sentence {
				t.Errorf("%s: %s\nwant %s: %s\n%s", s.Cause, s.Sentence, test.cause, test.sentence, s.Everything().Text(120))
			}
		})
	}
	for _, c := range Causes() {
		if !told[c] || c.Meaning() == "" || !c.Known() {
			t.Errorf("%s: a situation has it: %t; it means %q", c, told[c], c.Meaning())
		}
	}
	if n := len(Causes()); len(slices.Compact(slices.Sorted(slices.Values(Causes())))) != n {
		t.Error("a cause is listed twice")
	}
	if Cause("bad luck").Known() || Cause("bad luck").Meaning() != "" {
		t.Error("any word is a cause")
	}
}
