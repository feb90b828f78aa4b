package harness

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The sizes of headers without options (RFC 791, RFC 768, RFC 9293).
const (
	ipv4Header = 20
	udpHeader  = 8
	tcpHeader  = 20
)

// opening is the first packet of a flow, as a raw socket sends it: a SYN, or an
// empty datagram. The kernel fills in what is left of the IPv4 header (raw(7),
// IP_HDRINCL).
func opening(protocol byte, from, to netip.AddrPort, sequence uint32) []byte {
	size, checksum := tcpHeader, 16
	if protocol == unix.IPPROTO_UDP {
		size, checksum = udpHeader, 6
	}
	packet := make([]byte, ipv4Header+size)
	packet[0], packet[8], packet[9] = 4<<4|ipv4Header/4, 64, protocol
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	copy(packet[12:], from.Addr().AsSlice())
	copy(packet[16:], to.Addr().AsSlice())
	payload := packet[ipv4Header:]
	binary.BigEndian.PutUint16(payload[0:], from.Port())
	binary.BigEndian.PutUint16(payload[2:], to.Port())
	if protocol == unix.IPPROTO_UDP {
		binary.BigEndian.PutUint16(payload[4:], udpHeader)
	} else {
		const synFlag, window = 0x02, 64240
		binary.BigEndian.PutUint32(payload[4:], sequence)
		payload[12], payload[13] = tcpHeader/4<<4, synFlag
		binary.BigEndian.PutUint16(payload[14:], window)
	}
	pseudo := uint32(protocol) + uint32(size)
	binary.BigEndian.PutUint16(payload[checksum:], internetChecksum(pseudo, packet[12:]))
	return packet
}

// internetChecksum is that of RFC 1071 over an even number of bytes.
func internetChecksum(sum uint32, of []byte) uint16 {
	for i := 0; i < len(of); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(of[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
