package punch

import "context"

// simultaneousOpen sends a SYN from the port that the rendezvous saw to the port that it saw of the peer, while the
// peer does the same. Each SYN opens its own NAT for the other one; where they cross, TCP connects without a client
// and a server (RFC 9293, section 3.5; P2PNAT in Ford, Srisuresh and Kegel, "Peer-to-Peer Communication Across Network
// Address Translators", USENIX 2005).
//
//	A:p    NAT A         NAT B    B:q
//	 |--SYN-->|----    ----|<--SYN--|
//	 |        |    \  /    |        |
//	 |        |     \/     |        |
//	 |        |     /\     |        |
//	 |<--SYN--|<---/  \--->|--SYN-->|
//	 |--SYN-ACK----    ----SYN-ACK--|
//	 |<------------/  \------------>|
//	 |--proof------    ------proof--|
//	 |<------------/  \------------>|
//
// Both NATs need endpoint-independent mapping, or one that can be foreseen, since each peer aims at what the server
// saw; and must let in a SYN in answer to a SYN, as RFC 5382 (REQ-2) demands. A NAT that only drops what it did not
// expect forgives any stagger: the first SYN waits in SYN-SENT for the other's. One that answers by a reset kills it,
// and the hole too, if the peers start further apart than half a round trip: that is why the server aligns them.
//
// A SYN that dies of an answer is followed by a fresh one at once, so that there is always one under way: that
// brings two resetting NATs together at any stagger. A SYN that meets silence is left alone. One that is replaced sooner
// than a round trip after it left never connects: the peer's SYN-ACK acknowledges a sequence number that has been
// thrown away, and is answered by a reset. Nor does one that leaves just after the peer's has passed our NAT: see moveOn.
//
// At least one round trip until it is established, and one and a half until both proofs are checked.
type simultaneousOpen struct{}

func init() { register(simultaneousOpen{}) }

func (simultaneousOpen) Name() string { return "simultaneous-open" }

func (simultaneousOpen) Summary() string {
	return "crossed SYNs between the ports that the server saw, refused ones sent again at once"
}

func (simultaneousOpen) relays() bool { return false }
func (simultaneousOpen) needs() part  { return 0 }
func (simultaneousOpen) mixes() bool  { return false }

// Forecast: one SYN that comes in is enough. Crossed ones save half a round trip, which needs that both come in. Where a
// NAT answers what comes too early, that must not happen.
func (simultaneousOpen) Forecast(a, b Classification) Forecast {
	f := crossed(a, b)
	switch {
	case f.Chance < 1 || a.Open() || b.Open() || !refuses(a) && !refuses(b):
	case invites(a, b) != invites(b, a) && (invites(a, b) && refuses(b) || invites(b, a) && refuses(a)):
		f.Chance, f.Reason = 0.5, "the SYN of one side comes in while the hole is open, which the other NAT's answers close again and again"
	case closeBy(a, b):
		f.Chance, f.Reason = 0.5, "the peers may be too close to start at the same moment, and a SYN that comes too early is answered"
	case a.Answer == ICMP || b.Answer == ICMP:
		f.Chance, f.Reason = icmpChance, f.Reason+"; one that comes too early ends in an error that leaves a state behind"
	}
	return f
}

// crossed is the forecast where no SYN comes too early.
func crossed(a, b Classification) Forecast {
	intoA, intoB := invites(a, b), invites(b, a)
	f := Forecast{Chance: 1, RoundTrips: 2, SYNs: 2, Crosses: true}
	switch {
	case intoA && forks(a) && intoB && !forks(b), intoB && forks(b) && intoA && !forks(a):
		f.Chance = shunned
		f.Reason = "each SYN comes in; but where one leaves by another port than the other one comes in by, they are two " +
			"connections outside and one inside"
	case intoA && forks(a), intoB && forks(b):
		f.Chance = 0.5
		f.Reason = "who is let in, and who reaches out by another port, are two connections outside and one inside"
	case intoA && intoB:
		f.RoundTrips, f.Reason = 1.5, "each SYN opens the sender's NAT for the other one, and they cross"
	case intoA || intoB:
		f.Reason = "the SYN of one side comes in, where the other one's own SYN has opened the way"
	case guessable(a, b) || guessable(b, a):
		f.Chance, f.Reason = 1./allPorts, "the peer would have to draw the very port that the server saw"
	default:
		return never("neither SYN comes from, or goes to, the endpoint that the server saw")
	}
	if f.Chance == 1 && (intoA && shuns(a) || intoB && shuns(b)) {
		f.Chance, f.Reason = shunned, f.Reason+"; unless a NAT that seems to close on ICMP refuses a SYN in answer to a SYN"
	}
	return f
}

// icmpChance stands for what ICMP does to a SYN that was early after all. A reset takes the sender's mapping with it, and
// a fresh SYN begins anew. An ICMP error ends the socket alone: the peer's SYN then meets our listener, whose answer has
// another sequence number than the NAT remembers, and what follows does not pass it in one direction. How often peers
// are as far apart nobody has measured; what does not depend on it is to be preferred.
const icmpChance = 0.95

// guessable tells a NAT that may draw, for the peer, the very port that the server saw: it draws at random, and the
// other side keeps its endpoint.
func guessable(c, other Classification) bool { return hard(c) && other.Cone() }

func (simultaneousOpen) run(ctx context.Context, a *attempt) error {
	return a.sendAgain(ctx, func(replaced int) error { return a.syn(ctx, a.port, silence(a.rtt, replaced)) })
}
