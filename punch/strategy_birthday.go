package punch

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sort"
)

// birthdays guesses ports by the hundred. One NAT draws the port of every new connection at random: its host opens
// many, each to the endpoint of the other peer. That other peer, whose endpoint stays the same, sends many SYNs as
// well, to ports drawn at random. As with birthdays in a class, that two of them are the same takes far less than
// there are ports: of 64,512 ports, 441 on one side and 1,102 on the other meet in all but one of 2,000 cases.
//
//	A (draws)        NAT A                NAT B         B (keeps q)
//	 |--SYN-->|--SYN from r1 to q-->  <--SYN from q to s1--|<--SYN--|
//	 |--SYN-->|--SYN from r2 to q-->  <--SYN from q to s2--|<--SYN--|
//	 |  ...   |        ...                  ...            |  ...   |
//	 |--SYN-->|--SYN from rm to q-->  <--SYN from q to sn--|<--SYN--|
//	 |        |                                            |        |
//	 |<-------|------------ SYN where ri = sj -------------|        |
//	 |        |----------------- SYN-ACK ----------------->|------->|
//	 |<---------------------------------- proof --------------------|
//	 |----------------------------------- proof ------------------->|
//
// It needs endpoint-independent mapping on one side, or none, and on the other one that draws at random: from all
// ports, or from a block of them, where a few dozen SYNs do. In the filter of the former it needs nothing; where that
// asks for addresses only, or for nothing, each peer sends a single SYN, and nothing is left to chance. The order is
// that of whoOpens: a NAT that answers a SYN that comes too early refuses hundreds at once.
//
// Who does not open spreads its SYNs over time and stops when one has brought a connection: the first of seven and a
// half pairs that match on average ends it. Where nobody can be first, all leave at once.
//
// Sources: the technique is NAT4 of openp2p, 800 by 800 with TCP, and of Tailscale's "How NAT traversal works" with
// UDP; the chance is that of the birthday problem with two groups. At least one round trip and a half where the SYNs
// cross, two where they do not, and about half of one more until a SYN of those that are spread has matched.
type birthdays struct{}

func init() { register(birthdays{}) }

const (
	// wanted is the chance of one round.
	wanted = 0.9995
	// spreadShare is how many SYNs who spreads them sends for one of the other's, which leave all. For a given chance
	// the product counts, and 1 makes the sum smallest; but most of what is spread is never sent.
	spreadShare = 2.5
	// spreadTrips is over how many round trips they are spread: the first match comes after a seventh of that on
	// average, and a connection of it a round trip later, when more than half of them have not left.
	spreadTrips = 4
)

func (birthdays) Name() string { return "birthday" }
func (birthdays) Summary() string {
	return "hundreds of SYNs from random ports, and as many to guessed ones"
}
func (birthdays) relays() bool { return false }
func (birthdays) needs() part  { return partMapping | partArming }
func (birthdays) mixes() bool  { return false }

// Forecast says no where there is no port to be drawn, where it can be foreseen, and where both sides would draw.
func (s birthdays) Forecast(a, b Classification) Forecast {
	switch {
	case !a.Known() || !b.Known():
		return never("it is not known which of the NATs draws ports, and among how many")
	case a.Cone() && b.Cone():
		return never("both peers keep their endpoints, and there is no port to be guessed")
	case a.Cone() && hard(b):
		return s.between(a, b)
	case b.Cone() && hard(a):
		return s.between(b, a)
	case steps(a) || steps(b):
		return never("ports that can be foreseen need not be guessed")
	}
	pairs := float64(ports(a)) * float64(ports(b))
	return never("both NATs draw: one SYN must come from the port that the other one goes to, and the other way round, "+
		"of %.2g pairs of ports", pairs)
}

// between is the forecast for a cone and a NAT that draws. What lets everybody in has its host reset what comes to any
// other socket than the one that called it, and how it answers where it has no mapping yet is not known.
func (s birthdays) between(cone, draws Classification) Forecast {
	d := s.draw(cone, draws)
	if draws.Open() && !d.single {
		return never("who draws ports lets everybody in where the server saw it: there is no port to be guessed")
	}
	return d.forecast()
}

// drawing is what one round is like.
type drawing struct {
	drawn, aimed int  // SYNs from fresh ports behind the NAT that draws, and to guessed ports
	ports        int  // of which are drawn
	turn         turn // of the side whose NAT draws
	armed        bool // whose SYNs go first
	single       bool // nothing is guessed
}

