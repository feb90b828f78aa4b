package punch

import "context"

// openFilter uses a hole that is there already: behind a NAT whose filtering is endpoint-independent, the mapping of
// the connection to the server lets everybody in (RFC 4787 section 5, RFC 5382 REQ-3; what natmap and Natter offer
// servers behind such NATs). The peer behind it listens on that port and keeps still; the other one dials the endpoint
// that the server saw.
//
//	A:x    NAT A        NAT B   B:q     (B:q is connected to the server, and listens)
//	 |--SYN-->|----------->|------>|
//	 |<-------|<-----------|<------|  SYN-ACK
//	 |--ACK, proof---------------->|
//	 |<---------------------proof--|
//
// One NAT must have that filtering; its mapping may depend on anything, as it is the server's mapping that is used.
// Just then B must not send: its SYN would leave by another mapping than the one by which A's comes in. Nothing is
// asked of A's NATs.
//
// At least one round trip until it is established, and two until both proofs are checked.
type openFilter struct{}

func init() { register(openFilter{}) }

func (openFilter) Name() string { return "open-filter" }

func (openFilter) Summary() string {
	return "dial the endpoint that the server saw where its NAT lets everybody in, the peer keeping still"
}

func (openFilter) relays() bool { return false }
func (openFilter) needs() part  { return partMapping }
func (openFilter) mixes() bool  { return true }

// Forecast: a peer without a filter is the limiting case of one whose filter is open.
func (openFilter) Forecast(a, b Classification) Forecast {
	if !a.Open() && !b.Open() {
		return never("both NATs let in only whom their host has called")
	}
	return Forecast{
		Chance: 1, RoundTrips: 2, SYNs: 1,
		Reason: "one NAT lets everybody in where the server saw its host, and the host keeps still",
	}
}

func (openFilter) run(ctx context.Context, a *attempt) error {
	return a.callOrListen(ctx, Classification.Open)
}
