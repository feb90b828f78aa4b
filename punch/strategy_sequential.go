package punch

import (
	"context"
	"net/netip"
)

// sequential foretells the ports of NATs that count: each new mapping gets the port of the last one and a step. A
// look at the server's endpoints, the last thing before the punch, shows where the counter stands; the peer is told,
// and sends SYNs to the ports that come next, as many as others may have taken meanwhile (port prediction: Guha and
// Francis, IMC 2005; RFC 5128 section 3.4 warns of it, with a window of one).
//
//	A:x    NAT A  (next: n)           server           NAT B    B:q
//	 |--four SYNs----------------------->|                        |
//	 |<----------------mapped, the last: n-1                      |
//	 |--n, step------------------------->|----------------------->|
//	 |--SYN-->|--n----------------------------------------->|     |   crosses these, or, armed, dies on its way
//	 |        |<------------------------- n, n+1, … n+7 ----|<----|   eight SYNs from one port
//	 |<-------|
//
// The side that is foretold has one SYN only, from a port of its own that nothing has left from before: a second SYN
// from there would still have the first one's mapping, or, if that was refused, the next port. Where the peer's NATs
// answer, it dies on its way, or crosses the peer's.
//
// Where the other side cannot keep its endpoint either, but counts, both foretell. One counts through the other's ports
// by ones, the other by twos: if others have taken c and d ports meanwhile, the first one's SYN c+2d+1 and the second
// one's SYN c+d+1 meet, whatever c and d are. With ones on both sides they meet only if c = d = 0.
//
//	from n+c+1, n+c+2, n+c+3 …  to m+1, m+2, m+3 …        from m+d+1, m+d+2, m+d+3 …  to n+1, n+3, n+5 …
//
// Its lower bound: two round trips to the server, half a round trip for the word, and one and a half or, if a SYN has
// died on its way, two.
type sequential struct{}

func init() { register(sequential{}) }

const (
	// sequentialWindow is how many ports are tried of a counter that is foretold. Of twenty new flows in a second more
	// than seven come in the 60 ms between look and punch once in 27,000 times (Poisson).
	sequentialWindow = 8
	// sequentialSalvo is the same where two counters are, which must hold c+2d+1.
	sequentialSalvo = 16
	// regularEnough is the share of regular steps from which a dozen of them speaks of a calm NAT, one having been
	// disturbed by chance.
	regularEnough = 0.8
)

// What the peers tell each other.
const (
	foretold = "prediction" // a prediction
	fired    = "fired"      // the number of the round whose SYNs have left, or do so in the time that the word takes
)

func (sequential) Name() string    { return "sequential" }
func (sequential) Summary() string { return "foretell the next ports of NATs that count" }
func (sequential) relays() bool    { return false }
func (sequential) needs() part     { return partMapping | partArming }

// mixes: other SYNs would move the counter.
func (sequential) mixes() bool { return false }

// Forecast: one side that is foretold is enough, if what comes to the foretold port is let in.
func (s sequential) Forecast(a, b Classification) Forecast {
	if f := oriented(a, b, s.one); f.Chance > 0 {
		return f
	}
	if steps(a) && steps(b) {
		return s.two(a, b)
	}
	return s.why(a, b)
}

// one is the forecast where the first side is foretold.
func (sequential) one(first, second Classification) Forecast {
	if !steps(first) || first.Filtering == AddressAndPortDependent && !second.Cone() {
		return never("")
	}
	f := Forecast{Chance: regular(first), RoundTrips: 2, ServerTrips: 2, SYNs: 1 + sequentialWindow}
	switch {
	case !second.Cone() && refuses(second) && !arms(first):
		return never("")
	case !second.Cone():
		f.RoundTrips, f.Reason = 2.5, "the next port of one side is foretold, and lets in what comes from the peer's address"
	case refuses(second) && arms(first):
		f.RoundTrips = 2.5
		f.Reason = "the next port of one side is foretold, and opened by a SYN that dies before it is refused"
	default:
		f.Reason = "the next port of one side is foretold, and the SYN from there crosses those that go there"
	}
	return f
}

// two is the forecast where both sides are.
func (sequential) two(a, b Classification) Forecast {
	f := Forecast{Chance: regular(a) * regular(b), RoundTrips: 2, ServerTrips: 2, SYNs: 2 * sequentialSalvo}
	f.Reason = "the next ports of both sides are foretold, and their SYNs cross"
	switch {
	case refuses(a) && refuses(b) && !arms(a) && !arms(b):
		f.RoundTrips = 2.5
	case refuses(a) || refuses(b):
		f.RoundTrips = 3
		f.Reason = "the next ports of both sides are foretold, and one opens its own before the other's SYNs come"
	}
	return f
}

// why says what is missing.
func (sequential) why(a, b Classification) Forecast {
	switch {
	case !steps(a) && !steps(b):
		return never("neither side counts its ports, so that none is to be foretold")
	case a.Filtering != AddressAndPortDependent || b.Filtering != AddressAndPortDependent:
		return never("the peer comes from a port that nobody knows, and the hole that lets it in is closed by a refusal")
	}
	return never("the next port of one side is foretold, and lets in only what comes from a port of the other that is not")
}

// regular is the chance that the next port is within the window.
func regular(c Classification) float64 {
	if r := c.Ports.Regularity; r > 0 && r < regularEnough {
		return r
	}
	return 1
}

func (s sequential) run(ctx context.Context, a *attempt) error {
	us, them, _ := a.classes(ctx)
	if ctx.Err() != nil {
		return nil
	}
	defer a.forget(foretold, fired)
	fit := func(own, other Classification) float64 {
		f := s.one(own, other)
		return f.Chance / max(1, f.RoundTrips)
	}
	switch {
	case fit(us, them) == 0 && fit(them, us) == 0:
		if steps(us) && steps(them) {
			return s.meet(ctx, a, us, them)
		}
		return nil
	case a.plays(us, them, fit):
		return a.stands(ctx, func(n int) error { return s.stand(ctx, a, us, them, n) })
	}
	n := sequentialWindow
	if entangled(us, them) {
		n = 1
	}
	return chase(ctx, a, foretold, func(ctx context.Context, p prediction) error {
		if err := p.check(); err != nil {
			a.note("%v", err)
			return nil
		}
		return a.salvo(ctx, s.window(a, p, shot{from: a.port}, n, 1), silently)
	})
}

// stand is a round of the side that is foretold.
func (sequential) stand(ctx context.Context, a *attempt, us, them Classification, n int) error {
	own, err := a.foothold(ctx)
	if err != nil {
		return err
	}
	defer own.close()
	p, err := a.predict(ctx, us, own.port)
	if err != nil {
		return err
	}
	s := shot{from: own.port, to: a.peer, ttl: a.fuse(us, them), silence: a.patience(n)}
	return a.stand(ctx, s, func() error { return a.tell(ctx, foretold, p) })
}

// window aims n shots at the ports that come next, or at every other one with a stride of two.
func (sequential) window(a *attempt, p prediction, s shot, n, stride int) []shot {
	shots := make([]shot, n)
	for i := range shots {
		shots[i] = s
		shots[i].to = netip.AddrPortFrom(a.peer.Addr(), p.port(i*stride+1))
	}
	return shots
}

// silently is for a salvo of which nobody needs to know.
func silently() error { return nil }
