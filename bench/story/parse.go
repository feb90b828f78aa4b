package story

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

const (
	minIP, minTCP, minUDP, minICMP = 20, 20, 8, 8

	// quotedBytes is what an ICMP error must quote beyond the IP header (RFC 792).
	quotedBytes = 8
	// digested is how many bytes of payload tell packets apart: more than a proof has.
	digested = 64
)

// The reasons for which data is no packet that a story tells of.
var (
	errShort    = errors.New("cut off")
	errFragment = errors.New("a fragment that is not the first, which has no ports")
)

// Parse reads an IPv4 packet with TCP, UDP or ICMP, without its link's header. Payload may be cut off, headers may not,
// but for those that an ICMP error quotes. Checksums are not looked at: they are unfinished on virtual links. At, Leg
// and Out are for the caller to fill in. Nothing of data is kept.
func Parse(data []byte) (Packet, error) {
	ip, body, err := parseIP(data)
	if err != nil {
		return Packet{}, fmt.Errorf("packet of %d bytes: %w", len(data), err)
	}
	p := Packet{Protocol: ip.protocol, ID: ip.id, TTL: ip.ttl}
	switch ip.protocol {
	case TCP:
		err = p.parseTCP(ip, body)
	case UDP:
		err = p.parseUDP(ip, body)
	case ICMP:
		err = p.parseICMP(ip, body)
	default:
		err = errors.New("neither TCP, UDP nor ICMP")
	}
	if err != nil {
		return Packet{}, fmt.Errorf("packet of %d bytes, protocol %d: %w", len(data), ip.protocol, err)
	}
	return p, nil
}

// header is what counts of an IP header.
type header struct {
	source, destination netip.Addr
	protocol            Protocol
	id                  uint16
	ttl                 uint8
	body                int // bytes behind the header, by its total length
}

// parseIP reads the header, and returns what was captured behind it. A total length of zero is a packet that the kernel
// has not cut into segments yet, and then says nothing.
func parseIP(data []byte) (header, []byte, error) {
	if len(data) < minIP {
		return header{}, nil, errShort
	}
	length, total := int(data[0]&0x0f)*4, int(binary.BigEndian.Uint16(data[2:]))
	switch {
	case data[0]>>4 != 4:
		return header{}, nil, fmt.Errorf("IP version %d, not 4", data[0]>>4)
	case length < minIP || total != 0 && total < length:
		return header{}, nil, fmt.Errorf("a header of %d bytes in a packet of %d", length, total)
	case len(data) < length:
		return header{}, nil, errShort
	case binary.BigEndian.Uint16(data[6:])&0x1fff != 0:
		return header{}, nil, errFragment
	case total == 0:
		total = len(data)
	}
	h := header{
		source:      netip.AddrFrom4([4]byte(data[12:16])),
		destination: netip.AddrFrom4([4]byte(data[16:20])),
		protocol:    Protocol(data[9]),
		id:          binary.BigEndian.Uint16(data[4:]),
		ttl:         data[8],
		body:        total - length,
	}
	return h, data[length:min(len(data), total)], nil // behind it Ethernet may have padded
}

// ports are the first four bytes of TCP and UDP.
func (h header) ports(body []byte) (source, destination netip.AddrPort) {
	return netip.AddrPortFrom(h.source, binary.BigEndian.Uint16(body)),
		netip.AddrPortFrom(h.destination, binary.BigEndian.Uint16(body[2:]))
}

func (p *Packet) parseTCP(h header, body []byte) error {
	if len(body) < minTCP {
		return errShort
	}
	offset := int(body[12]>>4) * 4
	if offset < minTCP || offset > h.body {
		return fmt.Errorf("a TCP header of %d bytes in %d", offset, h.body)
	}
	if len(body) < offset {
		return errShort
	}
	p.Source, p.Destination = h.ports(body)
	p.Seq, p.Ack = binary.BigEndian.Uint32(body[4:]), binary.BigEndian.Uint32(body[8:])
	p.Flags = Flags(body[13]) & (FIN | SYN | RST | PSH | ACK)
	p.Timestamp, p.Stamped = timestamp(body[minTCP:offset])
	p.Payload, p.Digest = h.body-offset, digest(body[offset:])
	return nil
}

// timestamp finds TSval among TCP's options (RFC 7323, section 3.2).
func timestamp(options []byte) (value uint32, found bool) {
	const end, noOperation, timestamps = 0, 1, 8
	for len(options) > 0 && options[0] != end {
		if options[0] == noOperation {
			options = options[1:]
			continue
		}
		if len(options) < 2 || int(options[1]) < 2 || int(options[1]) > len(options) {
			return 0, false
		}
		if options[0] == timestamps && options[1] == 10 {
			return binary.BigEndian.Uint32(options[2:]), true
		}
		options = options[options[1]:]
	}
	return 0, false
}

func (p *Packet) parseUDP(h header, body []byte) error {
	if len(body) < minUDP {
		return errShort
	}
	p.Source, p.Destination = h.ports(body)
	p.Payload, p.Digest = h.body-minUDP, digest(body[minUDP:])
	return nil
}

func (p *Packet) parseICMP(h header, body []byte) error {
	if len(body) < minICMP {
		return errShort
	}
	p.Source, p.Destination = netip.AddrPortFrom(h.source, 0), netip.AddrPortFrom(h.destination, 0)
	p.Type, p.Code = body[0], body[1]
	p.Payload = h.body - minICMP
	if !isError(p.Type) {
		p.Digest = digest(body[4:]) // identifier and sequence number tell pings apart
		return nil
	}
	q, err := parseQuote(body[minICMP:])
	if err != nil && !errors.Is(err, errShort) {
		return fmt.Errorf("the quoted packet: %w", err)
	}
	p.Quoted = &q // without its header it is about nobody knows what
	return nil
}

// isError tells the messages that quote a packet (RFC 1122, section 3.2.2).
func isError(kind uint8) bool {
	switch kind {
	case unreachable, 4 /* source quench */, 5 /* redirect */, timeExceeded, 12 /* parameter problem */ :
		return true
	}
	return false
}

func parseQuote(data []byte) (Quote, error) {
	h, body, err := parseIP(data)
	if err != nil {
		return Quote{}, err
	}
	q := Quote{Protocol: h.protocol, ID: h.id, TTL: h.ttl}
	q.Source, q.Destination = netip.AddrPortFrom(h.source, 0), netip.AddrPortFrom(h.destination, 0)
	if h.protocol != TCP && h.protocol != UDP || len(body) < 4 {
		return q, nil
	}
	q.Source, q.Destination = h.ports(body)
	if h.protocol == TCP && len(body) >= quotedBytes {
		q.Seq = binary.BigEndian.Uint32(body[4:])
	}
	return q, nil
}

// digest tells payloads of one length apart, by the hash FNV-1a.
func digest(payload []byte) uint32 {
	const basis, prime = 2166136261, 16777619
	sum := uint32(basis)
	for _, b := range payload[:min(len(payload), digested)] {
		sum = (sum ^ uint32(b)) * prime
	}
	return sum
}
