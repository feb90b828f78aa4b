package natrules

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The words of rules that keep several values at once. A rule has sixteen
// registers of 32 bits; a key of several fields is read from consecutive ones,
// and a shorter field clears the rest of its register. Registers are numbered
// from 0; a condition that is over before they are used shares the first four
// (reg).

// register is the kernel's number of the n-th register of 32 bits.
func register(n int) uint32 { return unix.NFT_REG32_00 + uint32(n) }

// place is a field of a packet.
type place struct {
	name         string
	base         expr.PayloadBase
	offset, size uint32
}

// Fields of IPv4 (RFC 791), of both TCP (RFC 9293) and UDP (RFC 768), and of the
// packet that an ICMP error quotes behind its own eight bytes (RFC 792), where
// that has an IPv4 header without options.
var (
	sourceAddress      = place{"ip saddr", expr.PayloadBaseNetworkHeader, sourceOffset, 4}
	destinationAddress = place{"ip daddr", expr.PayloadBaseNetworkHeader, destinationOffset, 4}
	sourcePort         = place{"th sport", expr.PayloadBaseTransportHeader, 0, 2}
	destinationPort    = place{"th dport", expr.PayloadBaseTransportHeader, 2, 2}
	tcpFlags           = place{"tcp flags", expr.PayloadBaseTransportHeader, 13, 1}
	icmpType           = place{"icmp type", expr.PayloadBaseTransportHeader, 0, 1}

	innerProtocol           = place{"inner protocol", expr.PayloadBaseTransportHeader, 17, 1}
	innerSourceAddress      = place{"inner saddr", expr.PayloadBaseTransportHeader, 20, 4}
	innerDestinationAddress = place{"inner daddr", expr.PayloadBaseTransportHeader, 24, 4}
	innerSourcePort         = place{"inner sport", expr.PayloadBaseTransportHeader, 28, 2}
	innerDestinationPort    = place{"inner dport", expr.PayloadBaseTransportHeader, 30, 2}
)

// flow says where a packet has the endpoint on this side and the remote one.
type flow struct {
	local, localPort, remote, remotePort place
}

var (
	outbound = flow{sourceAddress, sourcePort, destinationAddress, destinationPort}
	inbound  = flow{destinationAddress, destinationPort, sourceAddress, sourcePort}
	// An ICMP error quotes a packet that went the other way.
	errorInbound  = flow{innerSourceAddress, innerSourcePort, innerDestinationAddress, innerDestinationPort}
	errorOutbound = flow{innerDestinationAddress, innerDestinationPort, innerSourceAddress, innerSourcePort}
)

// load reads a field of the packet into register n.
func load(p place, n int) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: register(n), Base: p.base, Offset: p.offset, Len: p.size}}
}

// loads reads fields into consecutive registers from n on.
func loads(n int, places ...place) []expr.Any {
	var all []expr.Any
	for i, p := range places {
		all = append(all, load(p, n+i)...)
	}
	return all
}

// constant puts a value into register n.
func constant(data []byte, n int) []expr.Any {
	return []expr.Any{&expr.Immediate{Register: register(n), Data: data}}
}

func address(a netip.Addr, n int) []expr.Any { return constant(a.AsSlice(), n) }

// get finds a key that starts in register key and puts what it stands for into
// the registers from to on. The rule ends where there is no such key.
func get(set string, key, to int) []expr.Any {
	return []expr.Any{&expr.Lookup{SetName: set, SourceRegister: register(key), DestRegister: register(to), IsDestRegSet: true}}
}

// in ends the rule where the key is not in the set.
func in(set string, key int) []expr.Any {
	return []expr.Any{&expr.Lookup{SetName: set, SourceRegister: register(key)}}
}

// notIn ends the rule where the key is in the set. Not for maps, which older
// kernels refuse.
func notIn(set string, key int) []expr.Any {
	return []expr.Any{&expr.Lookup{SetName: set, SourceRegister: register(key), Invert: true}}
}

// branch goes where a verdict map says.
func branch(set string, key int) []expr.Any {
	return []expr.Any{&expr.Lookup{SetName: set, SourceRegister: register(key), DestRegister: unix.NFT_REG_VERDICT, IsDestRegSet: true}}
}

// none stands for the data of a set that is no map.
const none = -1

// add inserts a key; one that is there stays as it is. The rule ends where the
// set is full.
func add(set string, key, data int, lasts time.Duration) []expr.Any {
	return dynset(unix.NFT_DYNSET_OP_ADD, set, key, data, lasts)
}

// update inserts a key or starts its time anew.
func update(set string, key, data int, lasts time.Duration) []expr.Any {
	return dynset(unix.NFT_DYNSET_OP_UPDATE, set, key, data, lasts)
}

// remove takes a key out; the rule goes on where there is none. A map wants a
// data register all the same.
func remove(set string, key, data int) []expr.Any {
	return dynset(nftDynsetDelete, set, key, data, 0)
}

