package punch

import "context"

// hairpin dials the peer's external endpoint from inside of the NAT that the peer is behind too (RFC 5382, REQ-8). The NAT
// turns the SYNs round and filters them as if they came from outside, so that each opens the way for the other one. The
// external endpoints of p and q are p' and q':
//
//	A:p                    NAT                    B:q
//	 |--SYN to q'---------->x                      |    B has not called for it
//	 |                      |<---------SYN to p'---|
//	 |<--------SYN from q'--|                      |    A has
//	 |--SYN-ACK------------>|----SYN-ACK from p'-->|
//	 |<---------------------|<---------ACK, proof--|
//	 |--proof-------------->|--------------------->|
//
// The NAT must hand them round with their external source: with the inside one, TCP does not recognize the answer. Its
// mapping must be the same for all, since both aim at what the server saw. A NAT that filters must not answer the first
// SYN, which nobody has called for: a reset or an ICMP error closes the way that this SYN has just opened, and the time
// until the second one is longer than that from a host to its NAT and back. Of a NAT that nests in a carrier's, the
// carrier's turns round.
//
// Both listen on the port that they dial from, and take what comes there too: a socket that a reset has killed answers
// nothing. Between neighbours any skew is longer than the way.
//
// At least one and a half round trips through the NAT until both proofs are checked, and two where one starts later.
type hairpin struct{}

func init() { register(hairpin{}) }

func (hairpin) Name() string { return "hairpin" }

func (hairpin) Summary() string { return "crossed SYNs that the NAT of both turns round" }

func (hairpin) relays() bool { return false }
func (hairpin) needs() part  { return partMapping | partHairpin }
func (hairpin) mixes() bool  { return false } // its SYNs are those of simultaneous-open

// Forecast: both peers have measured one NAT, so that one of them having seen it turn round is enough.
func (hairpin) Forecast(a, b Classification) Forecast {
	switch {
	case !a.External.IsValid() || a.External != b.External:
		return never("the peers are not seen to share an external address")
	case a.Mapping != EndpointIndependent || b.Mapping != EndpointIndependent:
		return never("the external endpoint that the server saw is not the one that the peer meets")
	case a.Hairpin != Yes && b.Hairpin != Yes:
		return never("the NAT does not turn round what its inside sends to its outside")
	case shuts(a) && shuts(b):
		return never("the NAT answers the first SYN, which closes the way for the second")
	}
	return Forecast{
		Chance: 1, RoundTrips: 2, SYNs: 2, Crosses: true,
		Reason: "the NAT turns the SYNs round, and each opens the way for the other",
	}
}

// shuts tells a NAT behind which the SYN that comes too early closes the way of the one that comes back.
func shuts(c Classification) bool { return !c.Open() && refuses(c) }

func (s hairpin) run(ctx context.Context, a *attempt) error {
	if !a.neighbours() || !s.worthwhile(ctx, a) {
		return nil
	}
	return simultaneousOpen{}.run(ctx, a)
}

// worthwhile tells, when both NATs are known, whether they turn SYNs round, or may: for all that is known of them.
func (s hairpin) worthwhile(ctx context.Context, a *attempt) bool {
	us, them, err := a.classes(ctx)
	known := us.Known() && them.Known()
	return err == nil && (!known || s.Forecast(us, them).Chance > 0)
}
