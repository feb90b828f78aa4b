package harness

import (
	"slices"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/topologies"
)

// A new namespace copies many of these from the machine's own settings, so
// each that matters is set.
var (
	everywhereSettings = []kernel.Sysctl{
		// No IPv6, and so no neighbour discovery in captures and counters.
		{Path: "ipv6/conf/all/disable_ipv6", Value: "1", Optional: true},
		{Path: "ipv6/conf/default/disable_ipv6", Value: "1", Optional: true},
		{Path: "ipv4/ip_default_ttl", Value: "64"},
		// Every ICMP error counts in an experiment.
		{Path: "ipv4/icmp_ratelimit", Value: "0"},
		{Path: "ipv4/icmp_ratemask", Value: "0"}, // nor the limit of all together
		// Routes are the plan's, and no router of a lab redirects.
		{Path: "ipv4/conf/all/accept_redirects", Value: "0"},
		{Path: "ipv4/conf/default/accept_redirects", Value: "0"},
	}
	routerSettings = []kernel.Sysctl{
		{Path: "ipv4/ip_forward", Value: "1"},
		// A packet that turns round is none to tell a shorter way of.
		{Path: "ipv4/conf/all/send_redirects", Value: "0"},
		{Path: "ipv4/conf/default/send_redirects", Value: "0"},
	}
	hostSettings = []kernel.Sysctl{
		{Path: "ipv4/ip_forward", Value: "0"},
		{Path: "ipv4/tcp_timestamps", Value: "1"},
		{Path: "ipv4/tcp_syn_retries", Value: "6"},
		{Path: "ipv4/ip_local_port_range", Value: "32768 60999"},
		// A trial must not start with what an earlier one has measured
		// (net/ipv4/tcp_metrics.c).
		{Path: "ipv4/tcp_no_metrics_save", Value: "1"},
		// Room for what is under way on a long link: the kernel's own limits of 6 and
		// 4 MiB are 80 Mbit/s over a round trip of 400 ms.
		{Path: "ipv4/tcp_rmem", Value: "4096 131072 67108864"},
		{Path: "ipv4/tcp_wmem", Value: "4096 16384 67108864"},
	}
	natSettings = []kernel.Sysctl{
		// A router's own ICMP error to one of its external addresses comes back
		// from upstream with a source that is the router's (hairpinning).
		{Path: "ipv4/conf/all/accept_local", Value: "1"},
		{Path: "ipv4/conf/default/accept_local", Value: "1"},
		// Hosts on one segment speak past the router's rules.
		{Path: "bridge/bridge-nf-call-iptables", Value: "0", Optional: true},
		{Path: "netfilter/nf_conntrack_tcp_loose", Value: "1", Optional: true},
		{Path: "netfilter/nf_conntrack_tcp_be_liberal", Value: "0", Optional: true},
	}
)

// settings lists the settings of a machine. The core believes no source
// address that it has no route to; nobody else checks, since a packet that turns
// round comes in with an address of the NAT itself.
func (m *machine) settings() []kernel.Sysctl {
	pathFilter := "0"
	if m.Name == topologies.Core {
		pathFilter = "1"
	}
	all := append(slices.Clone(everywhereSettings),
		kernel.Sysctl{Path: "ipv4/conf/all/rp_filter", Value: pathFilter},
		kernel.Sysctl{Path: "ipv4/conf/default/rp_filter", Value: pathFilter})
	switch m.Kind {
	case topologies.Host:
		return append(all, hostSettings...)
	case topologies.NAT:
		all = append(all, natSettings...)
	}
	return append(all, routerSettings...)
}