// draw chooses how many SYNs go out, as few as give the wanted chance, and in which order.
func (s birthdays) draw(cone, draws Classification) drawing {
	d := drawing{ports: ports(draws)}
	if cone.Open() || cone.Filtering == AddressDependent {
		return d.alone(cone, draws)
	}
	d.turn, d.armed = whoOpens(draws, cone)
	share := spreadShare
	if d.crosses(cone, draws) {
		share = 1
	}
	enough := int(math.Sqrt(-math.Log(1-wanted)*float64(d.ports)/share)) + 2 // if ports were drawn more than once
	few := sort.Search(enough, func(m int) bool { return birthday(m, int(share*float64(m)), d.ports) >= wanted })
	d.drawn, d.aimed = few, min(int(share*float64(few)), d.ports)
	if d.turn == follows {
		d.drawn, d.aimed = d.aimed, d.drawn
	}
	return d
}

// crosses tells that neither side can go first, although a SYN that comes too early is refused.
func (d drawing) crosses(cone, draws Classification) bool {
	return d.turn == together && (refuses(cone) || refuses(draws))
}

// alone is for a filter that does not ask for ports. The listener takes what comes from a drawn port, if the peer's
// address may come in: after one SYN to it, which must not be answered by a reset that closes the filter again.
func (d drawing) alone(cone, draws Classification) drawing {
	d.drawn, d.single = 1, true
	if cone.Open() {
		return d
	}
	d.aimed = 1
	if d.armed = refuses(draws) && arms(cone); d.armed || refuses(cone) && !refuses(draws) {
		d.turn = follows
	}
	return d
}

func (d drawing) forecast() Forecast {
	f := Forecast{Chance: birthday(d.drawn, d.aimed, d.ports), RoundTrips: 2, SYNs: d.drawn + d.aimed}
	f.Reason = fmt.Sprintf("%d ports that one NAT draws, and %d guesses among %d", d.drawn, d.aimed, d.ports)
	switch {
	case d.single:
		f.Chance, f.Reason = 1, "whichever port one NAT draws, the other one lets it in by its address"
		if d.turn != together {
			f.RoundTrips = 2.5
		}
	case d.armed:
		f.RoundTrips = 2.5 // nothing crosses
	}
	return f
}

func (s birthdays) run(ctx context.Context, a *attempt) error {
	us, them, _ := a.classes(ctx) // which are not known if ctx has ended
	if s.Forecast(us, them).Chance == 0 {
		return nil
	}
	aims := us.Cone()
	d, n := s.draw(them, us), 0
	if aims {
		d = s.draw(us, them)
		n, d.turn = d.aimed, d.turn.other()
	} else {
		n = d.drawn
	}
	if n == 0 {
		return nil // the listener waits
	}
	pattern, c := s.round(a, d)
	if d.turn == opens && d.armed {
		pattern.ttl = a.arming(us)
	}
	if d.turn == follows || d.turn == together && aims && !refuses(us) && !refuses(them) {
		c.spread = min(spreadTrips*cmp.Or(a.rtt, assumedRTT), longestSpread)
	}
	c.theirs = d.drawn + d.aimed - n
	if can := a.affordable(n); can < n {
		a.note("the chance of a round is %.3g instead of %.3g",
			birthday(can, d.drawn+d.aimed-n, d.ports), d.forecast().Chance)
		n = can
	}
	c.shots = func(int) []shot { return slices.Repeat([]shot{pattern}, n) }
	if aims {
		c.shots = func(int) []shot { return pattern.aimed(a.port, n, them.Ports.around(a.peer.Port())) }
	}
	return a.wage(ctx, c)
}

// round is what all SYNs and all rounds have in common.
func (birthdays) round(a *attempt, d drawing) (shot, campaign) {
	pattern := shot{from: freshPort, to: a.peer, silence: barrageLife}
	c := campaign{turn: d.turn, every: barragePeriod, few: true}
	if d.single {
		pattern.silence = cmp.Or(silence(a.rtt, 0), barrageLife)
		c.every = pattern.silence
	}
	return pattern, c
}

// aimed is n shots from one port to ports of the peer that are drawn from a range, none of them twice.
func (s shot) aimed(from uint16, n int, among Allocation) []shot {
	low, size := lowestPort, allPorts
	if among.Size() > 0 {
		low, size = int(among.Low), among.Size()
	}
	s.from = from
	shots := make([]shot, min(n, size))
	for i, at := range rand.Perm(size)[:len(shots)] {
		shots[i] = s
		shots[i].to = netip.AddrPortFrom(s.to.Addr(), uint16(low+at))
	}
	return shots
}