// nftDynsetDelete is NFT_DYNSET_OP_DELETE (include/uapi/linux/netfilter/nf_tables.h).
const nftDynsetDelete = 2

func dynset(op uint32, set string, key, data int, lasts time.Duration) []expr.Any {
	d := &expr.Dynset{Operation: op, SetName: set, SrcRegKey: register(key), Timeout: lasts}
	if data != none {
		d.SrcRegData = register(data)
	}
	return []expr.Any{d}
}

// count puts the next of modulus numbers, from offset on, into register n. The
// number is the rule's own, shared by all packets.
func count(modulus, offset uint32, n int) []expr.Any {
	return []expr.Any{&expr.Numgen{Register: register(n), Type: unix.NFT_NG_INCREMENTAL, Modulus: modulus, Offset: offset}}
}

// draw puts one of modulus numbers, from offset on, into register n.
func draw(modulus, offset uint32, n int) []expr.Any {
	return []expr.Any{&expr.Numgen{Register: register(n), Type: unix.NFT_NG_RANDOM, Modulus: modulus, Offset: offset}}
}

// asPort turns the number in register 2, which the kernel makes in its own byte
// order, into a port as packets have it. Higher bits than a port's are lost.
func asPort() []expr.Any {
	low := binary.NativeEndian.AppendUint32(nil, 0xffff)
	return []expr.Any{
		&expr.Bitwise{SourceRegister: register(2), DestRegister: register(2), Len: 4, Mask: low, Xor: make([]byte, 4)},
		&expr.Byteorder{SourceRegister: register(2), DestRegister: register(2), Op: expr.ByteorderHton, Len: 2, Size: 2},
	}
}

// xor flips the bits of the first size bytes of register n.
func xor(n int, bits []byte) []expr.Any {
	mask := make([]byte, len(bits))
	for i := range mask {
		mask[i] = 0xff
	}
	return []expr.Any{&expr.Bitwise{SourceRegister: register(n), DestRegister: register(n), Len: uint32(len(bits)), Mask: mask, Xor: bits}}
}

// note keeps register n in the packet's mark for the rules that follow, and
// noted reads it back.
func note(n int) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: register(n)}}
}

func noted(n int) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyMARK, Register: register(n)}}
}

// remember and recall use the packet's priority as a second place to keep a
// number: labs have no queueing disciplines that look at it.
func remember(n int) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyPRIORITY, SourceRegister: true, Register: register(n)}}
}

func recall(n int) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyPRIORITY, Register: register(n)}}
}

// inZone is `ct zone set`, from register n.
func inZone(n int) []expr.Any {
	return []expr.Any{&expr.Ct{Key: expr.CtKeyZONE, SourceRegister: true, Register: register(n)}}
}

// hasZone is `ct zone != 0`: the packet belongs to a mapping.
func hasZone() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeyZONE, Register: reg},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: []byte{0, 0}},
	}
}

// The marks of connections that have come to an end.
const (
	closingMark = 1 // a FIN was seen
	closedMark  = 2 // a RST ended an established session
)

// mark is `ct mark set`.
func mark(m uint32) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: reg, Data: binary.NativeEndian.AppendUint32(nil, m)},
		&expr.Ct{Key: expr.CtKeyMARK, SourceRegister: true, Register: reg},
	}
}

// marked is `ct mark m`.
func marked(m uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeyMARK, Register: reg},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: binary.NativeEndian.AppendUint32(nil, m)},
	}
}

// markedAtAll is `ct mark != 0`.
func markedAtAll() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeyMARK, Register: reg},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: make([]byte, 4)},
	}
}

// Directions of a connection (enum ip_conntrack_dir): its first packet, and
// those that go like it, are in the original one.
const (
	originalDirection = 0
	replyDirection    = 1
)

// direction is `ct direction`.
func direction(d byte) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeyDIRECTION, Register: reg},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{d}},
	}
}

// Bits of a connection's status (include/uapi/linux/netfilter/nf_conntrack_common.h).
const (
	seenReply = 1 << 1 // IPS_SEEN_REPLY: both sides have sent
	assured   = 1 << 2 // IPS_ASSURED: the handshake of TCP is over
)

// status is `ct status bit`.
func status(bit uint32) []expr.Any {
	mask := binary.NativeEndian.AppendUint32(nil, bit)
	zero := make([]byte, len(mask))
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATUS, Register: reg},
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 4, Mask: mask, Xor: zero},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: zero},
	}
}

// jump runs another chain and comes back.
func jump(chain string) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: chain}}
}

// goTo runs another chain in the place of the rest of this one.
func goTo(chain string) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: expr.VerdictGoto, Chain: chain}}
}

// back returns to the chain that jumped here.
func back() []expr.Any { return []expr.Any{&expr.Verdict{Kind: expr.VerdictReturn}} }
