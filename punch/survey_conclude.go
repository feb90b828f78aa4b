package punch

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/punchlab/punchlab/punch/internal/hops"
	"github.com/punchlab/punchlab/punch/rendezvous"
)

// observed is all that a survey has seen. What was not looked for, or not seen, is missing.
type observed struct {
	first   []sighting // in the order in which the SYNs left; those of one port, to several endpoints, come first
	second  []sighting // two round trips later, of further ports
	dialled map[rendezvous.Dial]rendezvous.Outcome
	before  sighting // of the port that was dialled back,
	after   sighting // and of the same port afterwards, to another endpoint
	hops    []hops.Hop
	holes   []hole // by rising TTL
	hairpin Finding
}

// hole is a SYN that died of its TTL, and what became of the server's SYN from where it had gone to.
type hole struct {
	ttl     int
	outcome rendezvous.Outcome
}

// conclude says what NAT behaves as observed. It reads nothing else.
func (o *observed) conclude() Classification {
	c := Classification{Version: ClassificationVersion, Hairpin: o.hairpin}
	var doubts [4][]string
	c.External, doubts[0] = o.external()
	c.Mapping, doubts[1] = mappingOf(o.first)
	c.Filtering, c.Answer, doubts[2] = filteringOf(o.dialled)
	if c.Mapping.translates() {
		c.Ports, doubts[3] = o.allocation(c.Mapping)
	}
	c.Disturbed = o.disturbed(c.Mapping)
	c.Nested, c.PublicHop = o.path(c.Mapping)
	o.arming(&c)
	c.Doubts = slices.Concat(doubts[:]...)
	return c
}

// surmise is what can be said when no dial-back has had the time to be answered.
func (o *observed) surmise() Classification {
	c := o.conclude()
	c.Filtering, c.Answer = AddressAndPortDependent, Drop
	return c
}

// external is the address that most connections were seen at; an arbitrary choice among several (RFC 4787, REQ-2) is a
// doubt, and so is one that changed meanwhile.
func (o *observed) external() (most netip.Addr, doubts []string) {
	count := map[netip.Addr]int{}
	var all []netip.Addr
	for _, s := range slices.Concat(o.first, o.second) {
		a := s.mapped.Addr()
		if count[a]++; count[a] == 1 {
			all = append(all, a)
		}
	}
	for _, a := range all {
		if count[a] > count[most] {
			most = a
		}
	}
	if len(all) > 1 {
		doubts = append(doubts, fmt.Sprintf("connections were seen at %d external addresses", len(all)))
	}
	return most, doubts
}

// mappingOf compares the mappings of the port that has several, the first one's (RFC 4787, section 4.1). Where the
// server has but one address, it stays open whether a mapping that is the same for two ports depends on the address.
func mappingOf(seen []sighting) (_ Dependence, doubts []string) {
	if len(seen) == 0 {
		return "", nil
	}
	if seen[0].mapped == seen[0].from {
		return None, nil
	}
	same, differ := 0, 0 // pairs of two ports of one address
	apart, elsewhere := false, false
	for i, s := range seen {
		for _, t := range seen[:i] {
			switch equal := s.mapped == t.mapped; {
			case s.from != seen[0].from || t.from != s.from:
			case s.to.Addr() != t.to.Addr():
				elsewhere, apart = true, apart || !equal
			case equal:
				same++
			default:
				differ++
			}
		}
	}
	switch {
	case differ > 0 && same > 0:
		doubts = append(doubts, "a mapping depends on the port towards one address and not towards another")
		return AddressAndPortDependent, doubts
	case differ > 0:
		return AddressAndPortDependent, nil
	case apart && same > 0:
		return AddressDependent, nil
	case apart:
		doubts = append(doubts, "a mapping may depend on the address alone: the server has one port")
		return AddressAndPortDependent, doubts
	case elsewhere:
		return EndpointIndependent, nil
	}
	return "", nil
}

// filteringOf reads who came in at a port that has a connection to one endpoint of the server (RFC 4787, section 5),
// and what was answered to who did not. With a listener there, all answers are the NAT's. A host that nothing filters
// for cannot be told from one behind a firewall that lets everybody in to a port in use: a server dials back no other
// ports. So None is never found, and EndpointIndependent stands for both.
func filteringOf(dialled map[rendezvous.Dial]rendezvous.Outcome) (_ Dependence, _ Answer, doubts []string) {
	port, address := dialled[rendezvous.OtherPort], dialled[rendezvous.OtherAddress]
	in, out := rendezvous.Connected, func(o rendezvous.Outcome) bool { return answers[o] != "" }
	switch {
	case address == in && out(port):
		doubts = append(doubts, "a stranger came in from another address, and none from another port")
		fallthrough
	case address == in:
		return EndpointIndependent, "", doubts
	case out(address) && port == in:
		return AddressDependent, answers[address], nil
	case out(address) && out(port) && address != port:
		doubts = append(doubts, "two strangers were answered differently")
		fallthrough
	case out(port):
		answer := answers[port]
		if answer == Drop && out(address) { // an answer that was lost looks like none
			answer = answers[address]
		}
		return AddressAndPortDependent, answer, doubts
	}
	return "", answers[address], nil
}

