// Package hops finds the routers on the way to a host by SYNs with small TTLs, as traceroute does with datagrams
// (RFC 1812, section 5.3.1: the router at which a packet's TTL runs out tells its sender). It needs no privilege.
//
// It works on Linux; on every other system [Start] reports that it is unsupported, and callers do without.
package hops

import "net/netip"

// Hop is what one SYN of a walk came to.
type Hop struct {
	TTL     int        // with which it left
	From    netip.Addr // the router at which it died; not valid if nobody told
	Reached bool       // it was answered by TCP and so passed all routers
}
