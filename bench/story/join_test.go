package story

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// journeysOf are the journeys of one kind of packet, each as its way and its end.
func journeysOf(s Story, kind string) (all []string) {
	for i := range s.Journeys {
		j := &s.Journeys[i]
		if s.trial.packet(j).kind() != kind {
			continue
		}
		var way []string
		for _, h := range j.Hops {
			if name := s.trial.network.name(h.Station); len(way) == 0 || way[len(way)-1] != name {
				way = append(way, name)
			}
		}
		all = append(all, strings.Join(way, " ")+": "+string(j.End))
	}
	return all
}

func check(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

const (
	wholeWay = "alice nat-a internet nat-b bob: arrived"
	refusal  = "alice nat-a internet nat-b: dropped"
)

// The kernel sends a SYN again with the same sequence number, another IP ID and another timestamp; the first one died.
func TestResentSYN(t *testing.T) {
	for name, second := range map[string]Packet{
		"numbered": {Seq: 9, ID: 2, Timestamp: 1100, Stamped: true},
		"stamped":  {Seq: 9, ID: 1, Timestamp: 1100, Stamped: true},
		"the same": {Seq: 9, ID: 1, Timestamp: 100, Stamped: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := twoNATs()
			s.syn(0, "alice", aliceAt, bobOut, how{dies: "nat-b", first: Packet{Seq: 9, ID: 1, Timestamp: 100, Stamped: true}})
			s.syn(1000, "alice", aliceAt, bobOut, how{first: second})
			s.End = at(2000)
			check(t, journeysOf(s.tell(), "SYN"), refusal, wholeWay)
		})
	}
}

// The same, and the first one was lost on its way: what comes a second later is the second.
func TestResentAfterALoss(t *testing.T) {
	s := twoNATs()
	same := Packet{Seq: 9, ID: 1}
	s.syn(0, "alice", aliceAt, bobOut, how{lost: "nat-a", first: same})
	s.syn(1000, "alice", aliceAt, bobOut, how{first: same})
	s.End = at(2000)
	check(t, journeysOf(s.tell(), "SYN"), "alice nat-a: lost on a link", wholeWay)
}

// A redialled SYN has another sequence number. Both are under way at once.
func TestRedialledSYN(t *testing.T) {
	s := twoNATs()
	s.syn(0, "alice", aliceAt, bobOut, how{dies: "nat-b", first: Packet{Seq: 9}})
	s.syn(5, "alice", aliceAt, bobOut, how{first: Packet{Seq: 10}})
	check(t, journeysOf(s.tell(), "SYN"), refusal, wholeWay)
}

// Two packets without anything to tell them by, both under way at once.
func TestEqualPackets(t *testing.T) {
	s := twoNATs()
	s.syn(0, "alice", aliceAt, bobOut, how{first: Packet{Seq: 9, ID: 1}})
	s.syn(5, "alice", aliceAt, bobOut, how{first: Packet{Seq: 9, ID: 1}})
	check(t, journeysOf(s.tell(), "SYN"), wholeWay, wholeWay)
}

// The same, and the first of them dies: what leaves first comes first, in the internet too.
func TestEqualPacketsOfWhichOneDies(t *testing.T) {
	s := twoNATs()
	s.syn(0, "alice", aliceAt, bobOut, how{dies: "nat-b", first: Packet{Seq: 9, ID: 1}})
	s.syn(5, "alice", aliceAt, bobOut, how{first: Packet{Seq: 9, ID: 1}})
	check(t, journeysOf(s.tell(), "SYN"), refusal, wholeWay)

	core := s.station("internet") // that nobody looks into
	s.Packets = slices.DeleteFunc(s.Packets, func(p Packet) bool { return s.Legs[p.Leg].Station == core })
	check(t, journeysOf(s.tell(), "SYN"), "alice nat-a nat-b: dropped", "alice nat-a nat-b bob: arrived")
}

// That a packet was not seen to leave a NAT means that it did not, if the capture lost nothing where it would have
// come.
func TestLossesElsewhereProveNothing(t *testing.T) {
	for lostToo, want := range map[bool]string{false: refusal, true: "alice nat-a internet nat-b: not seen any further"} {
		s := twoNATs()
		s.syn(0, "alice", aliceAt, bobOut, how{dies: "nat-b"})
		s.LostPackets = map[int]int{s.on("nat-b", "bob"): 3}
		if lostToo {
			s.LostPackets[s.on("bob", "nat-b")] = 1
		}
		check(t, journeysOf(s.tell(), "SYN"), want)
	}
}

