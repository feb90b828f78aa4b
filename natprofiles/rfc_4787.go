package natprofiles

import (
	"slices"
	"time"
)

// rfc4787 are the requirements for NATs that translate UDP (RFC 4787 section
// 12 has them together).
var rfc4787 = []Requirement{
	{4787, "REQ-1", Must, "a mapping does not depend on the destination",
		func(p Profile) (Standing, string) { return independentMapping(p.UDP) }},
	{4787, "REQ-2", Should, "all mappings of an inside host have one external address",
		func(p Profile) (Standing, string) { return paired(p) }},
	{4787, "REQ-3", Must, "two inside hosts never share an external port",
		func(p Profile) (Standing, string) { return noOverloading(p.UDP) }},
	{4787, "REQ-3a", Should, "inside ports below 1024 get external ones below 1024, and others get others",
		func(p Profile) (Standing, string) { return keepsHalves(p.UDP.Ports) }},
	{4787, "REQ-4", Should, "even inside ports get even external ports, and odd ones odd ones",
		func(p Profile) (Standing, string) {
			return meets(p.UDP.Ports.Parity, "ports: {parity: %t}", p.UDP.Ports.Parity)
		}},
	{4787, "REQ-5", Must, "a mapping lasts two minutes at least",
		func(p Profile) (Standing, string) { return udpTimes(p, 2*time.Minute) }},
	{4787, "REQ-5c", Should, "a mapping lasts five minutes at least",
		func(p Profile) (Standing, string) { return udpTimes(p, 5*time.Minute) }},
	{4787, "REQ-6", Must, "packets from inside keep a mapping alive",
		func(p Profile) (Standing, string) {
			return Meets, "timeouts: {refresh: " + string(p.UDP.Timeouts.Refresh) + "}"
		}},
	{4787, "REQ-7", Must, "inside and outside networks of the same addresses do no harm", nil},
	{4787, "REQ-8", Should, "filtering depends on nothing, or on the address alone",
		func(p Profile) (Standing, string) { return openFiltering(p.UDP) }},
	{4787, "REQ-9", Must, "inside hosts reach each other by their external endpoints",
		func(p Profile) (Standing, string) { return hairpinning(p.UDP) }},
	{4787, "REQ-9a", Must, "and then see each other's external endpoints",
		func(p Profile) (Standing, string) { return asExternal(p.UDP) }},
	{4787, "REQ-10", Should, "application gateways are off", nil},
	{4787, "REQ-11", Must, "mapping and filtering are always the same",
		func(p Profile) (Standing, string) { return deterministic(p.UDP) }},
	{4787, "REQ-12", Must, "no ICMP message ends a mapping",
		func(p Profile) (Standing, string) { return survivesICMP(p.UDP) }},
	{4787, "REQ-12b", Should, "destination unreachable reaches the inside host",
		func(p Profile) (Standing, string) { return forwardsErrors(p.UDP) }},
	{4787, "REQ-13", Must, "too large a packet is answered with fragmentation needed", nil},
	{4787, "REQ-14", Must, "fragments may come out of order", nil},
}

// keepsHalves judges whether the ports below 1024 and those above stay among
// their own kind. Linux sees to it unless it is given a range (nf_nat_core.c:
// nf_nat_l4proto_unique_tuple). All others have one range for both, out of
// which a port may come that is of the other kind; the inside port itself never
// is.
func keepsHalves(p Ports) (Standing, string) {
	switch {
	case p.OnConflict == Fail:
		return Meets, "ports: {on-conflict: fail}: the inside port or none"
	case p.Overloading && slices.Equal(p.Range, []Interval{wholeRange}):
		return Meets, "ports: {overloading: true}: Linux keeps them apart"
	case p.Allocation == Preserve:
		return Breaks, "ports: {on-conflict: " + string(p.OnConflict) + "}: out of one range for both"
	}
	return Breaks, "ports: {allocation: " + string(p.Allocation) + "}: out of one range for both"
}

// paired judges the choice of an address, of which there must be one.
func paired(p Profile) (Standing, string) {
	if p.Addresses.Count < 2 {
		return NotApplicable, "addresses: {count: 1}"
	}
	return meets(p.Addresses.Pooling == Paired, "addresses: {pooling: %s}", p.Addresses.Pooling)
}

// udpTimes judges both times of a UDP mapping: the RFC has one, which holds
// whether or not there has been a reply.
func udpTimes(p Profile, least time.Duration) (Standing, string) {
	return atLeast(least, named{"unreplied", p.UDP.Timeouts.Unreplied}, named{"stream", p.UDP.Timeouts.Stream})
}

// deterministic judges whether a NAT behaves the same whatever its other
// mappings are (RFC 4787 section 8). Linux's own NAT gives an inside endpoint a
// second mapping where the port of the first is taken towards a destination.
func deterministic(t Transport) (Standing, string) {
	if t.Ports.Overloading && t.Mapping == EndpointIndependent {
		return Breaks, "ports: {overloading: true}: another port where this one is taken towards a destination"
	}
	return Meets, "mapping: " + string(t.Mapping) + ", with and without conflicts"
}
