package natprofiles

import "time"

// Dependence is what a mapping or a filter depends on (RFC 4787 sections 4.1
// and 5).
type Dependence string

// The dependences.
const (
	EndpointIndependent     Dependence = "endpoint-independent"
	AddressDependent        Dependence = "address-dependent"
	AddressAndPortDependent Dependence = "address-and-port-dependent"
	// Unfiltered is the filtering of a router that lets every packet pass.
	Unfiltered Dependence = "none"
)

// Ports is how external ports are given out.
type Ports struct {
	// Allocation is how a mapping gets its port.
	Allocation Allocation `json:"allocation,omitempty"`
	// OnConflict is what happens with Preserve if the port is taken or out of
	// range: Random, Sequential or Fail. Empty for the other allocations.
	OnConflict Allocation `json:"on-conflict,omitempty"`
	// Range holds the ports that may be given out, in the order in which a
	// sequential NAT goes through them.
	Range []Interval `json:"range,omitempty"`
	// Step is the distance from one port of a sequential NAT to the next; it is
	// negative for one that counts down. Zero where nothing is sequential.
	Step int `json:"step,omitempty"`
	// Block is the part of the range that an inside host gets with Block.
	Block PortBlock `json:"block,omitzero"`
	// Parity says that an even inside port gets an even external one, and an
	// odd one an odd one (RFC 4787 section 4.2.2).
	Parity bool `json:"parity"`
	// Overloading says that two inside hosts may have the same external port
	// at the same time if they use it towards different endpoints (RFC 4787
	// section 4.2.1). It is what Linux does, and a profile that says so gets
	// Linux's own NAT, with its quirks.
	Overloading bool `json:"overloading"`
}

// Interval is a range of ports, both ends included. Its text is lo-hi.
type Interval struct{ Lo, Hi uint16 }

// PortBlock is a block of ports for each inside host (RFC 6888 REQ-14, RFC 7422).
type PortBlock struct {
	// Size is how many ports an inside host gets.
	Size int `json:"size,omitempty"`
	// Inside is how a port of the block is chosen: Random or Sequential.
	Inside Allocation `json:"inside,omitempty"`
}

// Allocation is a way to choose an external port.
type Allocation string

const (
	// Preserve keeps the inside port number (RFC 4787 section 4.2.1).
	Preserve Allocation = "preserve"
	// Sequential gives the next port to the next mapping, whoever it is for.
	Sequential Allocation = "sequential"
	// Random draws a port that nobody could tell beforehand (RFC 7857 section 9).
	Random Allocation = "random"
	// Block gives each inside host a block of ports and chooses within it.
	Block Allocation = "block"
	// Fail gives no port: the mapping is not made. Only on conflict.
	Fail Allocation = "fail"
)

// Addresses are a NAT's external addresses.
type Addresses struct {
	// Count is how many there are.
	Count int `json:"count,omitempty"`
	// Pooling is how a mapping gets one of several; empty if there is one.
	Pooling Pooling `json:"pooling,omitempty"`
}

// Pooling is how one of several external addresses is chosen (RFC 4787 section
// 4.1, REQ-2).
type Pooling string

const (
	// Paired gives all mappings of an inside host the same external address.
	Paired Pooling = "paired"
	// Arbitrary draws an address for each mapping.
	Arbitrary Pooling = "arbitrary"
)

// Hairpin is what becomes of a packet from inside to an external endpoint of
// the same NAT (RFC 4787 section 6).
type Hairpin string

const (
	// HairpinNone drops it.
	HairpinNone Hairpin = "none"
	// HairpinInternal delivers it with its inside source endpoint, which
	// applications do not recognize.
	HairpinInternal Hairpin = "internal-source"
	// HairpinExternal delivers it as if it came from outside: with its external
	// source endpoint, and filtered like everybody else's (RFC 4787 REQ-9).
	HairpinExternal Hairpin = "external-source"
)

// Answer is what an unsolicited packet gets.
type Answer string

const (
	// Drop answers nothing, as RFC 5382 REQ-4 demands for the first 6 seconds.
	Drop Answer = "drop"
	// Reset answers a TCP packet with a RST at once, which reaches the peer's
	// pending connection and on its way the peer's NAT, and a UDP packet with
	// an ICMP port unreachable.
	Reset Answer = "reset"
	// PortUnreachable answers with ICMP type 3 code 3 (RFC 792).
	PortUnreachable Answer = "icmp-port-unreachable"
	// AdminProhibited answers with ICMP type 3 code 13 (RFC 1812 section 5.2.7.1).
	AdminProhibited Answer = "icmp-admin-prohibited"
	// DelayedUnreachable is RFC 5382 REQ-4: a SYN gets no answer for six
	// seconds and then an ICMP port unreachable, unless the inside host has
	// sent a SYN to its sender meanwhile. TCP only; UDP is dropped.
	DelayedUnreachable Answer = "icmp-after-6s"
)

