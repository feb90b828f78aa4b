// Package recording is what was seen of a lab: packets at every place where a
// lab is watched, and what became of the connections that its NATs track. It
// is plain data in one order of time, and knows of no lab: it is the same on
// every machine.
package recording

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Recording is all that was seen of a lab while it was watched. What could not
// be seen is counted, and [Recording.Missing] tells it.
type Recording struct {
	// Began and Ended are when watching began and ended.
	Began, Ended time.Time
	// Legs are the places where packets were seen.
	Legs []Leg
	// Packets are in the order of time. A packet that crosses several legs is
	// there once for each side of each that it was seen at.
	Packets []Packet
	// Flows are the events of all NATs in the order of time. Routers that track
	// nothing have none.
	Flows []Flow
	// Acts are what links did to single packets on purpose, in the order of time.
	// What the kernel does for a lab whose links are netem's is not told.
	Acts []Act
	// LostActs counts those that were not kept, as there were too many.
	LostActs uint64
	// LostEvents counts, for each NAT, the events that the kernel could not
	// hand over.
	LostEvents map[string]uint64
}

// Leg is one interface of one node.
type Leg struct {
	Node      string   // in the words of the topology
	Side      Side     // of the node
	Interface string   // as the kernel calls it
	Toward    []string // the nodes at the other end, several on a NAT's inside network
	// Lost counts packets that were at this leg and are missing here, because
	// more came than were fetched.
	Lost uint64
}

// Side is which side of its node a leg is.
type Side string

// The sides. A host has one, a NAT an inside and an outside, and the core one
// for each node that is attached to it.
const (
	Host    Side = "host"
	Inside  Side = "inside"
	Outside Side = "outside"
	Core    Side = "core"
)

// Name is short, and no other leg of a lab has it: "alice", "nat-a outside",
// "core to transit-a".
func (l Leg) Name() string {
	switch l.Side {
	case Host:
		return l.Node
	case Core:
		return l.Node + " to " + strings.Join(l.Toward, ", ")
	default:
		return l.Node + " " + string(l.Side)
	}
}

// String tells all of the leg: "nat-a outside (wan, towards transit-a)".
func (l Leg) String() string {
	place := l.Node
	if l.Side == Inside || l.Side == Outside {
		place += " " + string(l.Side)
	}
	return fmt.Sprintf("%s (%s, towards %s)", place, l.Interface, strings.Join(l.Toward, " and "))
}

// Packet is an IPv4 packet at one leg.
type Packet struct {
	// At is when the node had received it, or was about to send it, by the
	// machine's clock in nanoseconds. All legs have the same clock.
	At time.Time
	// Leg is the index of the leg in Recording.Legs.
	Leg int
	// Out says that the node sent the packet; otherwise it received it.
	Out bool
	// Unsummed says that the transport checksum is not computed yet, since the
	// kernel leaves that to a network card, and a lab has none. It is no sign of
	// a broken packet.
	Unsummed bool
	// Data is the packet from its IPv4 header on, or the beginning of it.
	Data []byte
	// Length is how many bytes the packet has in truth. It may be more than any
	// link would carry: TCP's segments are cut where a network card would do it
	// (GSO), and no lab has one.
	Length int
}

// Missing tells what the recording lacks, as an error, and is nil where it
// lacks nothing.
func (r Recording) Missing() error {
	var errs []error
	for _, l := range r.Legs {
		if l.Lost > 0 {
			errs = append(errs, fmt.Errorf("%s: %d packets were not recorded", l, l.Lost))
		}
	}
	for _, node := range sorted(r.LostEvents) {
		if n := r.LostEvents[node]; n > 0 {
			errs = append(errs, fmt.Errorf("%s: %d events of its connections were not recorded", node, n))
		}
	}
	if r.LostActs > 0 {
		errs = append(errs, fmt.Errorf("links: what was done to %d packets was not recorded", r.LostActs))
	}
	return errors.Join(errs...)
}

func sorted(counts map[string]uint64) []string {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
