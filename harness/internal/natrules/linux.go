package natrules

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/natprofiles"
)

// Linux makes the rules of a NAT that is Linux itself and whose interface
// towards the internet is wan: the kernel's own masquerade and conntrack do the
// mapping and the filtering, quirks included, and the rules say what becomes of
// a packet that nobody asked for. A profile that translates nothing needs no
// rules.
//
// Masquerade keeps the source port, and gives a second flow of an inside
// endpoint the mapping of its first (nf_nat_core.c, find_appropriate_src): it
// is endpoint-independent. Asked for random ports it skips that step and draws
// one for each flow, which makes the mapping address-and-port-dependent.
// Filtering is conntrack's in both cases: only packets of a known flow are
// translated back.
func Linux(p natprofiles.Profile, wan string) Ruleset {
	if !p.Translate {
		return Ruleset{}
	}
	rules := Ruleset{Tables: []Table{{Name: "nat", Chains: []Chain{translation(p, wan)}}}}
	if filter := filters(p, wan); len(filter.Chains) > 0 {
		rules.Tables = append(rules.Tables, filter)
	}
	if timers := timers(p); len(timers.Chains) > 0 {
		rules.Tables = append(rules.Tables, timers)
	}
	return rules
}

// translation masquerades what leaves. One rule does for all protocols where
// TCP and UDP get their ports alike.
func translation(p natprofiles.Profile, wan string) Chain {
	rules := []Rule{join(leavesBy(wan), masquerade(p.TCP.Ports))}
	if !alike(p.TCP.Ports, p.UDP.Ports) || !wholeRange(p.TCP.Ports) {
		rules = []Rule{
			join(leavesBy(wan), isTCP(), masquerade(p.TCP.Ports)),
			join(leavesBy(wan), isUDP(), masquerade(p.UDP.Ports)),
			join(leavesBy(wan), []expr.Any{&expr.Masq{}}),
		}
	}
	return Chain{
		Name: "postrouting", Type: nftables.ChainTypeNAT,
		Hook: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
		Policy: nftables.ChainPolicyAccept, Rules: rules,
	}
}

func alike(a, b natprofiles.Ports) bool {
	return a.Allocation == b.Allocation && slices.Equal(a.Range, b.Range)
}

// wholeRange says whether the kernel may choose among all ports, as it does of
// itself: it gives ports from 1024 on to those who come from there
// (nf_nat_core.c: nf_nat_l4proto_unique_tuple).
func wholeRange(p natprofiles.Ports) bool {
	return slices.Equal(p.Range, []natprofiles.Interval{{Lo: 1024, Hi: 65535}}) || len(p.Range) == 0
}

func masquerade(p natprofiles.Ports) []expr.Any {
	masq := &expr.Masq{FullyRandom: p.Allocation == natprofiles.Random}
	if wholeRange(p) {
		return []expr.Any{masq}
	}
	masq.ToPorts, masq.RegProtoMin, masq.RegProtoMax = true, unix.NFT_REG_1, unix.NFT_REG_2
	return []expr.Any{
		&expr.Immediate{Register: unix.NFT_REG_1, Data: binary.BigEndian.AppendUint16(nil, p.Range[0].Lo)},
		&expr.Immediate{Register: unix.NFT_REG_2, Data: binary.BigEndian.AppendUint16(nil, p.Range[0].Hi)},
		masq,
	}
}

