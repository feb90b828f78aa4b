package punch

import (
	"context"
	"time"
)

// direct is an ordinary client and an ordinary server at once, with no punching: what programs do that know nothing
// of NATs. Each peer listens on the port that the rendezvous saw, and dials the peer's from a fresh port.
//
//	A:x    NAT A    NAT B    B:q            (A:p listens too)
//	 |--SYN--------------------->|
//	 |<--------------SYN-ACK-----|
//	 |--ACK, proof-------------->|
//	 |<----------------proof-----|
//
// One NAT at least has to let in a SYN that nothing of its own called for: there is none, or its filtering is
// endpoint-independent (RFC 4787, section 5), or it forwards the port. Where a NAT only remembers the server (RFC 4787:
// address-dependent filtering), nothing comes through.
//
// At least one round trip until it is established, and two until both proofs are checked.
type direct struct{}

func init() { register(direct{}) }

// directPause is what an ordinary program waits before it dials again after an error.
const directPause = 100 * time.Millisecond

func (direct) Name() string    { return "direct" }
func (direct) Summary() string { return "dial the peer from a fresh port, and listen: no punching" }
func (direct) relays() bool    { return false }
func (direct) needs() part     { return 0 }
func (direct) mixes() bool     { return true }

// Forecast: it connects where one side lets everybody in. What the one side dials in vain does no harm: it leaves from a
// port of its own.
func (direct) Forecast(a, b Classification) Forecast {
	if !a.Open() && !b.Open() {
		return never("both filter, and neither calls the other's SYN in")
	}
	return Forecast{Chance: 1, RoundTrips: 2, SYNs: 2, Reason: "one side lets in SYNs that nothing called for"}
}

func (direct) run(ctx context.Context, a *attempt) error {
	for ctx.Err() == nil {
		err := a.syn(ctx, freshPort, untilAnswered)
		if fatal(err) {
			return err
		}
		pause(ctx, time.Now().Add(directPause))
	}
	return nil
}
