package natrules

import (
	"net/netip"

	"github.com/punchlab/punchlab/natprofiles"
)

// Place is where a NAT stands: what its rules must know beside its profile.
type Place struct {
	// WAN is the interface towards the internet. All others lead inside.
	WAN string
	// External are the addresses that are routed to the NAT. Linux's own NAT
	// has none: it uses the address of its interface.
	External []netip.Addr
	// Inside are all networks behind the NAT.
	Inside []netip.Prefix
}

// NAT makes the rules of a router that behaves as p says. Which of the two
// generators makes them follows from the fields of p: a NAT that overloads
// ports is Linux's own, and all others are maps. Its Memory can be emptied without
// conntrack's being walked through.
func NAT(p natprofiles.Profile, at Place) Ruleset {
	switch {
	case !p.Translate && !p.Firewall():
		return Ruleset{}
	case p.Overloads():
		return Ruleset{Tables: append([]Table{allInOneZone()}, Linux(p, at.WAN).Tables...)}
	default:
		return maps(p, at)
	}
}
