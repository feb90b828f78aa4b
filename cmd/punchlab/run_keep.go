package main

import (
	"net/netip"
	"strings"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/topologies"
)

// entrance is how another terminal gets into a host or a NAT.
type entrance struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"`
	Enter     string       `json:"enter"` // a command line
}

// entrances are those of a lab, in the order of its topology.
func entrances(lab *harness.Lab) (all []entrance) {
	for _, n := range lab.Topology().Nodes {
		switch n.Kind {
		case topologies.Host:
			h := lab.Host(n.Name)
			all = append(all, entrance{n.Name, h.Addrs(), h.Enter()})
		case topologies.NAT:
			r := lab.Router(n.Name)
			all = append(all, entrance{n.Name, r.External(), r.Enter()})
		}
	}
	return all
}

// entrancePage tells them to people. The command lines are to be copied, and so
// are never broken.
func entrancePage(all []entrance) string {
	var pairs [][2]string
	for _, e := range all {
		var addrs []string
		for _, a := range e.Addresses {
			addrs = append(addrs, a.String())
		}
		pairs = append(pairs, [2]string{e.Name, strings.Join(addrs, ", ") + "\n" + e.Enter})
	}
	return "The lab is open until Ctrl-C. From another terminal of yours:\n" + entries("  ", pairs)
}
