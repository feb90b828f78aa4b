package fate

import (
	"encoding/binary"
	"net/netip"

	"github.com/punchlab/punchlab/links"
)

// HeadSize is how many bytes of a packet rules look at: the longest IP header
// twice, as an ICMP error has it, and the first eight bytes behind each.
const HeadSize = 2 * (60 + 8)

// Numbers of RFC 791, 792 and 9293.
const (
	protocolICMP, protocolTCP, protocolUDP = 1, 6, 17

	ipHeader  = 20
	tcpHeader = 20

	typeUnreachable, typeQuench, typeRedirect, typeExceeded, typeProblem = 3, 4, 5, 11, 12

	flagFIN, flagSYN, flagRST, flagACK = 1, 2, 4, 16
)

// header is what rules know of a packet.
type header struct {
	protocol byte
	from, to netip.AddrPort
	flags    byte // of TCP
	payload  int  // of TCP, in bytes
	icmp     byte // its type
	later    bool // a fragment behind the first one, which has no ports
}

// parseHeader reads the beginning of an IPv4 packet.
func parseHeader(b []byte) (h header, ok bool) {
	h, rest, total, ok := parseIP(b)
	if !ok || h.later {
		return h, ok
	}
	switch {
	case h.protocol == protocolTCP && len(rest) >= tcpHeader-4:
		offset := int(rest[12]>>4) * 4
		h.flags, h.payload = rest[13], total-offset
	case h.protocol == protocolICMP && len(rest) >= 8:
		h.icmp = rest[0]
		h.turn(rest[8:])
	}
	return h, true
}

// parseIP reads an IPv4 header and the ports behind it. total is how many bytes
// are behind the header, whether b has them or not.
func parseIP(b []byte) (h header, rest []byte, total int, ok bool) {
	if len(b) < ipHeader || b[0]>>4 != 4 {
		return h, nil, 0, false
	}
	length := int(b[0]&0xf) * 4
	if length < ipHeader || len(b) < length {
		return h, nil, 0, false
	}
	h.protocol = b[9]
	h.later = binary.BigEndian.Uint16(b[6:])&0x1fff != 0
	from, to := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	rest = b[length:]
	var ports [2]uint16
	if hasPorts := h.protocol == protocolTCP || h.protocol == protocolUDP; hasPorts && !h.later && len(rest) >= 4 {
		ports = [2]uint16{binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])}
	}
	h.from, h.to = netip.AddrPortFrom(from, ports[0]), netip.AddrPortFrom(to, ports[1])
	return h, rest, int(binary.BigEndian.Uint16(b[2:])) - length, true
}

// turn gives an ICMP error the flow of an answer to the packet that it quotes.
func (h *header) turn(quoted []byte) {
	switch h.icmp {
	case typeUnreachable, typeQuench, typeRedirect, typeExceeded, typeProblem:
		if q, _, _, ok := parseIP(quoted); ok {
			h.from, h.to = q.to, q.from
		}
	}
}

// is says whether the packet is of the class.
func (h header) is(c links.Class) bool {
	tcp := h.protocol == protocolTCP && !h.later
	all := func(flags byte) bool { return tcp && h.flags&flags == flags }
	switch c {
	case links.SYN:
		return all(flagSYN) && !all(flagACK)
	case links.SYNACK:
		return all(flagSYN | flagACK)
	case links.RST:
		return all(flagRST)
	case links.FIN:
		return all(flagFIN)
	case links.ACK:
		return all(flagACK) && h.flags&(flagSYN|flagFIN|flagRST) == 0 && h.payload == 0
	case links.DATA:
		return tcp && h.payload > 0
	case links.UDP:
		return h.protocol == protocolUDP
	case links.ICMP:
		return h.protocol == protocolICMP
	case links.Expiry:
		return h.protocol == protocolICMP && !h.later && h.icmp == typeExceeded
	default:
		return c == links.Any
	}
}