// answers are what the failures of a dial-back tell of the NAT.
var answers = map[rendezvous.Outcome]Answer{
	rendezvous.Reset: Reset, rendezvous.Unreachable: ICMP, rendezvous.Silent: Drop,
}

// allocation is that of all samples. If the second ones show another one than the first, that is a doubt.
func (o *observed) allocation(mapping Dependence) (_ Allocation, doubts []string) {
	first := allocationOf(mapping, o.first)
	if len(o.second) == 0 {
		return first, nil
	}
	all := allocationOf(mapping, slices.Concat(o.first, o.second))
	if all.Rule != first.Rule {
		doubts = append(doubts, fmt.Sprintf("ports looked like %s first, and like %s with more of them", first, all))
	}
	return all, doubts
}

// disturbed compares the mapping of a port before and after strangers sent SYNs to it, where it should be the same.
func (o *observed) disturbed(mapping Dependence) Finding {
	before, after := o.before, o.after
	same := mapping == None || mapping == EndpointIndependent ||
		mapping == AddressDependent && before.to.Addr() == after.to.Addr()
	if !same || !before.mapped.IsValid() || !after.mapped.IsValid() {
		return ""
	}
	return Found(before.mapped != after.mapped)
}

// public tells an address of the Internet from one of a home or of a carrier (RFC 1918, RFC 6598), or from none.
func public(a netip.Addr) bool { return a.IsValid() && a.IsGlobalUnicast() && !private(a) }

// path reads the walk: the first router with a public address is behind all our NATs, and each private one behind the
// first router is taken for the inside of a further NAT. That is so in homes behind a carrier's NAT, and wrong where an
// office has several routers.
func (o *observed) path(mapping Dependence) (nested Finding, publicHop int) {
	inner, silent := false, false
	for _, h := range o.hops {
		if public(h.From) {
			publicHop = h.TTL
			break
		}
		inner = inner || h.From.IsValid() && h.TTL > 1
		silent = silent || !h.From.IsValid()
	}
	switch {
	case !mapping.translates():
		return "", publicHop
	case inner:
		return Yes, publicHop
	case publicHop > 0 && !silent:
		return No, publicHop
	}
	return "", publicHop
}

// arming fills in which TTL opens all own NATs. A hole that let the server in tells it for sure, where only the hole
// could let it in. It may be smaller than the walk says: some routers in front of the Internet have private addresses
// and are no NATs, and some NATs open for a packet before they see that its TTL has run out. Where holes tell
// nothing, the last router before the first public one is the last NAT.
//
// A NAT that refuses SYNs that cross looks like one that closes on ICMP, and a hole is of as little use behind it.
func (o *observed) arming(c *Classification) {
	if c.Mapping.translates() && c.PublicHop > 1 {
		c.NATHop = c.PublicHop - 1
	}
	tried := false // with a TTL that passes our NATs and does not reach the server
	for _, h := range o.holes {
		switch {
		case !c.Cone() || c.Open() || c.Filtering == "" || h.ttl > o.routers():
		case h.outcome == rendezvous.Connected:
			c.ArmingTTL, c.AfterICMP = h.ttl, Yes
			if c.Mapping.translates() { // a NAT whose outer address answers stands where the walk saw the Internet
				c.NATHop = max(c.NATHop, h.ttl-1)
				c.PublicHop = max(c.PublicHop, min(c.PublicHop, 1)*c.NATHop)
			}
			return
		case c.PublicHop > 0 && h.ttl >= max(c.PublicHop, firstHole) && answers[h.outcome] != "":
			tried = true
		}
	}
	if tried {
		c.AfterICMP = No
	}
	if c.NATHop > 0 || c.PublicHop > 0 {
		c.ArmingTTL = max(c.NATHop, 1) + 1
	}
}

// routers is how many there are between the server and us, by the TTL that was left of our SYN: systems begin with 64,
// 128 or 255. Where the server does not tell, none: nothing is known to die before it.
func (o *observed) routers() int {
	for _, s := range o.first {
		for _, initial := range []int{64, 128, 255} {
			if s.ttl > 0 && s.ttl <= initial {
				return initial - s.ttl
			}
		}
	}
	return 0
}