// Passage says whether something reaches the inside host.
type Passage string

const (
	// Forwarded means that it does.
	Forwarded Passage = "forward"
	// Eaten means that it does not.
	Eaten Passage = "drop"
)

// Fate is what an event does to a mapping.
type Fate string

const (
	// Keep lets the mapping live on.
	Keep Fate = "keep"
	// Close ends it at once, unless another established session uses it.
	Close Fate = "close"
)

// Crossing is what becomes of a SYN that meets an outbound SYN.
type Crossing string

const (
	// CrossedAccept lets it through (RFC 5382 REQ-2).
	CrossedAccept Crossing = "accept"
	// CrossedDrop drops it, and the mapping lives on.
	CrossedDrop Crossing = "drop"
	// CrossedReset answers it with a RST, and the mapping lives on.
	CrossedReset Crossing = "reset"
)

// Sequence says whether TCP sequence numbers are rewritten.
type Sequence string

const (
	// SequenceKept leaves them as they are.
	SequenceKept Sequence = "keep"
	// SequenceRewritten changes those of the inside host: what it tells a peer
	// by another way about its sequence numbers is wrong outside.
	SequenceRewritten Sequence = "rewrite"
)

// Timeouts are how long mappings last that nothing uses. Connection tracking
// counts whole seconds, and so do these.
type Timeouts struct {
	// SYNSent counts from a SYN that has not been answered, Established from
	// the last packet of an established session (RFC 5382 REQ-5: 2 h 4 min at
	// least), Closing from the last packet after a FIN, Closed from the last
	// one after a RST that ended an established session. TCP only.
	SYNSent     Timeout `json:"syn-sent,omitempty"`
	Established Timeout `json:"established,omitempty"`
	Closing     Timeout `json:"closing,omitempty"`
	Closed      Timeout `json:"closed,omitempty"`
	// Unreplied counts from a datagram to an endpoint that has sent none back,
	// Stream from the last one where both have (RFC 4787 REQ-5: 2 min at
	// least). UDP only.
	Unreplied Timeout `json:"unreplied,omitempty"`
	Stream    Timeout `json:"stream,omitempty"`
	// Refresh says whose packets start the time anew.
	Refresh Refresh `json:"refresh,omitempty"`
}

// Timeout is a number of whole seconds as a [time.Duration]. Its text is as
// short as a person writes it: 2h4m.
type Timeout time.Duration

// Refresh says whose packets keep a mapping alive (RFC 4787 REQ-6).
type Refresh string

const (
	// RefreshBoth means those of either side.
	RefreshBoth Refresh = "both"
	// RefreshOutbound means those of the inside host alone.
	RefreshOutbound Refresh = "outbound"
)

// Limits bound the mappings that may exist at a time. Where no number is
// stated, it is a lab's table of 65,535 mappings of both protocols together.
type Limits struct {
	// Mappings is the most in all, of TCP and UDP together; 0 if not stated.
	Mappings int `json:"mappings,omitempty"`
	// PerHost is the most of one inside host; 0 if not stated.
	PerHost int `json:"per-host,omitempty"`
	// AtLimit is what an inside host gets that asks for one too many, or for
	// one when no port is left: Drop or Reset.
	AtLimit Answer `json:"at-limit,omitempty"`
}

// Input says whether the router guards its own TCP and UDP.
type Input string

const (
	// InputFiltered means that a rule answers in the stead of the router's own
	// stack.
	InputFiltered Input = "filtered"
	// InputOpen means that no rule does: the router's own stack, which has
	// nothing listening, answers with a RST or an ICMP port unreachable.
	InputOpen Input = "open"
)

// Invalid is what becomes of a packet to be forwarded that connection tracking
// calls invalid and that NAT therefore does not translate.
type Invalid string

const (
	// InvalidForward lets it out with its private source address, as Linux
	// does where no rule says otherwise.
	InvalidForward Invalid = "forward"
	// InvalidDrop drops it, as OpenWrt does.
	InvalidDrop Invalid = "drop"
)