// filters guards the router itself (input) and the hosts behind it (forward)
// against the packets of flows that conntrack does not know. An unsolicited
// packet is addressed to the router, so input answers it; forward matters
// where a route to the inside leaks.
func filters(p natprofiles.Profile, wan string) Table {
	r := &router{p: p, at: Place{WAN: wan}, Table: Table{Name: "filter"}}
	var guard []Rule
	if p.Input != natprofiles.InputOpen {
		known := expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED
		guard = append(guard, join(comesFrom(wan), stateIn(known), accept()))
		guard = append(guard, r.linuxAnswers()...)
	}
	var forward []Rule
	if p.Invalid == natprofiles.InvalidDrop {
		forward = append(forward, join(stateIn(expr.CtStateBitINVALID), drop()))
	}
	forward = append(forward, r.eaten()...)
	forward = append(forward, guard...)
	if len(guard) > 0 {
		r.base("input", nftables.ChainHookInput, *nftables.ChainPriorityFilter, guard...)
	}
	if len(forward) > 0 {
		r.base("forward", nftables.ChainHookForward, *nftables.ChainPriorityFilter, forward...)
	}
	return r.Table
}

// linuxAnswers is what the WAN side hears to a packet that nobody asked for.
// What is neither TCP nor UDP is answered like UDP, as firewalls of Linux do by
// a reject of everything.
func (r *router) linuxAnswers() []Rule {
	wan := comesFrom(r.at.WAN)
	tcp, udp := r.p.TCP.Unsolicited, r.p.UDP.Unsolicited
	other := join(wan, reply(udp, false))
	switch {
	case tcp == natprofiles.DelayedUnreachable:
		x := protocol{r, r.p.TCP, "tcp", unix.IPPROTO_TCP}
		x.chain("tcp_answer", x.delayed()...)
		return []Rule{join(wan, isTCP(), goTo("tcp_answer")), other}
	case tcp == natprofiles.Drop && udp == natprofiles.Drop:
		return []Rule{other}
	}
	return []Rule{join(wan, isTCP(), reply(tcp, true)), other}
}

// eaten keeps ICMP errors about sessions from the inside hosts.
func (r *router) eaten() []Rule {
	var rules []Rule
	for _, x := range []protocol{{r, r.p.TCP, "tcp", unix.IPPROTO_TCP}, {r, r.p.UDP, "udp", unix.IPPROTO_UDP}} {
		if x.ICMPErrors == natprofiles.Eaten {
			rules = append(rules, join(comesFrom(r.at.WAN), isICMP(), stateIn(expr.CtStateBitRELATED),
				load(innerProtocol, 0), equal(0, []byte{x.number}), drop()))
		}
	}
	return rules
}

// Timeouts that conntrack has of itself (nf_conntrack_proto_tcp.c: tcp_timeouts,
// nf_conntrack_proto_udp.c: udp_timeouts).
var ownTimeouts = map[string]natprofiles.Timeouts{
	"tcp": {
		SYNSent: natprofiles.Timeout(2 * time.Minute), Established: natprofiles.Timeout(5 * 24 * time.Hour),
		Closing: natprofiles.Timeout(2 * time.Minute), Closed: natprofiles.Timeout(10 * time.Second),
		Refresh: natprofiles.RefreshBoth,
	},
	"udp": {
		Unreplied: natprofiles.Timeout(30 * time.Second), Stream: natprofiles.Timeout(2 * time.Minute),
		Refresh: natprofiles.RefreshBoth,
	},
}

// timers sets the timeouts of new connections where the profile's are not
// conntrack's own. An object is heeded from this priority on.
func timers(p natprofiles.Profile) Table {
	r := &router{p: p, Table: Table{Name: "timers"}}
	var rules []Rule
	for _, x := range []protocol{{r, p.TCP, "tcp", unix.IPPROTO_TCP}, {r, p.UDP, "udp", unix.IPPROTO_UDP}} {
		if x.Transport.Timeouts == ownTimeouts[x.name] {
			continue
		}
		o := udpTimeouts(x.Transport.Timeouts)
		if x.name == "tcp" {
			o = tcpTimeouts(x.Transport.Timeouts, unacknowledged)
		}
		r.Table.Timeouts = append(r.Table.Timeouts, o)
		rules = append(rules, join(stateIn(expr.CtStateBitNEW), x.is(), o.use()))
	}
	if len(rules) > 0 {
		r.base("prerouting", nftables.ChainHookPrerouting, learnPriority, rules...)
	}
	return r.Table
}
