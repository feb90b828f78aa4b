package natrules

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"net"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// String renders the rule: what a condition loads and compares is written as
// nft does, and values that are kept in registers of 32 bits as r0, r1 and so
// on. The library cannot tell what a register was loaded for, and so a key is
// known by its first one.
func (r Rule) String() string {
	text := ruleText{names: map[uint32]string{}}
	for _, e := range r {
		text.add(e)
	}
	return strings.Join(text.words, " ")
}

// ruleText is a rule while it is rendered: what each register was loaded with.
type ruleText struct {
	words []string
	names map[uint32]string
}

func (t *ruleText) say(format string, args ...any) {
	t.words = append(t.words, fmt.Sprintf(format, args...))
}

// hold notes that a register has a value. Registers of 32 bits are told, and
// reg is over with the next comparison.
func (t *ruleText) hold(r uint32, value string) {
	t.names[r] = value
	if r >= unix.NFT_REG32_00 {
		t.say("%s = %s;", registerName(r), value)
	}
}

func registerName(r uint32) string { return fmt.Sprintf("r%d", r-unix.NFT_REG32_00) }

// value is a register as it is written where it is used.
func (t *ruleText) value(r uint32) string {
	if r >= unix.NFT_REG32_00 {
		return registerName(r)
	}
	return t.names[r]
}

func (t *ruleText) add(e expr.Any) {
	switch e := e.(type) {
	case *expr.Meta:
		if e.SourceRegister {
			t.say("%s set %s", metaNames[e.Key], t.value(e.Register))
			return
		}
		t.hold(e.Register, metaNames[e.Key])
	case *expr.Ct:
		t.connection(e)
	case *expr.Payload:
		t.payload(e)
	case *expr.Exthdr:
		t.option(e)
	case *expr.Immediate:
		t.hold(e.Register, constantText(e))
	case *expr.Numgen:
		t.hold(e.Register, numbers(e))
	case *expr.Byteorder:
		t.say("%s = hton(%s);", registerName(e.DestRegister), t.value(e.SourceRegister))
	case *expr.Bitwise:
		t.bitwise(e)
	case *expr.Cmp:
		t.words = append(t.words, t.comparison(e))
	case *expr.Lookup, *expr.Dynset, *expr.NAT, *expr.Masq:
		t.words = append(t.words, t.table(e))
	default:
		t.words = append(t.words, statement(e))
	}
}

var metaNames = map[expr.MetaKey]string{
	expr.MetaKeyIIFNAME:  "iifname",
	expr.MetaKeyOIFNAME:  "oifname",
	expr.MetaKeyL4PROTO:  "meta l4proto",
	expr.MetaKeyMARK:     "meta mark",
	expr.MetaKeyPRIORITY: "meta priority",
}

var connectionNames = map[expr.CtKey]string{
	expr.CtKeySTATE: "ct state", expr.CtKeySTATUS: "ct status", expr.CtKeyMARK: "ct mark", expr.CtKeyZONE: "ct zone",
	expr.CtKeyDIRECTION: "ct direction",
	expr.CtKeySRC:       "ct original saddr", expr.CtKeyDST: "ct original daddr",
	expr.CtKeyPROTOSRC: "ct original proto-src", expr.CtKeyPROTODST: "ct original proto-dst",
}

func (t *ruleText) connection(e *expr.Ct) {
	if e.SourceRegister {
		t.say("%s set %s", connectionNames[e.Key], t.value(e.Register))
		return
	}
	t.hold(e.Register, connectionNames[e.Key])
}

// places names what is loaded from a packet.
var places = func() map[place]string {
	names := map[place]string{}
	for _, p := range []place{
		sourceAddress, destinationAddress, sourcePort, destinationPort, tcpFlags, icmpType,
		innerProtocol, innerSourceAddress, innerDestinationAddress, innerSourcePort, innerDestinationPort,
		sequenceNumber, acknowledgementNumber, innerSequenceNumber,
	} {
		name := p.name
		p.name = ""
		if _, taken := names[p]; !taken {
			names[p] = name
		}
	}
	return names
}()

func (t *ruleText) payload(e *expr.Payload) {
	name := places[place{base: e.Base, offset: e.Offset, size: e.Len}]
	if e.OperationType == expr.PayloadWrite {
		t.say("%s set %s", name, t.value(e.SourceRegister))
		return
	}
	t.hold(e.DestRegister, name)
}

func (t *ruleText) option(e *expr.Exthdr) {
	name := fmt.Sprintf("tcp option %d at %d", e.Type, e.Offset)
	if e.SourceRegister != 0 {
		t.say("%s set %s", name, t.value(e.SourceRegister))
		return
	}
	t.hold(e.DestRegister, name)
}

func numbers(e *expr.Numgen) string {
	kind := map[uint32]string{unix.NFT_NG_INCREMENTAL: "inc", unix.NFT_NG_RANDOM: "random"}[e.Type]
	return fmt.Sprintf("numgen %s mod %d offset %d", kind, e.Modulus, e.Offset)
}

