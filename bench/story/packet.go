package story

import (
	"fmt"
	"net/netip"
	"time"
)

// Protocol is the number of a protocol over IP.
type Protocol uint8

// The protocols that [Parse] reads.
const (
	ICMP Protocol = 1
	TCP  Protocol = 6
	UDP  Protocol = 17
)

// Flags are those of TCP (RFC 9293, section 3.1).
type Flags uint8

// The flags of a TCP header's fourteenth byte.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// The ICMP errors that the story has words for (RFC 792).
const (
	unreachable  = 3
	timeExceeded = 11
)

// Packet is one sight of a packet: where and when it was seen, which the caller says, and what [Parse] reads.
type Packet struct {
	At  time.Time
	Leg int  // index of a leg
	Out bool // the leg's station sent it; otherwise it received it

	Protocol            Protocol
	Source, Destination netip.AddrPort // ICMP has no ports
	ID                  uint16         // of IP
	TTL                 uint8

	Flags     Flags  // of TCP
	Seq, Ack  uint32 // of TCP
	Stamped   bool   // there is a TCP timestamp (RFC 7323)
	Timestamp uint32 // its TSval

	Payload int    // bytes, by the headers; capture may have cut them off
	Digest  uint32 // of the first bytes of payload that were captured

	Type, Code uint8  // of ICMP
	Quoted     *Quote // of ICMP errors: the packet that they are about
}

// Quote is what an ICMP error tells of the packet it is about: its IP header and at least eight bytes (RFC 792), so
// that of TCP ports and sequence number are there and no flags.
type Quote struct {
	Protocol            Protocol
	Source, Destination netip.AddrPort
	ID                  uint16
	TTL                 uint8
	Seq                 uint32 // of TCP, where it was not cut off
}

// has tells whether all of these flags are set.
func (f Flags) has(all Flags) bool { return f&all == all }

// opens tells a SYN that is not an answer.
func (p *Packet) opens() bool {
	return p.Protocol == TCP && p.Flags.has(SYN) && !p.Flags.has(ACK) && !p.Flags.has(RST)
}

// answers tells a SYN-ACK.
func (p *Packet) answers() bool {
	return p.Protocol == TCP && p.Flags.has(SYN|ACK) && !p.Flags.has(RST)
}

func (p *Packet) resets() bool { return p.Protocol == TCP && p.Flags.has(RST) }

func (p *Packet) expired() bool { return p.Protocol == ICMP && p.Type == timeExceeded }

// kind is what the packet is in a word, as the ladder has it.
func (p *Packet) kind() string {
	switch {
	case p.Protocol == ICMP && p.Quoted != nil:
		return "ICMP"
	case p.Protocol == ICMP:
		return "ping"
	case p.Protocol == UDP:
		return "UDP"
	case p.resets():
		return "RST"
	case p.answers():
		return "SYN-ACK"
	case p.opens():
		return "SYN"
	case p.Flags.has(FIN):
		return "FIN"
	case p.Payload > 0:
		return "data"
	}
	return "ACK"
}

// what is the packet in words, for sentences.
func (p *Packet) what() string {
	switch {
	case p.Protocol == ICMP && p.Quoted != nil:
		return "ICMP " + errorName(p.Type, p.Code)
	case p.kind() == "data":
		return fmt.Sprintf("%d bytes", p.Payload)
	}
	return p.kind()
}

// errorName is what RFC 792 and RFC 1812 call an error.
func errorName(kind, code uint8) string {
	switch {
	case kind == timeExceeded:
		return "time exceeded"
	case kind == unreachable && code == 0:
		return "net unreachable"
	case kind == unreachable && code == 1:
		return "host unreachable"
	case kind == unreachable && code == 3:
		return "port unreachable"
	case kind == unreachable && code == 13:
		return "admin prohibited"
	}
	return fmt.Sprintf("type %d code %d", kind, code)
}

// String is the packet in one line: "SYN 192.168.1.2:4000 > 203.0.113.7:5000 ttl 64".
func (p Packet) String() string {
	words := fmt.Sprintf("%s %s > %s ttl %d", p.what(), endpoint(p.Source), endpoint(p.Destination), p.TTL)
	if p.Quoted != nil {
		words += fmt.Sprintf(" about %s > %s", endpoint(p.Quoted.Source), endpoint(p.Quoted.Destination))
	}
	return words
}

// endpoint leaves the port of ICMP out.
func endpoint(e netip.AddrPort) string {
	if e.Port() == 0 {
		return e.Addr().String()
	}
	return e.String()
}
