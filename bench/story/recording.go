package story

import (
	"net/netip"
	"time"
)

// Recording is all that was seen of one trial.
type Recording struct {
	// Start is when the later peer had read the introduction, and what times are counted from. It is zero if the
	// peers were never introduced; times then count from the first thing that was seen.
	Start time.Time
	// End is when watching ended. If it is zero, it ended with the last packet.
	End time.Time

	// Stations are in the order of a ladder's columns: alice, her NATs from inside to outside, the internet, his NATs
	// from outside to inside, bob, the rendezvous. A NAT that both are behind stands among hers.
	Stations []Station
	Legs     []Leg
	Packets  []Packet // in order of time; of equal times in any order
	Flows    []Flow   // in order of time
	Events   []Event  // in order of time
	Dropped  []Drop   // in order of time

	// What observation itself has lost: packets by the index of a leg, entries of connection tracking by the index of a
	// station. What is not seen there may have been all the same.
	LostPackets map[int]int
	LostFlows   map[int]int
}

// Role is what a station does with packets.
type Role string

// The roles. The first two peers of a recording are the two of the story, alice before bob. The internet is one
// station, however many routers it has.
const (
	Peer       Role = "peer"
	NAT        Role = "nat"
	Internet   Role = "internet"
	Rendezvous Role = "rendezvous"
)

// Station is a column of the ladder: where packets come from, go to or pass.
type Station struct {
	Name      string
	Role      Role
	Addresses []netip.Addr // of its own links; a rendezvous has all that it is reached at
	External  []netip.Addr // of a NAT: what it translates to
}

// Side is where on a station a leg is.
type Side string

// The sides. Hosts and the internet have one.
const (
	AtHost  Side = "host"
	Inside  Side = "inside"
	Outside Side = "outside"
	AtCore  Side = "core"
)

// Leg is one end of a link, where packets are seen. The legs at hosts and outside of NATs tell who is behind whom; of a
// segment with several stations, Toward is any of them.
type Leg struct {
	Station int // index of a station
	Toward  int // index of the one at the other end
	Side    Side
	// Takes is how long a packet that leaves here is under way to the next leg, as the lab means it to be; 0: not known,
	// or no time at all.
	Takes time.Duration
}

// Change is what happened to an entry of connection tracking.
type Change string

// The changes.
const (
	New     Change = "new"
	Update  Change = "update"
	Destroy Change = "destroy"
)

// Tuple is one direction of an entry.
type Tuple struct{ Source, Destination netip.AddrPort }

// Flow is one change of an entry of a NAT's connection tracking, as the kernel told it (conntrack events).
type Flow struct {
	At       time.Time
	Station  int
	Change   Change
	Protocol Protocol
	Original Tuple // as the first packet had it
	Reply    Tuple // as its answers have it, on the other side of the NAT
	State    string
	Zone     uint16
}

// Drop is a packet that a link of the lab lost on purpose.
type Drop struct {
	At     time.Time
	Packet Packet // what Parse read of it; its own At, Leg and Out do not matter
	Link   string // "transit-a up"
	Why    string // "loss", "queue full", or the rule without its link: "drop SYN #1 to bob"
}
