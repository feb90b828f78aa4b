package natprofiles

import "time"

// rfc5382 are the requirements for NATs that translate TCP (RFC 5382 section 8
// has them together).
var rfc5382 = []Requirement{
	{5382, "REQ-1", Must, "a mapping does not depend on the destination",
		func(p Profile) (Standing, string) { return independentMapping(p.TCP) }},
	{5382, "REQ-2", Must, "crossed SYNs make a connection, as all valid sequences do",
		func(p Profile) (Standing, string) {
			return meets(p.TCP.CrossedSYN == CrossedAccept, "crossed-syn: %s", p.TCP.CrossedSYN)
		}},
	{5382, "REQ-3", Should, "filtering depends on nothing, or on the address alone",
		func(p Profile) (Standing, string) { return openFiltering(p.TCP) }},
	{5382, "REQ-4", Must, "an unsolicited SYN is not answered for six seconds, nor if a SYN of the inside host meets it",
		func(p Profile) (Standing, string) {
			return meets(p.TCP.Unsolicited == Drop || p.TCP.Unsolicited == DelayedUnreachable, "unsolicited: %s", p.TCP.Unsolicited)
		}},
	{5382, "REQ-4", Should, "then it is answered with port unreachable, if policy allows",
		func(p Profile) (Standing, string) {
			if p.TCP.Unsolicited == Drop {
				return NotApplicable, "unsolicited: drop, which REQ-4a allows as a policy"
			}
			return meets(p.TCP.Unsolicited == DelayedUnreachable, "unsolicited: %s", p.TCP.Unsolicited)
		}},
	{5382, "REQ-5", Must, "an established session may be idle for two hours and four minutes",
		func(p Profile) (Standing, string) {
			return atLeast(2*time.Hour+4*time.Minute, named{"established", p.TCP.Timeouts.Established})
		}},
	{5382, "REQ-5", Must, "one that is opening or closing may be idle for four minutes",
		func(p Profile) (Standing, string) {
			return atLeast(4*time.Minute, named{"syn-sent", p.TCP.Timeouts.SYNSent}, named{"closing", p.TCP.Timeouts.Closing})
		}},
	{5382, "REQ-6", Should, "application gateways are off, but that of FTP", nil},
	{5382, "REQ-7", Must, "two inside hosts never share an external port",
		func(p Profile) (Standing, string) { return noOverloading(p.TCP) }},
	{5382, "REQ-8", Must, "inside hosts reach each other by their external endpoints",
		func(p Profile) (Standing, string) { return hairpinning(p.TCP) }},
	{5382, "REQ-8a", Must, "and then see each other's external endpoints",
		func(p Profile) (Standing, string) { return asExternal(p.TCP) }},
	{5382, "REQ-9", Should, "destination unreachable reaches the inside host",
		func(p Profile) (Standing, string) { return forwardsErrors(p.TCP) }},
	{5382, "REQ-10", Must, "no ICMP message ends a mapping or a connection",
		func(p Profile) (Standing, string) { return survivesICMP(p.TCP) }},
}
