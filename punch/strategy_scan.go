package punch

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// scan tries the ports around the one that a NAT should give out, where it keeps or counts them only roughly. The side
// whose port is looked for sends one SYN, from a fresh port, and tells the peer around which port it expects its own to
// be; the peer tries that one first, and then those on both sides of it, further and further away.
//
//	A:x    NAT A                     server          NAT B    B:q
//	 |--around n------------------------>|----------------->|
//	 |--SYN-->|--?------------------------------------>|    |
//	 |        |<-------------- n, n+1, n-1, n+2 … -----|<---|   nine at first, the others a round trip later
//	 |<-------|
//
// Which port that is, the NAT's rule says. One that keeps the inside port, but only for the first destination of it,
// has been met with another port by the server's connection: a fresh one will be kept towards the peer, so it is
// expected to be x, and no look at the server must come before. One that counts, in steps that are not all the same,
// gives out one near the next. A random one out of all ports is not found: 65 of 64,512 would have to be tried 700
// times to do so more often than not. A block that the window holds as a whole is.
//
// Its lower bound: half a round trip for the word, and one and a half or, if a SYN dies on its way, two; before that
// two round trips to the server where the port depends on what was given out last.
type scan struct{}

func init() { register(scan{}) }

const (
	// scanReach is how far from the expected port is searched, on both sides.
	scanReach = 32
	// scanNear is the same for those that are tried first.
	scanNear = 4
	// scanned is how many ports are tried in one round.
	scanned = 2*scanReach + 1
	// scanWorth is the chance below which nobody is sent that many SYNs.
	scanWorth = 0.05
)

// expected is the port that somebody expects to be behind.
const expected = "around"

func (scan) Name() string    { return "scan" }
func (scan) Summary() string { return "try the ports around the one that a NAT should give out" }
func (scan) relays() bool    { return false }
func (scan) needs() part     { return partMapping | partArming }

// mixes: other SYNs would move what is expected.
func (scan) mixes() bool { return false }

// Forecast: one side that is looked for is enough, if what comes to its port is let in.
func (s scan) Forecast(a, b Classification) Forecast {
	f := oriented(a, b, s.one)
	switch {
	case f.Chance > 0:
	case a.Cone() && b.Cone():
		return never("both sides keep their endpoints, so that there is nothing to look for")
	case scannable(a) == 0 && scannable(b) == 0:
		return never("ports drawn from too many are not found within %d of any", scanReach)
	default:
		return never("what is let in at the port that is looked for must come from a port that is known, and it does not")
	}
	return f
}

// one is the forecast where the first side is looked for.
func (scan) one(first, second Classification) Forecast {
	chance := scannable(first)
	switch {
	case chance == 0, first.Filtering == AddressAndPortDependent && !second.Cone():
		return never("")
	case forks(first) || forks(second):
		return never("") // who is reached by one port and reaches out by another must not send
	case !second.Cone() && refuses(second) && !arms(first):
		return never("") // the refusal closes the hole before anybody has come through
	}
	f := Forecast{Chance: chance, RoundTrips: 2, SYNs: 1 + scanned}
	if first.Ports.Rule != Preserve {
		f.ServerTrips = 2
	}
	if !second.Cone() || refuses(second) && arms(first) {
		f.RoundTrips = 2.5
	}
	switch rule := first.Ports.Rule; {
	case chance < 1 && (second.Open() || second.Cone() && second.Filtering == AddressDependent && !refuses(second)):
		f.Chance, f.Reason = 1, "whichever port is drawn, the side that looks for it lets it in by its address"
	case rule == Preserve:
		f.Reason = "one side's NAT keeps a fresh port for its first destination, which is the peer"
	case rule == Sequential:
		f.Reason = "the next port of one side is near the last one"
	default:
		f.Reason = "a part of the block that one side's port is drawn from is tried"
	}
	return f
}

// scannable is the chance that the port of the next mapping is within reach of the expected one.
func scannable(c Classification) float64 {
	switch {
	case c.Cone():
		return 0
	case c.Ports.Rule == Preserve, c.Ports.Rule == Sequential:
		return 1
	}
	if chance := float64(scanned) / float64(max(scanned, ports(c))); chance >= scanWorth {
		return chance
	}
	return 0
}

