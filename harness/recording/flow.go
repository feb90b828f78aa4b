package recording

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Flow is an event in the life of a connection that a NAT tracks (conntrack).
type Flow struct {
	// At is when it happened, by the clock that packets have: between the
	// arrival of the packet that made it happen and its departure. See Stamped.
	At time.Time
	// Stamped says that At is the kernel's word. Kernels before Linux 6.14 tell
	// it of the end of a connection alone; elsewhere At is when the event was
	// read, which is after it, and perhaps after later packets.
	Stamped bool
	Node    string // the NAT
	Event   Event
	// ID tells connections of one NAT apart, also such that have the same
	// endpoints one after the other. The kernel makes it up.
	ID uint32
	// Protocol is IPv4's number: 6 is TCP, 17 UDP, 1 ICMP.
	Protocol uint8
	// Original is the packet that began the connection, as it arrived, and Reply
	// is what an answer to it looks like when it arrives. Where they are not each
	// other's reverse, the NAT translates.
	Original, Reply Tuple
	// State is TCP's, in the words of /proc/net/nf_conntrack; SYN_SENT2 is what
	// crossed SYNs lead to. Other protocols have none.
	State  string
	Status Status
	// Timeout is how long the connection lasts if nothing more is heard of it,
	// in whole seconds.
	Timeout time.Duration
	// Zone keeps connections with equal endpoints apart. A lab's NAT that does
	// not overload ports gives each mapping its own.
	Zone uint16
	Mark uint32
}

// Event is what has happened to a connection.
type Event string

// The events. Update is anything in between, such as a new state of TCP.
const (
	New     Event = "new"
	Update  Event = "update"
	Destroy Event = "destroy"
)

// Tuple is one direction of a connection. Of ICMP, the port of Source is the
// identifier, and that of Destination the type in the upper and the code in the
// lower byte; of protocols without ports both are zero.
type Tuple struct {
	Source, Destination netip.AddrPort
}

func (t Tuple) String() string { return fmt.Sprintf("%s > %s", t.Source, t.Destination) }

// Translated says whether the NAT rewrites the connection's packets.
func (f Flow) Translated() bool { return f.Status&(SourceRewritten|TargetRewritten) != 0 }

// String is the event on one line, in the manner of conntrack -E.
func (f Flow) String() string {
	text := fmt.Sprintf("%s %s protocol %d %s, replies %s", f.Node, f.Event, f.Protocol, f.Original, f.Reply)
	if f.State != "" {
		text += ", " + f.State
	}
	if f.Zone != 0 {
		text += fmt.Sprintf(", zone %d", f.Zone)
	}
	if words := f.Status.String(); words != "" {
		text += ", " + words
	}
	return text
}

// Status is a set of what a connection has been through
// (include/uapi/linux/netfilter/nf_conntrack_common.h, enum ip_conntrack_status).
type Status uint32

// What a connection may have been through.
const (
	Expected         Status = 1 << 0
	SeenReply        Status = 1 << 1 // packets have passed both ways
	Assured          Status = 1 << 2 // not given up early when the table is full
	Confirmed        Status = 1 << 3 // its first packet has left
	SourceRewritten  Status = 1 << 4
	TargetRewritten  Status = 1 << 5
	SequenceAdjusted Status = 1 << 6
	SourceConsidered Status = 1 << 7
	TargetConsidered Status = 1 << 8
	Dying            Status = 1 << 9
	FixedTimeout     Status = 1 << 10
)

// String names what is worth a reader's time: what every connection has after
// its first packet is left out.
func (s Status) String() string {
	var words []string
	for _, w := range []struct {
		bit  Status
		word string
	}{
		{Expected, "expected"}, {SeenReply, "seen-reply"}, {Assured, "assured"},
		{SourceRewritten, "source-rewritten"}, {TargetRewritten, "target-rewritten"}, {Dying, "dying"},
	} {
		if s&w.bit != 0 {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " ")
}