// constantText is what a register is set to: four bytes are an address, or a
// mark where it is not kept.
func constantText(e *expr.Immediate) string {
	switch {
	case len(e.Data) == 4 && e.Register >= unix.NFT_REG32_00:
		return net.IP(e.Data).String()
	case len(e.Data) == 4:
		return fmt.Sprint(binary.NativeEndian.Uint32(e.Data))
	default:
		return plainValue(e.Data)
	}
}

// plainValue is a value as people read it: a port, a number or bytes.
func plainValue(data []byte) string {
	switch len(data) {
	case 1:
		return fmt.Sprint(data[0])
	case 2:
		return fmt.Sprint(binary.BigEndian.Uint16(data))
	default:
		return fmt.Sprintf("0x%x", data)
	}
}

// bitwise renders a mask of what was loaded for a condition, or a change of a
// register's bits.
func (t *ruleText) bitwise(e *expr.Bitwise) {
	if e.DestRegister >= unix.NFT_REG32_00 {
		t.say("%s = %s & 0x%x ^ 0x%x;", registerName(e.DestRegister), t.value(e.SourceRegister), e.Mask, e.Xor)
		return
	}
	t.names[e.DestRegister] += masked(t.names[e.SourceRegister], e.Mask)
}

// masked says what a mask leaves of what was loaded: some states of conntrack,
// some flags, or the network of an address.
func masked(loaded string, mask []byte) string {
	switch loaded {
	case "ct state":
		return " " + stateNames(mask)
	case "ct status":
		return " " + bitNames(mask, []bitName{{seenReply, "seen-reply"}, {assured, "assured"}})
	case "tcp flags":
		return " & (" + flagNames(mask[0], "|") + ")"
	}
	bits, _ := net.IPMask(mask).Size()
	return fmt.Sprintf("/%d", bits)
}

type bitName struct {
	bit  uint32
	name string
}

func stateNames(mask []byte) string {
	return bitNames(mask, []bitName{
		{expr.CtStateBitINVALID, "invalid"}, {expr.CtStateBitESTABLISHED, "established"},
		{expr.CtStateBitRELATED, "related"}, {expr.CtStateBitNEW, "new"}, {expr.CtStateBitUNTRACKED, "untracked"},
	})
}

func bitNames(mask []byte, known []bitName) string {
	var names []string
	for _, k := range known {
		if binary.NativeEndian.Uint32(mask)&k.bit != 0 {
			names = append(names, k.name)
		}
	}
	return strings.Join(names, ",")
}

func flagNames(flags byte, separator string) string {
	var names []string
	for _, f := range []struct {
		bit  byte
		name string
	}{{flagFIN, "fin"}, {flagSYN, "syn"}, {flagRST, "rst"}, {flagACK, "ack"}} {
		if flags&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, separator)
}

var operators = map[expr.CmpOp]string{expr.CmpOpEq: "==", expr.CmpOpNeq: "!=", expr.CmpOpGte: ">=", expr.CmpOpLte: "<="}

// comparison renders `loaded == data`. A comparison of masked states with
// zero says that one of them is there.
func (t *ruleText) comparison(c *expr.Cmp) string {
	loaded := t.value(c.Register)
	switch {
	case loaded == "ct direction":
		return loaded + " " + []string{"original", "reply"}[c.Data[0]]
	case loaded == "ct mark":
		return fmt.Sprintf("%s %s %d", loaded, operators[c.Op], binary.NativeEndian.Uint32(c.Data))
	case c.Register >= unix.NFT_REG32_00:
		return fmt.Sprintf("%s %s %s", loaded, operators[c.Op], plainValue(c.Data))
	case (strings.HasPrefix(loaded, "ct state") || strings.HasPrefix(loaded, "ct status")) && c.Op == expr.CmpOpNeq:
		return loaded
	case strings.HasPrefix(loaded, "tcp flags"):
		return fmt.Sprintf("%s %s %s", loaded, operators[c.Op], cmp.Or(flagNames(c.Data[0], "|"), "0"))
	case strings.HasPrefix(loaded, "ip ") && c.Op == expr.CmpOpEq:
		field, bits, _ := strings.Cut(loaded, "/")
		return fmt.Sprintf("%s %s/%s", field, net.IP(c.Data), bits)
	case strings.HasSuffix(loaded, "ifname") && c.Op == expr.CmpOpEq:
		return fmt.Sprintf("%s %q", loaded, bytes.TrimRight(c.Data, "\x00"))
	case loaded == "meta l4proto" && c.Op == expr.CmpOpEq:
		return loaded + " " + protocolNames[c.Data[0]]
	}
	return fmt.Sprintf("%s %s 0x%x", loaded, operators[c.Op], c.Data)
}

var protocolNames = map[byte]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp", unix.IPPROTO_ICMP: "icmp"}
