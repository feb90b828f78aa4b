package natrules

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/natprofiles"
)

// translate tells conntrack what the maps say, once for each connection: chains
// of type nat see its first packet alone (nf_nat_core.c: nf_nat_inet_fn). The
// kernel never chooses a port.
func (r *router) translate(tcp, udp protocol) {
	var in, out []Rule
	for _, x := range []protocol{tcp, udp} {
		toOwner := join(x.owner(inbound), toEndpoint(expr.NATTypeDestNAT, 4))
		in = append(in, join(comesFrom(r.at.WAN), hasZone(), x.is(), toOwner))
		if x.Hairpin == natprofiles.HairpinInternal {
			in = append(in, join(x.is(), r.toExternal(), toOwner))
		}
		out = append(out, join(leavesBy(r.at.WAN), hasZone(), x.is(), x.key(outbound, 0),
			get(x.set("map"), 0, 4), toEndpoint(expr.NATTypeSourceNAT, 4)))
	}
	for _, network := range r.at.Inside {
		// Pings and the like: conntrack keeps their identifiers apart (RFC 5508
		// section 3). Anything else would leave with its private source.
		ping := join(leavesBy(r.at.WAN), isICMP(), from(network))
		if r.p.Addresses.Pooling == natprofiles.Paired {
			out = append(out, join(ping, load(sourceAddress, 0), get("pair", 0, 0), toAddress(0)))
		}
		out = append(out,
			join(ping, address(r.at.External[0], 0), toAddress(0)),
			join(leavesBy(r.at.WAN), from(network), drop()))
	}
	r.nat("dstnat", nftables.ChainHookPrerouting, *nftables.ChainPriorityNATDest, in)
	r.nat("srcnat", nftables.ChainHookPostrouting, *nftables.ChainPriorityNATSource, out)
}

func (r *router) nat(name string, hook *nftables.ChainHook, priority nftables.ChainPriority, rules []Rule) {
	r.base(name, hook, priority, rules...)
	r.Chains[len(r.Chains)-1].Type = nftables.ChainTypeNAT
}

// toEndpoint translates to the address in register n and the port in the next.
func toEndpoint(kind expr.NATType, n int) []expr.Any {
	return []expr.Any{&expr.NAT{
		Type: kind, Family: unix.NFPROTO_IPV4,
		RegAddrMin: register(n), RegProtoMin: register(n + 1), Specified: true,
	}}
}

// toAddress translates the source to the address in register n. What it has for
// a port is kept, or another one is found where that is taken.
func toAddress(n int) []expr.Any {
	return []expr.Any{&expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: register(n)}}
}
