package natrules

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/natprofiles"
)

// rawPriority is before conntrack (-200), after the defragmenter (-400)
// (include/uapi/linux/netfilter_ipv4.h).
const rawPriority = -300

// raw gives each packet the zone of its mapping before conntrack sees it, and
// makes mappings. What has no permission keeps zone 0.
func (r *router) raw(tcp, udp protocol) {
	in := map[byte]string{unix.IPPROTO_TCP: "tcp_in", unix.IPPROTO_UDP: "udp_in", unix.IPPROTO_ICMP: "icmp_in"}
	out := map[byte]string{unix.IPPROTO_TCP: "tcp_out", unix.IPPROTO_UDP: "udp_out", unix.IPPROTO_ICMP: "icmp_out"}
	protocols := []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMP}

	for _, x := range []protocol{tcp, udp} {
		x.allocation()
		x.in()
		x.out()
	}
	r.icmpIn(tcp, udp)
	r.icmpOut(tcp, udp)

	r.chain("from_wan", join(r.toExternal(), r.byProtocol("in_by_protocol", in, protocols...)))
	rules := []Rule{join(comesFrom(r.at.WAN), goTo("from_wan"))}
	for _, network := range r.at.Inside {
		rules = append(rules, join(to(network), accept())) // it stays inside
	}
	rules = append(rules, r.byProtocol("out_by_protocol", out, protocols...))
	r.base("raw", nftables.ChainHookPrerouting, rawPriority, rules...)
}

// toExternal is met by packets to the NAT's external endpoints: those of a
// firewall are the hosts behind it, which from_wan tells apart.
func (r *router) toExternal() []expr.Any {
	switch len(r.at.External) {
	case 0:
		return nil
	case 1:
		return join(load(destinationAddress, 0), equal(0, r.at.External[0].AsSlice()))
	default:
		return join(load(destinationAddress, 0), in("external", 0))
	}
}

// equal ends the rule unless register n has that value.
func equal(n int, data []byte) []expr.Any {
	return []expr.Any{&expr.Cmp{Op: expr.CmpOpEq, Register: register(n), Data: data}}
}

// TCP's flags (RFC 9293 section 3.1).
const (
	flagFIN = 1 << 0
	flagSYN = 1 << 1
	flagRST = 1 << 2
	flagACK = 1 << 4
	flagAll = flagFIN | flagSYN | flagRST | flagACK
)

// flagged is met by TCP packets whose flags are these, of those in mask.
func flagged(mask, flags byte) []expr.Any { return compareFlags(mask, flags, expr.CmpOpEq) }

// notFlagged is met by all others.
func notFlagged(mask, flags byte) []expr.Any { return compareFlags(mask, flags, expr.CmpOpNeq) }

func compareFlags(mask, flags byte, op expr.CmpOp) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: reg, Base: tcpFlags.base, Offset: tcpFlags.offset, Len: tcpFlags.size},
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 1, Mask: []byte{mask}, Xor: []byte{0}},
		&expr.Cmp{Op: op, Register: reg, Data: []byte{flags}},
	}
}

// in decides whether a packet from outside may come in. Everything here comes
// before conntrack, so that what is refused leaves no trace there.
func (x protocol) in() {
	var rules []Rule
	if x.crossings() {
		rules = append(rules, x.crossed())
	}
	if x.filters() {
		remote := []place{inbound.local, inbound.localPort, inbound.remote, inbound.remotePort}[:2+width(x.Filtering)]
		rules = append(rules, join(loads(0, remote...), notIn(x.set("perm"), 0), accept()))
	}
	if x.crossings() {
		// The SYN from inside has its answer, and is no longer one to be crossed.
		rules = append(rules, join(notFlagged(flagRST|flagACK, 0),
			loads(0, inbound.local, inbound.localPort, inbound.remote, inbound.remotePort), remove(x.set("outsyn"), 0, none)))
	}
	if x.number == unix.IPPROTO_TCP && x.AfterReset == natprofiles.Keep {
		rules = append(rules, x.bypass())
	}
	rules = append(rules, join(x.owner(inbound), inZone(3), accept()))
	x.chain(x.set("in"), rules...)
}

// owner finds whom an external endpoint belongs to: register 3 has the zone, 4
// and 5 the inside endpoint.
func (x protocol) owner(f flow) []expr.Any {
	return join(x.protocolNumber(0), loads(1, f.local, f.localPort), get("reverse", 0, 3))
}

// crossed keeps a SYN out that meets one from inside. Conntrack must not see
// it: a rejected packet of a connection that it knows ends that connection
// (nf_reject_ipv4.c: nf_reject_skb_v4_tcp_reset, with nf_conntrack's own view
// of the RST).
func (x protocol) crossed() Rule {
	answer := drop()
	if x.CrossedSYN == natprofiles.CrossedReset {
		answer = rejectWithReset()
	}
	return join(flagged(flagAll, flagSYN),
		loads(0, inbound.local, inbound.localPort, inbound.remote, inbound.remotePort),
		in(x.set("outsyn"), 0), answer)
}

