package natrules

import (
	"net/netip"

	"github.com/google/nftables"
)

// Backbone makes the rules of the core of an internet: it drops packets from
// and to private addresses (RFC 1918, section 3) before it looks for a route,
// so that not even a route that leaks into the core can carry them. It drops
// packets to the sink too: a network that takes in everything and answers nothing.
func Backbone(private []netip.Prefix, sink netip.Prefix) Ruleset {
	guard := Chain{
		Name: "prerouting", Type: nftables.ChainTypeFilter,
		Hook: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityRaw,
		Policy: nftables.ChainPolicyAccept,
	}
	for _, p := range private {
		guard.Rules = append(guard.Rules, join(from(p), drop()), join(to(p), drop()))
	}
	guard.Rules = append(guard.Rules, join(to(sink), drop()))
	return Ruleset{Tables: []Table{{Name: "backbone", Chains: []Chain{guard}}}}
}