// A link doubles a packet: the copy's journey begins where it was first seen twice.
func TestDoubledPacket(t *testing.T) {
	s := twoNATs()
	p := s.syn(0, "alice", aliceAt, bobOut, how{first: Packet{Seq: 9, ID: 1}})
	for _, seen := range slices.Clone(s.Packets) {
		if behind := s.Legs[seen.Leg].Station; behind > s.station("internet") {
			seen.At = seen.At.Add(300_000)
			s.Packets = append(s.Packets, seen)
		}
	}
	story := s.tell()
	check(t, journeysOf(story, "SYN"), wholeWay, "nat-b bob: arrived")
	if copied := story.Journeys[1]; copied.CopyOf != 0 {
		t.Errorf("the second is a copy of %d: %v", copied.CopyOf, p)
	}
	if text := story.Everything().Text(120); !strings.Contains(text, "a second copy") {
		t.Error(text)
	}
}

// A NAT that moves sequence numbers by 2³¹ does not cut the way.
func TestRewrittenSequenceNumbers(t *testing.T) {
	s := twoNATs()
	s.syn(0, "alice", aliceAt, bobOut, how{first: Packet{Seq: 9}})
	for i := range s.Packets {
		if s.Legs[s.Packets[i].Leg].Station != s.station("alice") && i > 1 {
			s.Packets[i].Seq ^= 1 << 31
		}
	}
	check(t, journeysOf(s.tell(), "SYN"), wholeWay)
}

// Any one sight that is missing leaves one journey with one sight less, as long as others are there before and after.
func TestOneSightIsMissing(t *testing.T) {
	for missing := 1; missing < 7; missing++ {
		s := twoNATs()
		s.syn(0, "alice", aliceAt, bobOut, how{})
		s.Packets = slices.Delete(s.Packets, missing, missing+1)
		s.LostPackets = map[int]int{0: 1}
		story := s.tell()
		if len(story.Journeys) != 1 || len(story.Journeys[0].Hops) != 7 || story.Journeys[0].End != Arrived {
			t.Errorf("without sight %d: %q", missing, journeysOf(story, "SYN"))
		}
	}
}

// ICMP errors are joined by what they quote, and answer the SYN that they quote.
func TestICMPErrorsAreJoined(t *testing.T) {
	s := twoNATs()
	s.unreachable(s.syn(0, "alice", aliceAt, bobOut, how{dies: "nat-b"}), unreachable, 3)
	story := s.tell()
	check(t, journeysOf(story, "SYN"), "alice nat-a internet nat-b: ICMP error")
	check(t, journeysOf(story, "ICMP"), "nat-b internet nat-a alice: arrived")
	if answer := story.Journeys[0].Answer; answer != 1 || story.Journeys[1].About != 0 {
		t.Errorf("the SYN was answered by %d, which is about %d", answer, story.Journeys[1].About)
	}
}

// What was seen at one moment has no order of its own: the story is the same in any.
func TestOrderOfEqualTimes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range causes {
		s := c.compose()
		journeys := len(s.tell().Journeys)
		for i := range s.Packets {
			s.Packets[i].At = s.Packets[i].At.Truncate(10_000_000) // several sights of one packet fall together
		}
		want := s.tell()
		if n := len(want.Journeys); n != journeys && c.name != "the same, where the SYN was not seen at the NAT that refused it" {
			t.Errorf("%s: %d journeys are %d when their sights fall together", c.name, journeys, n)
		}
		for range 20 {
			shuffled := s.Recording
			shuffled.Packets = slices.Clone(s.Packets)
			random.Shuffle(len(shuffled.Packets), func(i, j int) {
				shuffled.Packets[i], shuffled.Packets[j] = shuffled.Packets[j], shuffled.Packets[i]
			})
			got := Tell(shuffled)
			if got.Sentence != want.Sentence || got.Text(100) != want.Text(100) {
				t.Fatalf("%s:\n%s\nin another order:\n%s", c.name, want.Text(100), got.Text(100))
			}
		}
	}
}

// What is not of this network, or broken, is told and no reason to fall over.
func TestBrokenRecordings(t *testing.T) {
	for name, r := range map[string]Recording{
		"empty":       {},
		"no stations": {Packets: []Packet{{Leg: 3}}, Legs: []Leg{{Station: 7}}},
		"no legs":     {Stations: twoNATs().Stations, Events: twoNATs().Events, Packets: []Packet{{Leg: -1}}},
		"one peer": {Stations: []Station{host("alice", aliceAt)}, Legs: []Leg{{Station: 0, Toward: 5, Side: AtHost}},
			Packets: []Packet{{Protocol: TCP, Flags: SYN, Source: aliceAt, Destination: bobOut, Out: true, TTL: 64}}},
		"events of nobody": {Stations: twoNATs().Stations, Start: at(0), Events: []Event{{Station: 99, Kind: Proven}, {Station: -1}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := Tell(r)
			if s.Cause == Connected || s.Sentence == "" {
				t.Errorf("%s: %q", s.Cause, s.Sentence)
			}
			_ = fmt.Sprint(s.Text(80), s.SVG(), s.Comments(), s.Everything().ASCII(0))
		})
	}
}
