package links

import (
	"encoding"
	"fmt"
	"net/netip"
	"time"
)

// Direction is a way over a link.
type Direction string

// The directions.
const (
	Up   Direction = "up"   // towards the core
	Down Direction = "down" // away from it
)

// Directions are both.
var Directions = []Direction{Up, Down}

// Action is what a fault does to a packet.
type Action string

// The actions. A corrupt packet has its last bit turned round and its checksums
// left as they were, so that the receiver's kernel drops it.
const (
	Drop      Action = "drop"
	Delay     Action = "delay"
	Duplicate Action = "duplicate"
	Corrupt   Action = "corrupt"
)

var actions = []Action{Drop, Delay, Duplicate, Corrupt}

// Class is a kind of packets.
type Class string

// The classes. SYN, SYNACK, RST, FIN, ACK and DATA are TCP's.
const (
	SYN    Class = "SYN"                // and no ACK
	SYNACK Class = "SYN-ACK"            // both
	RST    Class = "RST"                // with or without ACK
	FIN    Class = "FIN"                // with or without data
	ACK    Class = "ACK"                // that, and nothing else: no SYN, FIN, RST or data
	DATA   Class = "data"               // with a payload
	UDP    Class = "UDP"                //
	ICMP   Class = "ICMP"               // of any type
	Expiry Class = "ICMP-time-exceeded" // type 11, what a TTL that runs out brings about
	Any    Class = "any"                // every IPv4 packet
)

// Classes are all classes.
var Classes = []Class{SYN, SYNACK, RST, FIN, ACK, DATA, UDP, ICMP, Expiry, Any}

// Fault is a rule that hits single packets of a link: "transit-a up: drop
// SYN-ACK #1". Packets that match are counted as they come, before chance has
// its say, and the fault acts on some of them.
type Fault struct {
	Link  string // the transit whose link towards the core it is
	Way   Direction
	Do    Action
	Class Class
	// First and Last are the numbers of the matching packets that are hit,
	// counted from 1; both 0: every one.
	First, Last int
	// By is by how much longer a packet takes that is delayed.
	By time.Duration
	// From and To are the ends of the flow; the zero value is anybody. The flow
	// of an ICMP error is that of an answer to the packet that it is about.
	From, To End
}

// End is an end of a flow: a node by its name, which stands for every address
// that its packets have on public links, or an address; with a port or without.
type End struct {
	Node string
	Addr netip.Addr
	Port uint16
}

// Hits says whether the fault acts on the n-th packet that matches.
func (f Fault) Hits(n int) bool { return f.First == 0 || n >= f.First && n <= f.Last }

// String gives the rule as ParseFault reads it.
func (f Fault) String() string { return fmt.Sprintf("%s %s: %s", f.Link, f.Way, f.Effect()) }

// Effect is the rule without its link: what it does to which packets.
func (f Fault) Effect() string {
	text := fmt.Sprintf("%s %s", f.Do, f.Class)
	switch {
	case f.First == 0:
		text += " every"
	case f.First == f.Last:
		text += fmt.Sprintf(" #%d", f.First)
	default:
		text += fmt.Sprintf(" #%d-%d", f.First, f.Last)
	}
	if f.Do == Delay {
		text += fmt.Sprintf(" by %v", f.By)
	}
	if f.From != (End{}) {
		text += " from " + f.From.String()
	}
	if f.To != (End{}) {
		text += " to " + f.To.String()
	}
	return text
}

// String gives the end as a rule has it.
func (e End) String() string {
	text := e.Node
	if e.Addr.IsValid() {
		text = e.Addr.String()
	}
	if e.Port != 0 {
		text += fmt.Sprintf(":%d", e.Port)
	}
	return text
}

// MarshalText is String.
func (f Fault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText is [ParseFault].
func (f *Fault) UnmarshalText(text []byte) (err error) {
	*f, err = ParseFault(string(text))
	return err
}

var _ encoding.TextUnmarshaler = (*Fault)(nil)
