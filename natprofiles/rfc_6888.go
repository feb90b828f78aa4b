package natprofiles

import (
	"fmt"
	"slices"
	"strings"
)

// rfc6888 are the requirements for carriers' NATs (RFC 6888 section 3) that are
// about the packets' path, or about what subscribers have of it. Left out are
// those about what the carrier can configure and keep: the pool of addresses
// (REQ-3), memory (REQ-5), destinations that are not translated (REQ-6),
// management (REQ-10, REQ-11C) and the contents of logs (REQ-12).
var rfc6888 = []Requirement{
	{6888, "REQ-1", Must, "every must of RFC 4787 and RFC 5382 is met", meetsOthers},
	{6888, "REQ-2", Must, "all mappings of a subscriber have one external address", paired},
	{6888, "REQ-4", Must, "the ports of a subscriber can be limited", limitsPorts},
	{6888, "REQ-7", Should, "filtering depends on nothing",
		func(p Profile) (Standing, string) { return both(p, independentFiltering) }},
	{6888, "REQ-8", Should, "a port is given out again after two minutes at the earliest", nil},
	{6888, "REQ-9", Must, "subscribers can control mappings by a protocol such as PCP", nil},
	{6888, "REQ-11A", Must, "a packet that can have no mapping is dropped",
		func(p Profile) (Standing, string) { return Meets, atLimit(p) }},
	{6888, "REQ-11B", Should, "and its sender told that the host is unreachable",
		func(p Profile) (Standing, string) { return meets(false, "%s", atLimit(p)) }},
	{6888, "REQ-11D", Must, "and no other mapping has to make room",
		func(p Profile) (Standing, string) { return Meets, atLimit(p) }},
	{6888, "REQ-13", Should, "no port stays idle while one is wanted",
		func(p Profile) (Standing, string) { return both(p, usesAllPorts) }},
	{6888, "REQ-14", Should, "ports are given out so that there is little to log", littleToLog},
	{6888, "REQ-15", Should, "ports are hard to guess", func(p Profile) (Standing, string) { return both(p, hardToGuess) }},
}

// meetsOthers sums up the musts for TCP and UDP.
func meetsOthers(p Profile) (Standing, string) {
	numbers := append(broken(p, rfc4787), broken(p, rfc5382)...)
	if len(numbers) == 0 {
		return Meets, "as far as fields tell"
	}
	return Breaks, strings.Join(slices.Compact(numbers), ", ")
}

// limitsPorts judges what an inside host may have. A block is a limit, too. A
// NAT that sets no limit may yet be able to.
func limitsPorts(p Profile) (Standing, string) {
	switch {
	case p.Limits.PerHost > 0:
		return Meets, fmt.Sprintf("limits: {per-host: %d}", p.Limits.PerHost)
	case p.TCP.Ports.Allocation == Block && p.UDP.Ports.Allocation == Block:
		return Meets, fmt.Sprintf("ports: {block: {size: %d}}", p.TCP.Ports.Block.Size)
	}
	return Untold, "limits: no per-host"
}

// atLimit is what happens where there can be no mapping. Linux's own NAT drops
// (nf_nat_core.c: nf_nat_inet_fn).
func atLimit(p Profile) string {
	if p.Overloads() {
		return "ports: {overloading: true}, where a packet that gets no port is dropped"
	}
	return "limits: {at-limit: " + string(p.Limits.AtLimit) + "}"
}

// independentFiltering judges the filtering of a carrier's NAT. Filtering by
// address is only allowed where it is known to break no application, which no
// field tells.
func independentFiltering(t Transport) (Standing, string) {
	return meets(t.Filtering == EndpointIndependent, "filtering: %s", t.Filtering)
}

// usesAllPorts judges whether a mapping may have any port that is free. A block
// keeps its ports for one subscriber, who may not need them.
func usesAllPorts(t Transport) (Standing, string) {
	if t.Ports.OnConflict == Fail {
		return Breaks, "ports: {on-conflict: fail}"
	}
	return meets(t.Ports.Allocation != Block, "ports: {allocation: %s}", t.Ports.Allocation)
}

// littleToLog judges the log that tells whose a port was: one line for a block,
// and one for every mapping otherwise.
func littleToLog(p Profile) (Standing, string) {
	return both(p, func(t Transport) (Standing, string) {
		return meets(t.Ports.Allocation == Block, "ports: {allocation: %s}", t.Ports.Allocation)
	})
}

// hardToGuess judges the next port as a stranger sees it. With preserve it is
// the inside host that chooses it.
func hardToGuess(t Transport) (Standing, string) {
	switch {
	case t.Ports.Allocation == Preserve:
		return NotApplicable, "ports: {allocation: preserve}: the inside host chooses"
	case t.Ports.sequential() && t.Ports.Allocation == Block:
		return Breaks, "ports: {block: {inside: sequential}}"
	default:
		return meets(t.Ports.Allocation != Sequential, "ports: {allocation: %s}", t.Ports.Allocation)
	}
}
