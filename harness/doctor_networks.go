package harness

import (
	"context"

	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/natprofiles"
)

// examineNetworks checks what nodes are connected by.
func examineNetworks() []examination {
	return []examination{{
		Check: Check{
			Name: "veth pairs", Purpose: "the cables between nodes",
			Advice: "sudo modprobe veth. A kernel of your own needs CONFIG_VETH.",
		},
		try: tryCables,
	}, {
		Check: Check{
			Name: "bridges", Purpose: "several hosts behind one NAT",
			Advice: "sudo modprobe bridge. A kernel of your own needs CONFIG_BRIDGE.",
		},
		try: func(_ context.Context, p *patient) error { return p.nat.Bridge(lanDevice, nil) },
	}}
}

// examineNATs checks what makes a NAT of a node.
func examineNATs() []examination {
	linux := natprofiles.Ports{Allocation: natprofiles.Preserve, Overloading: true}
	profile := natprofiles.Profile{Translate: true, TCP: natprofiles.Transport{Ports: linux}}
	open, resets := profile, profile
	open.Input = natprofiles.InputOpen // no filter
	resets.TCP.Unsolicited = natprofiles.Reset
	return []examination{{
		Check: Check{
			Name: "nftables with NAT", Purpose: "mapping and filtering",
			Advice: "sudo modprobe -a nf_tables nft_chain_nat nft_masq. A kernel of your own needs\n" +
				"CONFIG_NF_TABLES, CONFIG_NF_TABLES_IPV4, CONFIG_NF_CONNTRACK, CONFIG_NFT_CT, CONFIG_NFT_NAT and CONFIG_NFT_MASQ.",
		},
		try: func(_ context.Context, p *patient) error { return tryProfile(p.nat, open) },
	}, {
		Check: Check{
			Name: "nftables with reject", Purpose: "NATs that answer unsolicited SYNs by a reset",
			Advice: "sudo modprobe -a nft_ct nft_reject_ipv4. A kernel of your own needs CONFIG_NFT_REJECT.",
		},
		try: func(_ context.Context, p *patient) error { return tryProfile(p.nat, resets) },
	}, {
		Check: Check{
			Name: "conntrack flush", Purpose: "using a lab again for the next trial",
			Advice: "sudo modprobe nf_conntrack_netlink. A kernel of your own needs CONFIG_NF_CT_NETLINK.",
		},
		try: func(_ context.Context, p *patient) error { return p.nat.FlushConntrack() },
	}}
}

// examineLinks checks what delays packets. Either form of NFQUEUE will do.
func examineLinks() []examination {
	return []examination{{
		Check: Check{
			Name: "held packets", Purpose: "links with a delay, by NFQUEUE in either form",
			Advice: "sudo modprobe -a nfnetlink_queue nft_queue xt_NFQUEUE nft_compat. A kernel of your own needs\n" +
				"CONFIG_NETFILTER_NETLINK_QUEUE, and CONFIG_NFT_QUEUE or both of\n" +
				"CONFIG_NETFILTER_XT_TARGET_NFQUEUE and CONFIG_NFT_COMPAT.",
		},
		try: tryHeldPackets,
	}, {
		Check: Check{
			Name: "packet time stamps", Purpose: "delays that count from a packet's arrival",
			Advice:   "Nothing can be done. Delays will be longer by what this machine is slow.",
			Optional: true,
		},
		try: tryTimeStamps,
	}, {
		Check: Check{
			Name: "NFQUEUE, nftables' own", Purpose: "one form of holding packets",
			Advice:   "Not needed where the xtables target works. CONFIG_NFT_QUEUE.",
			Optional: true,
		},
		try: func(_ context.Context, p *patient) error {
			return natrules.Hold{Uplink: hostDevice, Up: 2, Down: 3}.Rules(true).Apply(p.left.FD())
		},
	}, {
		Check: Check{
			Name: "NFQUEUE, xtables target", Purpose: "the other form of holding packets",
			Advice:   "Not needed where nftables' own works. CONFIG_NETFILTER_XT_TARGET_NFQUEUE and CONFIG_NFT_COMPAT.",
			Optional: true,
		},
		try: func(_ context.Context, p *patient) error {
			return natrules.Hold{Uplink: hostDevice, Up: 2, Down: 3}.Rules(false).Apply(p.right.FD())
		},
	}, {
		Check: Check{
			Name: "netem", Purpose: "links that the kernel emulates (--link netem); held packets do without it",
			Advice:   "Nothing needs to be done. CONFIG_NET_SCH_NETEM.",
			Optional: true,
		},
		try: func(_ context.Context, p *patient) error { return p.left.SetNetem(hostDevice, links.Conditions{}, 0) },
	}}
}