// around is what the side that is looked for tells. Low and High bound its ports where they are known.
type around struct {
	Port uint16 `json:"port"`
	Low  uint16 `json:"low,omitempty"`
	High uint16 `json:"high,omitempty"`
}

// scan lists the ports from the expected one outwards: those not nearer than from and not further than to. At the
// ends of the range it goes on at the other side, so that their number is the same.
func (r around) scan(from, to int) (all []uint16) {
	low, high := int(r.Low), int(r.High)
	if r.Port < r.Low || r.Port > r.High {
		low, high = min(lowestPort, int(r.Port)), highestPort
	}
	size := high - low + 1
	at := func(n int) uint16 { return uint16(low + (int(r.Port)-low+n+size)%size) }
	for n := from; n <= to && 2*n <= size; n++ {
		all = append(all, at(n))
		if n > 0 && 2*n < size {
			all = append(all, at(-n))
		}
	}
	return all
}

func (s scan) run(ctx context.Context, a *attempt) error {
	us, them, _ := a.classes(ctx)
	if ctx.Err() != nil {
		return nil
	}
	defer a.forget(expected)
	fit := func(own, other Classification) float64 { return s.one(own, other).Chance }
	switch {
	case fit(us, them) == 0 && fit(them, us) == 0:
		return nil
	case a.plays(us, them, fit):
		return a.stands(ctx, func(n int) error { return s.stand(ctx, a, us, them, n) })
	}
	return chase(ctx, a, expected, func(ctx context.Context, r around) error {
		if entangled(us, them) {
			return a.salvo(ctx, s.shots(a, r.scan(0, 0)), silently)
		}
		return s.search(ctx, a, r)
	})
}

// stand is a round of the side that is looked for.
func (s scan) stand(ctx context.Context, a *attempt, us, them Classification, n int) error {
	own, err := a.foothold(ctx)
	if err != nil {
		return err
	}
	defer own.close()
	r, err := s.expect(ctx, a, us, own.port)
	if err != nil {
		return err
	}
	// The second half of the search begins a round trip late.
	v := shot{from: own.port, to: a.peer, ttl: a.fuse(us, them), silence: a.patience(n) + a.rtt + silenceSlack}
	return a.stand(ctx, v, func() error { return a.tell(ctx, expected, r) })
}

// expect says which port the NAT should give to what leaves next from ours.
func (scan) expect(ctx context.Context, a *attempt, us Classification, own uint16) (around, error) {
	if us.Ports.Rule == Preserve {
		return around{Port: own}, nil
	}
	p, err := a.predict(ctx, us, own)
	if err != nil {
		return around{}, err
	}
	if us.Ports.Rule == Sequential {
		return around{Port: p.port(1)}, nil
	}
	return block(us, p.Last), nil
}

// block is the block that a port lies in: the one that was measured, or another one of that size if the NAT has given
// us another one since.
func block(c Classification, port uint16) around {
	size, low := ports(c), int(c.Ports.Low)
	for int(port) < low {
		low -= size
	}
	for int(port) >= low+size {
		low += size
	}
	return around{Port: port, Low: uint16(max(1, low)), High: uint16(min(highestPort, low+size-1))}
}

// search tries the ports around the one that the peer has told, the nearest ones first.
func (s scan) search(ctx context.Context, a *attempt, r around) error {
	if r.Port == 0 {
		a.note("the peer expects to be behind port 0")
		return nil
	}
	ended := make(chan error, 1)
	go func() { ended <- a.salvo(ctx, s.shots(a, r.scan(0, scanNear)), silently) }()
	pause(ctx, time.Now().Add(a.rtt+silenceSlack))
	var far error
	if ctx.Err() == nil {
		far = a.salvo(ctx, s.shots(a, r.scan(scanNear+1, scanReach)), silently)
	}
	return errors.Join(<-ended, far)
}

func (scan) shots(a *attempt, ports []uint16) []shot {
	shots := make([]shot, len(ports))
	for i, port := range ports {
		shots[i] = shot{from: a.port, to: netip.AddrPortFrom(a.peer.Addr(), port)}
	}
	return shots
}
