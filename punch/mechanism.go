package punch

import "net/netip"

// What the forecasts argue with: what a NAT of a given classification does with one SYN, RFC 4787 and RFC 5382 being
// read as the classification's words say.

// invites tells what must be true for a SYN from the other peer to come in at the endpoint that the server sees of own,
// once own has sent a SYN from there to the endpoint that the server sees of the other. ADF lets in what comes from that
// address, APDF only what comes from that endpoint, which is where the other's SYN comes from if its mapping keeps its
// endpoint. Own's SYN has opened the endpoint that the server sees only if own's mapping is the same for all.
func invites(own, other Classification) bool {
	switch {
	case own.Open():
		return true
	case !own.Cone():
		return false
	case own.Filtering == AddressDependent:
		return true
	}
	return other.Cone()
}

// forks tells a NAT whose host may be reached by one endpoint while it reaches out from another: its mapping depends on
// the destination, its filtering does not. A SYN that comes in, and one that goes out from the same port to the same
// peer, are then two connections outside and one inside, and whose packets win nobody settles. Who wants to be reached
// behind it must not send.
func forks(c Classification) bool { return c.Open() && !c.Cone() }

// refuses tells a NAT that answers SYNs that it does not let in: what comes too early is not only lost but refused.
func refuses(c Classification) bool { return c.Answer == Reset || c.Answer == ICMP }

// hard tells a NAT whose next port can only be guessed; ports says among how many.
func hard(c Classification) bool {
	return !c.Cone() && (c.Ports.Rule == Random || c.Ports.Rule == Block || c.Ports.Rule == Preserve)
}

// steps tells a NAT whose next port can be predicted.
func steps(c Classification) bool { return !c.Cone() && c.Ports.Rule == Sequential }

// ports is among how many ports the next one lies, all of them where nothing narrower is known.
func ports(c Classification) int {
	if n := c.Ports.Size(); n > 0 {
		return n
	}
	return allPorts
}

// arms tells a NAT that a SYN with a small TTL opens, and that the death of that SYN does not close again.
func arms(c Classification) bool { return c.ArmingTTL > 0 && c.AfterICMP != No }

// shuns tells a NAT that lets nobody in by the hole that a SYN has made, if that SYN has died on its way. It closes on the
// ICMP error, as RFC 5382 (REQ-10) forbids; or it refuses a SYN in answer to a SYN (REQ-2): Guha and Francis (IMC 2005)
// found both, and a survey cannot tell them apart.
func shuns(c Classification) bool { return c.AfterICMP == No && !c.Open() }

// shunned is what a chance is worth that depends on something which mostly goes well and is not known: it says no more
// than that anything that does not depend on it is to be preferred.
const shunned = 0.9

// closeBy tells two NATs that may stand behind one and the same carrier's: the external addresses are neighbours, and one
// is behind another NAT, as the other one may be too: its home may keep the errors to itself that would tell. Packets that it turns round arrive at once, however far the server is. No two peers start
// at the same moment then, and what came too early has left its state in the carrier's NAT: where the SYNs of both have
// met, connection tracking on Linux takes a fresh SYN for an invalid one (tcp_in_window of
// net/netfilter/nf_conntrack_proto_tcp.c, which begins anew for the opening side's SYN alone). So nothing may leave there
// before the way is open.
func closeBy(a, b Classification) bool {
	return a.Nested != No && b.Nested != No && (a.Nested == Yes || b.Nested == Yes) &&
		neighbouring(a.External, b.External)
}

// neighbouring tells two addresses that one NAT, or one carrier, may have.
func neighbouring(a, b netip.Addr) bool {
	return a.Is4() && b.Is4() && netip.PrefixFrom(a, neighbourhood).Masked().Contains(b)
}

// neighbourhood is the prefix that two addresses of one carrier's NAT are likely to share: the longest that is routed
// between networks.
const neighbourhood = 24
