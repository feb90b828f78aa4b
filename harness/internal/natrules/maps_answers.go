package natrules

import (
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/natprofiles"
)

// answerPriority is after addresses have been translated (-100).
const answerPriority = -90

// unsolicited answers what came to an external endpoint and belongs to nothing:
// it was not mapped, or filtering refused it, which is one case here since
// refused packets have got no zone. The answer carries the external address.
func (r *router) unsolicited(tcp, udp protocol) {
	r.answers(tcp, udp)
	if !r.p.Translate {
		return // what is for the hosts behind a firewall is forwarded
	}
	known := expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED | expr.CtStateBitUNTRACKED
	rules := []Rule{join(hasZone(), accept()), join(stateIn(known), accept())}
	rules = append(rules, r.asItCame(r.toExternal())...)
	r.chain("outside", append(rules, join(r.toExternal(), goTo("answer")))...)
	r.base("unsolicited", nftables.ChainHookPrerouting, answerPriority, join(comesFrom(r.at.WAN), goTo("outside")))
}

// answers adds the chain of the answers, and drops what gets none.
func (r *router) answers(tcp, udp protocol) {
	chains := map[byte]string{unix.IPPROTO_TCP: "tcp_answer", unix.IPPROTO_UDP: "udp_answer"}
	for _, x := range []protocol{tcp, udp} {
		x.chain(x.set("answer"), x.answer()...)
	}
	r.chain("answer",
		r.byProtocol("answer_by_protocol", chains, unix.IPPROTO_TCP, unix.IPPROTO_UDP),
		join(drop()))
}

// answer is what an unsolicited packet gets. A RST never gets one (RFC 9293
// section 3.10.7.1).
func (x protocol) answer() []Rule {
	if x.number == unix.IPPROTO_UDP {
		return []Rule{join(reply(x.Unsolicited, false))}
	}
	if x.Unsolicited == natprofiles.DelayedUnreachable {
		return x.delayed()
	}
	return []Rule{join(flagged(flagRST, flagRST), drop()), join(reply(x.Unsolicited, true))}
}

// reply is the verdict of an answer.
func reply(a natprofiles.Answer, tcp bool) []expr.Any {
	switch {
	case a == natprofiles.Reset && tcp:
		return rejectWithReset()
	case a == natprofiles.Reset, a == natprofiles.PortUnreachable:
		return rejectWithPortUnreachable()
	case a == natprofiles.AdminProhibited:
		return rejectWithICMP(icmpAdminProhibited)
	default:
		return drop()
	}
}

const (
	// patience is how long an unsolicited SYN stays without an answer (RFC 5382
	// REQ-4).
	patience = 6 * time.Second
	// remembered is how long a SYN counts as seen. A client's retransmissions
	// come at 1, 3, 7, 15, 31 and 63 s (RFC 6298 section 5.5, tcp(7):
	// tcp_syn_retries).
	remembered = 2 * time.Minute
)

// delayed is RFC 5382 REQ-4, as far as a rule can: nothing here happens on a
// timer, so the error rides on a retransmission. A SYN from inside to its
// sender makes the retransmission one that is let in.
func (x protocol) delayed() []Rule {
	attempt := []nftables.SetDatatype{typeAddress, typePort, typeAddress, typePort, typeNumber}
	x.dynamic(Set{Name: "young", Key: attempt})
	x.dynamic(Set{Name: "seen", Key: attempt})
	session := loads(0, sourceAddress, sourcePort, destinationAddress, destinationPort, sequenceNumber)
	return []Rule{
		join(notFlagged(flagAll, flagSYN), drop()),
		join(session, in("young", 0), drop()),
		join(session, notIn("seen", 0), add("young", 0, none, patience), add("seen", 0, none, remembered), drop()),
		join(rejectWithPortUnreachable()),
	}
}

// guard decides what may be forwarded and what may come to the router itself.
func (r *router) guard(tcp, udp protocol) {
	wan := comesFrom(r.at.WAN)
	known := expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED
	rules := []Rule{
		join(stateIn(expr.CtStateBitESTABLISHED|expr.CtStateBitUNTRACKED), accept()),
		join(stateIn(expr.CtStateBitINVALID), drop()),
	}
	for _, x := range []protocol{tcp, udp} {
		if x.ICMPErrors == natprofiles.Eaten {
			rules = append(rules, join(wan, isICMP(), stateIn(expr.CtStateBitRELATED), load(innerProtocol, 0), equal(0, []byte{x.number}), drop()))
		}
	}
	rules = append(rules,
		join(wan, hasZone(), accept()),
		join(wan, stateIn(expr.CtStateBitRELATED), accept()))
	var came []Rule
	if !r.p.Translate {
		came = r.asItCame(wan)
	}
	rules = append(append(rules, came...), join(wan, goTo("answer")))
	if r.p.Translate {
		// What a hairpin has not turned must not leave.
		for _, x := range []protocol{tcp, udp} {
			if x.Hairpin == natprofiles.HairpinInternal {
				rules = append(rules, join(x.is(), r.toExternal(), drop()))
			}
		}
	}
	r.base("forward", nftables.ChainHookForward, *nftables.ChainPriorityFilter, rules...)
	r.base("input", nftables.ChainHookInput, *nftables.ChainPriorityFilter,
		append(append([]Rule{join(wan, stateIn(known), accept())}, came...), join(wan, goTo("answer")))...)
}

// icmpAdminProhibited is the code of "communication administratively
// prohibited" (RFC 1812 section 5.2.7.1).
const icmpAdminProhibited = 13

// rejectWithICMP is `reject with icmp`, by the code of an unreachable.
func rejectWithICMP(code uint8) []expr.Any {
	return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: code}}
}
