package punch

import "context"

// reversal has the peer that nobody can reach dial the one that everybody can. The reachable one, which would have
// dialled in a world without NATs, is silent; the introduction is what asks the other one to call (connection reversal,
// RFC 5128 section 3.2).
//
//	A:x    NAT A               B:q     (B listens, and sends nothing of its own)
//	 |--SYN-->|------------------>|
//	 |<-------|<---------SYN-ACK--|
//	 |--ACK, proof--------------->|
//	 |<--------------------proof--|
//
// One peer must be without NAT and without a filter. Nothing is asked of the other's NATs but what any client needs.
//
// The call comes from a fresh port, so that other strategies may be at work on the port that the server saw. At least
// one round trip until it is established, and two until both proofs are checked.
type reversal struct{}

func init() { register(reversal{}) }

func (reversal) Name() string    { return "reversal" }
func (reversal) Summary() string { return "who cannot be reached dials who can, which keeps still" }
func (reversal) relays() bool    { return false }
func (reversal) needs() part     { return partMapping }
func (reversal) mixes() bool     { return true }

// Forecast: one peer without a filter is all that it takes.
func (reversal) Forecast(a, b Classification) Forecast {
	if a.Filtering != None && b.Filtering != None {
		return never("both peers are behind a filter, so that neither can be called")
	}
	return Forecast{Chance: 1, RoundTrips: 2, SYNs: 1, Reason: "one peer has no filter, and the other one calls it"}
}

func (reversal) run(ctx context.Context, a *attempt) error {
	return a.callOrListen(ctx, func(c Classification) bool { return c.Filtering == None })
}

// callOrListen has the peer that can be reached keep still, and the other one call it from a fresh port. Where both can
// be reached, the elder calls. A peer of which nothing is known counts as one that can be: to call it costs a SYN.
func (a *attempt) callOrListen(ctx context.Context, reachable func(Classification) bool) error {
	us, them, settled := a.nats(ctx)
	perhaps := func(c Classification) bool { return !c.Known() || reachable(c) }
	if !settled || !perhaps(us) && !perhaps(them) {
		return nil
	}
	calls := a.plays(us, them, func(_, other Classification) float64 {
		if perhaps(other) {
			return 1
		}
		return 0
	})
	if !calls {
		<-ctx.Done() // the listener takes the call
		return nil
	}
	return a.sendAgain(ctx, func(replaced int) error { return a.syn(ctx, freshPort, silence(a.rtt, replaced)) })
}
