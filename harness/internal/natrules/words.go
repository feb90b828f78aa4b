package natrules

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The words of a rule: each makes the expressions that nft makes of the text
// beside it. reg is the only register that they need.
const reg = unix.NFT_REG_1

// comesFrom is `iifname "device"`.
func comesFrom(device string) []expr.Any { return interfaceIs(expr.MetaKeyIIFNAME, device) }

// leavesBy is `oifname "device"`.
func leavesBy(device string) []expr.Any { return interfaceIs(expr.MetaKeyOIFNAME, device) }

func interfaceIs(key expr.MetaKey, device string) []expr.Any {
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, device)
	return []expr.Any{
		&expr.Meta{Key: key, Register: reg},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: name},
	}
}

// The offsets of the addresses in an IPv4 header (RFC 791, section 3.1).
const (
	sourceOffset      = 12
	destinationOffset = 16
)

// from is `ip saddr network`.
func from(network netip.Prefix) []expr.Any { return addressIn(sourceOffset, network) }

// to is `ip daddr network`.
func to(network netip.Prefix) []expr.Any { return addressIn(destinationOffset, network) }

func addressIn(offset uint32, network netip.Prefix) []expr.Any {
	addr := network.Masked().Addr().AsSlice()
	mask := net.CIDRMask(network.Bits(), network.Addr().BitLen())
	size := uint32(len(addr))
	return []expr.Any{
		&expr.Payload{Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size, DestRegister: reg},
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: size, Mask: mask, Xor: make([]byte, size)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: addr},
	}
}

// isTCP is `meta l4proto tcp`.
func isTCP() []expr.Any { return isProtocol(unix.IPPROTO_TCP) }

// isUDP is `meta l4proto udp`.
func isUDP() []expr.Any { return isProtocol(unix.IPPROTO_UDP) }

// isICMP is `meta l4proto icmp`.
func isICMP() []expr.Any { return isProtocol(unix.IPPROTO_ICMP) }

func isProtocol(number byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{number}},
	}
}

// stateIn is `ct state a,b`: any of the states.
func stateIn(states uint32) []expr.Any {
	mask := binary.NativeEndian.AppendUint32(nil, states)
	zero := make([]byte, len(mask))
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: reg},
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: uint32(len(mask)), Mask: mask, Xor: zero},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: zero},
	}
}

func accept() []expr.Any { return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}} }
func drop() []expr.Any   { return []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}} }

// icmpPortUnreachable is the code of RFC 792's destination unreachable.
const icmpPortUnreachable = 3

// rejectWithReset is `reject with tcp reset`.
func rejectWithReset() []expr.Any {
	return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}}
}

// rejectWithPortUnreachable is `reject with icmp port-unreachable`.
func rejectWithPortUnreachable() []expr.Any {
	return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: icmpPortUnreachable}}
}

// filterChain is a base chain of type filter at the usual priority.
func filterChain(name string, hook *nftables.ChainHook, rules []Rule) Chain {
	return Chain{
		Name: name, Type: nftables.ChainTypeFilter,
		Hook: hook, Priority: nftables.ChainPriorityFilter,
		Policy: nftables.ChainPolicyAccept, Rules: rules,
	}
}
