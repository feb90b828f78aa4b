package natrules

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"

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
	if filter := filters(p, wan); len(filter) > 0 {
		rules.Tables = append(rules.Tables, Table{Name: "filter", Chains: filter})
	}
	return rules
}

func translation(p natprofiles.Profile, wan string) Chain {
	masquerade := &expr.Masq{
		FullyRandom: p.Ports.Allocation == natprofiles.Random,
	}
	return Chain{
		Name: "postrouting", Type: nftables.ChainTypeNAT,
		Hook: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
		Policy: nftables.ChainPolicyAccept,
		Rules:  []Rule{join(leavesBy(wan), []expr.Any{masquerade})},
	}
}

// filters guards the router itself (input) and the hosts behind it (forward)
// against the packets of flows that conntrack does not know. An unsolicited
// packet is addressed to the router, so input answers it; forward matters
// where a route to the inside leaks.
func filters(p natprofiles.Profile, wan string) []Chain {
	var guard []Rule
	if p.Input != natprofiles.InputOpen {
		known := expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED
		guard = append(guard, join(comesFrom(wan), stateIn(known), accept()))
		guard = append(guard, answers(p.Unsolicited, wan)...)
	}
	var forward []Rule
	if p.Invalid == natprofiles.InvalidDrop {
		forward = append(forward, join(stateIn(expr.CtStateBitINVALID), drop()))
	}
	forward = append(forward, guard...)

	var chains []Chain
	if len(guard) > 0 {
		chains = append(chains, filterChain("input", nftables.ChainHookInput, guard))
	}
	if len(forward) > 0 {
		chains = append(chains, filterChain("forward", nftables.ChainHookForward, forward))
	}
	return chains
}

func filterChain(name string, hook *nftables.ChainHook, rules []Rule) Chain {
	return Chain{
		Name: name, Type: nftables.ChainTypeFilter,
		Hook: hook, Priority: nftables.ChainPriorityFilter,
		Policy: nftables.ChainPolicyAccept, Rules: rules,
	}
}

// answers is what the WAN side hears to a packet that nobody asked for. What
// is not TCP cannot be reset and is answered as Linux firewalls do, by port
// unreachable (RFC 1122, 3.2.2.1).
func answers(a natprofiles.Answer, wan string) []Rule {
	if a == natprofiles.Reset {
		return []Rule{
			join(comesFrom(wan), isTCP(), rejectWithReset()),
			join(comesFrom(wan), rejectWithPortUnreachable()),
		}
	}
	return []Rule{join(comesFrom(wan), drop())}
}
