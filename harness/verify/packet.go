package verify

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// protocol is a number of the protocol field of IPv4.
type protocol uint8

const (
	icmp protocol = 1
	tcp  protocol = 6
	udp  protocol = 17
)

// String gives the protocol as a report names it.
func (p protocol) String() string {
	switch p {
	case icmp:
		return "icmp"
	case tcp:
		return "tcp"
	case udp:
		return "udp"
	}
	return fmt.Sprintf("protocol %d", uint8(p))
}

// flags are the control bits of a TCP header (RFC 9293 section 3.1).
type flags uint8

const (
	fin flags = 1 << iota
	syn
	rst
	psh
	ack
)

// packet is an IPv4 packet without IP options or fragments.
type packet struct {
	source, target netip.AddrPort // the ports of an ICMP packet are 0
	protocol       protocol
	ttl            uint8
	id             uint16

	flags         flags  // TCP
	sequence, ack uint32 // TCP
	options       []byte // TCP, a multiple of four bytes

	kind, code uint8  // ICMP
	about      []byte // ICMP: the packet that an error is about, or its beginning

	payload []byte // TCP and UDP

	// broken says what is wrong with the checksums of a packet that arrived.
	broken string
}

const (
	ipHeader   = 20
	tcpHeader  = 20
	udpHeader  = 8
	icmpHeader = 8
	// window is large enough for whatever a probe sends.
	window = 64000
)

// encode makes the packet's bytes, with its checksums.
func (p packet) encode() []byte {
	body := p.body()
	b := make([]byte, ipHeader, ipHeader+len(body))
	b[0] = 4<<4 | ipHeader/4
	binary.BigEndian.PutUint16(b[2:], uint16(ipHeader+len(body)))
	binary.BigEndian.PutUint16(b[4:], p.id)
	b[8], b[9] = p.ttl, uint8(p.protocol)
	copy(b[12:], p.source.Addr().AsSlice())
	copy(b[16:], p.target.Addr().AsSlice())
	binary.BigEndian.PutUint16(b[10:], checksum(b, 0))
	at := checksumAt(p.protocol)
	sum := checksum(body, pseudoHeader(b, len(body), p.protocol))
	if p.protocol == udp && sum == 0 {
		sum = 0xffff // 0 would say that there is none (RFC 768)
	}
	binary.BigEndian.PutUint16(body[at:], sum)
	return append(b, body...)
}

// body is what follows the IP header, its checksum still zero.
func (p packet) body() []byte {
	switch p.protocol {
	case tcp:
		b := make([]byte, tcpHeader)
		p.putPorts(b)
		binary.BigEndian.PutUint32(b[4:], p.sequence)
		binary.BigEndian.PutUint32(b[8:], p.ack)
		b[12], b[13] = uint8((tcpHeader+len(p.options))/4)<<4, uint8(p.flags)
		binary.BigEndian.PutUint16(b[14:], window)
		return append(append(b, p.options...), p.payload...)
	case udp:
		b := make([]byte, udpHeader)
		p.putPorts(b)
		binary.BigEndian.PutUint16(b[4:], uint16(udpHeader+len(p.payload)))
		return append(b, p.payload...)
	}
	return append([]byte{p.kind, p.code, 7: 0}, p.about...)
}

func (p packet) putPorts(b []byte) {
	binary.BigEndian.PutUint16(b, p.source.Port())
	binary.BigEndian.PutUint16(b[2:], p.target.Port())
}

// decode reads a packet that arrived. Where unfinished says that its sender has
// left the transport checksum to hardware, that one is not checked. Packets that
// are none of TCP, UDP and ICMP over IPv4 are not ok.
func decode(b []byte, unfinished bool) (p packet, ok bool) {
	if len(b) < ipHeader || b[0] != 4<<4|ipHeader/4 {
		return packet{}, false
	}
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total < ipHeader || total > len(b) {
		return packet{}, false
	}
	body := b[ipHeader:total]
	p = packet{protocol: protocol(b[9]), ttl: b[8], id: binary.BigEndian.Uint16(b[4:])}
	if len(body) < leastBody(p.protocol) {
		return packet{}, false
	}
	if checksum(b[:ipHeader], 0) != 0 {
		p.broken = "its IP checksum is wrong"
	}
	if !unfinished && !sound(b, body, p.protocol) {
		p.broken = "its " + p.protocol.String() + " checksum is wrong"
	}
	p.source, p.target = addresses(b)
	return p, p.decodeBody(body)
}

// leastBody is the shortest header of a protocol.
func leastBody(p protocol) int {
	switch p {
	case tcp:
		return tcpHeader
	case udp:
		return udpHeader
	case icmp:
		return icmpHeader
	}
	return 1 << 16 // no packet is as long
}

func (p *packet) decodeBody(b []byte) bool {
	switch p.protocol {
	case tcp:
		header := int(b[12]>>4) * 4
		if header < tcpHeader || header > len(b) {
			return false
		}
		p.sequence, p.ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
		p.flags, p.options, p.payload = flags(b[13]), b[tcpHeader:header], b[header:]
	case udp:
		p.payload = b[udpHeader:]
	case icmp:
		p.kind, p.code, p.about = b[0], b[1], b[icmpHeader:]
	}
	return true
}

// addresses reads both endpoints of a packet whose transport header is there at
// least as far as its ports.
func addresses(b []byte) (source, target netip.AddrPort) {
	var ports [2]uint16
	if protocol(b[9]) != icmp {
		ports[0], ports[1] = binary.BigEndian.Uint16(b[ipHeader:]), binary.BigEndian.Uint16(b[ipHeader+2:])
	}
	from, to := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	return netip.AddrPortFrom(from, ports[0]), netip.AddrPortFrom(to, ports[1])
}

// quoted reads what an ICMP error tells of the packet that it is about: its
// endpoints and, of TCP, its sequence number (RFC 792: the IP header and eight
// bytes).
func (p packet) quoted() (inner packet, ok bool) {
	b := p.about
	if p.protocol != icmp || len(b) < ipHeader+icmpHeader || b[0] != 4<<4|ipHeader/4 {
		return packet{}, false
	}
	inner = packet{protocol: protocol(b[9]), id: binary.BigEndian.Uint16(b[4:])}
	inner.source, inner.target = addresses(b)
	if inner.protocol == tcp {
		inner.sequence = binary.BigEndian.Uint32(b[ipHeader+4:])
	}
	if checksum(b[:ipHeader], 0) != 0 {
		inner.broken = "the IP checksum of the packet in it is wrong"
	}
	return inner, true
}

// checksumAt is where a protocol's header has its checksum.
func checksumAt(p protocol) int {
	switch p {
	case tcp:
		return 16
	case udp:
		return 6
	}
	return 2
}

// sound says whether the transport checksum of a packet is right.
func sound(header, body []byte, p protocol) bool {
	at := checksumAt(p)
	if p == udp && binary.BigEndian.Uint16(body[at:]) == 0 {
		return true // there is none (RFC 768)
	}
	return checksum(body, pseudoHeader(header, len(body), p)) == 0
}

// pseudoHeader is the sum over what TCP and UDP checksums cover besides the
// segment (RFC 9293 section 3.1); those of ICMP cover nothing else.
func pseudoHeader(header []byte, length int, p protocol) uint32 {
	if p == icmp {
		return 0
	}
	sum := uint32(p) + uint32(length)
	for i := 12; i < ipHeader; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	return sum
}

// checksum is the Internet checksum of b (RFC 1071), begun with a sum.
func checksum(b []byte, sum uint32) uint16 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) > 0 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
