package punch

import (
	"cmp"
	"context"
)

// keptSYN opens one NAT by an ordinary SYN whose socket stays open, and has the peer dial into that hole when it hears
// of it. The socket that sent the SYN answers the peer's with the sequence number that the NATs have seen.
//
//	A:p    NAT A        NAT B   B:q
//	 |--SYN-->|----------->x       |     dropped: B has not called yet
//	 |==kept==|== server =========>|
//	 |<-------|<-----------|<--SYN-|
//	 |--SYN-ACK------------------->|
//	 |<-------------------ACK, proof
//	 |--proof--------------------->|
//
// That is the second approach of STUNT without its small TTL (Guha and Francis, "Characterization and Measurement of
// TCP Traversal through NATs and Firewalls", IMC 2005), but for the listener that takes the socket's place there: what
// a listener answers has a sequence number of its own, which Linux's connection tracking calls invalid
// (net/netfilter/nf_conntrack_proto_tcp.c, tcp_conntracks).
//
// A's NAT must keep its endpoint for B, or filter by address only; B's SYN must come from where A's filter awaits it.
// And B's NAT must drop A's SYN, or let it in: one that answers kills what was to be kept.
//
// A note through the server takes half a round trip. From then on it is one until B's end is established, and two until
// both proofs are checked. Where B's filter is open, A's SYN comes in and is all that there is.
type keptSYN struct{}

func init() { register(keptSYN{}) }

// kept is said by the peer whose SYN is under way.
const kept = "kept"

func (keptSYN) Name() string { return "kept-syn" }
func (keptSYN) Summary() string {
	return "one peer keeps a SYN waiting, the other dials into its hole when told"
}
func (keptSYN) relays() bool { return false }
func (keptSYN) needs() part  { return partMapping }
func (keptSYN) mixes() bool  { return false }

func (s keptSYN) Forecast(a, b Classification) Forecast { return oriented(a, b, s.one) }

// one is the forecast where the keeper's SYN waits for the dialler's.
func (keptSYN) one(keeper, dialler Classification) Forecast {
	switch {
	case dialler.Open():
		return Forecast{Chance: 1, RoundTrips: 2, SYNs: 1, Reason: "one NAT is open, and the SYN comes in at once"}
	case forks(keeper) || !invites(keeper, dialler):
		return never("whichever keeps its SYN, the other one's does not come to the hole that this made")
	case refuses(dialler):
		return never("a SYN cannot be kept waiting before a NAT that answers it")
	}
	f := Forecast{
		Chance: 1, RoundTrips: 2.5, SYNs: 2,
		Reason: "one SYN is dropped and its socket waits, and the other one comes in by the hole that it made",
	}
	if shuns(keeper) {
		f.Chance, f.Reason = shunned, f.Reason+"; unless the NAT refuses a SYN in answer to a SYN"
	}
	return f
}

func (s keptSYN) run(ctx context.Context, a *attempt) error {
	us, them, settled := a.nats(ctx)
	if !settled {
		return nil
	}
	us, them = us.guessed(), them.guessed()
	switch {
	case s.Forecast(us, them).Chance == 0:
		return nil
	case a.plays(us, them, func(own, other Classification) float64 { return s.one(own, other).merit() }):
		return a.sendAgain(ctx, func(int) error { return s.keep(ctx, a) })
	case us.Open():
		<-ctx.Done() // the listener takes the peer's SYN; ours would only get in its way
		return nil
	}
	a.awaitWord(ctx, kept, cmp.Or(silence(a.rtt, 0), silence(assumedRTT, 0)))
	return a.dialInto(ctx, kept)
}

// keep sends a SYN that stays as long as nothing refuses it; the kernel repeats it from time to time.
func (keptSYN) keep(ctx context.Context, a *attempt) error {
	d, err := a.launch(shot{from: a.port, to: a.peer, silence: untilAnswered})
	if err != nil {
		return err
	}
	_ = a.tell(ctx, kept, nil) // without the server the peer dials somewhat later
	return a.stay(ctx, d)
}