// bypass passes a RST on without conntrack, which would end its connection:
// the session's mapping, and conntrack's idea of it, stay as they were.
func (x protocol) bypass() Rule {
	rule := join(flagged(flagRST, flagRST), x.owner(inbound), []expr.Any{&expr.Notrack{}})
	if x.p.Translate {
		rule = join(rule, rewrite(destinationPort, 5, tcpChecksum, 0), rewrite(destinationAddress, 4, ipChecksum, unix.NFT_PAYLOAD_L4CSUM_PSEUDOHDR))
	}
	return join(rule, accept())
}

// Offsets of checksums in their headers (RFC 9293 section 3.1, RFC 791 section
// 3.1, RFC 792).
const (
	tcpChecksum  = 16
	ipChecksum   = 10
	icmpChecksum = 2
)

// rewrite writes register n into a field and mends the checksum.
func rewrite(p place, n int, checksum, flags uint32) []expr.Any {
	return []expr.Any{&expr.Payload{
		OperationType: expr.PayloadWrite, SourceRegister: register(n), Base: p.base, Offset: p.offset, Len: p.size,
		CsumType: expr.CsumTypeInet, CsumOffset: checksum, CsumFlags: flags,
	}}
}

// out finds the mapping of a packet from inside, or makes one. A mapping of TCP
// is made by a SYN alone (RFC 5382 section 4).
func (x protocol) out() {
	rules := x.hairpinOut()
	if x.needsBack() {
		// A session that was opened from outside comes before the mapping that
		// its remote endpoint would have if the inside host had opened it.
		rules = append(rules, join(x.session(0), get(x.set("back"), 0, 4), inZone(4), accept()))
	}
	rules = append(rules, join(x.key(outbound, 0), get(x.set("map"), 0, 4), inZone(6), accept()))
	if x.number == unix.IPPROTO_TCP {
		rules = append(rules, join(notFlagged(flagAll, flagSYN), drop()))
	}
	rules = append(rules, join(jump(x.set("new"))), x.refusal())
	x.chain(x.set("out"), rules...)
}

// session loads all four fields of an outbound packet from register n on.
func (x protocol) session(n int) []expr.Any {
	return loads(n, outbound.local, outbound.localPort, outbound.remote, outbound.remotePort)
}

// hairpinOut is about packets from inside to an external endpoint. Those that
// are to come back as if from outside leave like any other: the router upstream
// sends them back.
func (x protocol) hairpinOut() []Rule {
	if !x.p.Translate || x.Hairpin == natprofiles.HairpinExternal {
		return nil
	}
	verdict := drop()
	if x.Hairpin == natprofiles.HairpinInternal {
		verdict = accept()
	}
	return []Rule{join(x.toExternal(), verdict)}
}

// refusal is for whom there is no mapping left. A reset comes from the address
// that the SYN was for.
func (x protocol) refusal() Rule {
	switch {
	case x.p.Limits.AtLimit != natprofiles.Reset:
		return join(drop())
	case x.number == unix.IPPROTO_TCP:
		return join(rejectWithReset())
	default:
		return join(rejectWithPortUnreachable())
	}
}

// icmpIn gives ICMP errors from outside the zone of the session that they are
// about: conntrack would not know it otherwise. Other ICMP stays in zone 0.
func (r *router) icmpIn(tcp, udp protocol) {
	var rules []Rule
	for _, x := range []protocol{tcp, udp} {
		rules = append(rules, join(x.aboutProtocol(), x.owner(errorInbound), inZone(3), accept()))
	}
	r.chain("icmp_in", rules...)
}

// aboutProtocol is met by ICMP errors about packets of the protocol.
func (x protocol) aboutProtocol() []expr.Any {
	return join(load(icmpType, 0), in("icmp_errors", 0), load(innerProtocol, 0), equal(0, []byte{x.number}))
}

// icmpOut does the same for the errors of inside hosts about what they got.
func (r *router) icmpOut(tcp, udp protocol) {
	var rules []Rule
	for _, x := range []protocol{tcp, udp} {
		if x.needsBack() {
			f := errorOutbound
			rules = append(rules, join(x.aboutProtocol(), loads(0, f.local, f.localPort, f.remote, f.remotePort),
				get(x.set("back"), 0, 4), inZone(4), accept()))
		}
		rules = append(rules, join(x.aboutProtocol(), x.key(errorOutbound, 0), get(x.set("map"), 0, 4), inZone(6), accept()))
	}
	r.chain("icmp_out", rules...)
}
