package verify

import (
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// The nodes of the lab that a NAT is probed in.
const (
	street   = "street"   // the NAT's upstream router
	router   = "nat"      // the NAT
	slot     = "a"        // that the NAT is in
	stranger = "stranger" // a host next door
	carol    = "carol"    // a third inside host
)

// neighbourhood is the lab: a NAT with three hosts behind it. The hosts that
// watch it from outside are on one segment with it, so that they also see what
// it sends with addresses that no router of the internet would forward.
var neighbourhood = topologies.Topology{
	Name:    "neighbourhood",
	Summary: "A NAT, hosts behind it, and hosts next door",
	Nodes: []topologies.Node{
		{Name: street, Kind: topologies.NAT, Behind: topologies.Core, Slot: street},
		{Name: router, Kind: topologies.NAT, Behind: street, Slot: slot},
		{Name: topologies.Rendezvous, Kind: topologies.Host, Behind: street, Addresses: 3},
		{Name: stranger, Kind: topologies.Host, Behind: street, Addresses: 2},
		{Name: topologies.Alice, Kind: topologies.Host, Behind: router, Addresses: 1},
		{Name: topologies.Bob, Kind: topologies.Host, Behind: router, Addresses: 1},
		{Name: carol, Kind: topologies.Host, Behind: router, Addresses: 1},
	},
}

// forwarder is the street's profile: it only forwards.
var forwarder = natprofiles.Profile{
	Name: street,
	TCP:  natprofiles.Transport{Filtering: natprofiles.Unfiltered},
	UDP:  natprofiles.Transport{Filtering: natprofiles.Unfiltered},
}
