package punch

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
)

// addressBirthday guesses ports where both NATs draw them, and one filters by address alone (address-dependent filtering,
// RFC 4787 section 5). Its host opens hundreds of ports towards the address of the other peer, who guesses at them, as
// with birthdays; but since the filter does not ask for ports, nobody need know from which port the guesses come.
//
//	A (draws, ADF)   NAT A                         NAT B         B (draws)
//	 |--SYN-->|--SYN from r1 to B's address --> x    |               |
//	 |--SYN-->|--SYN from r2 to B's address --> x    |               |
//	 |  ...   |                                      |               |
//	 |--out------------------- server ------------------------------>|
//	 |        |                  <--SYN to s1 from any port--|<--SYN-|
//	 |        |                  <--SYN to s2 from any port--|<--SYN-|
//	 |        |                                  ...                 |
//	 |<--SYN--|<----------------- SYN where ri = sj ---------|       |
//	 | listener                                                      |
//	 |--SYN-ACK----------------------------------------------------->|
//	 |<--------------------------------------------------ACK, proof--|
//	 |--proof------------------------------------------------------->|
//
// What A's SYNs go to does not matter, as long as nobody answers them by a reset: behind a NAT that refuses, they are
// armed. Where each endpoint has a mapping of its own, they all leave from one port, to different ports; where one mapping
// serves an address, each leaves from a port of its own, with a listener.
//
// It is hard NAT with hard NAT, for which nothing has been published but relays; the arithmetic is that of birthdays. At
// least two and a half round trips, one half of which is A's word by way of the server, and about half of one more until
// a guess is right.
type addressBirthday struct{}

func init() { register(addressBirthday{}) }

func (addressBirthday) Name() string { return "address-birthday" }
func (addressBirthday) Summary() string {
	return "guess at ports of a NAT whose filter looks at addresses, from any port"
}
func (addressBirthday) relays() bool { return false }
func (addressBirthday) needs() part  { return partMapping | partArming }
func (addressBirthday) mixes() bool  { return false }

// Forecast: one side whose filter asks for addresses alone is enough.
func (s addressBirthday) Forecast(a, b Classification) Forecast {
	switch {
	case !a.Known() || !b.Known():
		return never("it is not known whether a NAT filters by address alone")
	case a.Cone() || b.Cone():
		return never("a peer that keeps its endpoint need not be guessed")
	case a.Open() || b.Open():
		return never("one NAT lets everybody in where the server saw it: there is no port to be guessed")
	}
	if f := oriented(a, b, s.one); f.Chance > 0 {
		return f
	}
	return never("no NAT that draws ports lets in all that comes from an address which it has sent to")
}

// one is the forecast where the first side is guessed at.
func (addressBirthday) one(first, second Classification) Forecast {
	if !hard(first) || first.Filtering != AddressDependent || second.Cone() {
		return never("")
	}
	if refuses(second) && !arms(first) {
		return never("")
	}
	opened, guesses := addressBirthdays(first, second)
	return Forecast{Chance: birthday(opened, guesses, ports(first)), RoundTrips: 3, SYNs: opened + guesses, Reason: fmt.Sprintf(
		"%d ports of one NAT, which lets in what comes from the peer's address, and %d guesses among %d", opened, guesses, ports(first))}
}

// addressBirthdays is how many ports the host behind the first NAT opens, and at how many the other one guesses: as few
// as give the wanted chance. Each guess takes a port of the second NAT. Where that gives a host a block, there are no more
// guesses than free ports in it, and so there is more to be hit.
func addressBirthdays(first, second Classification) (opened, guesses int) {
	most := MaxSYNs / 2
	if scarce(second) {
		most = min(most, max(1, ports(second)-inUse))
	}
	for opened < min(ports(first), MaxSYNs/2) && birthday(opened, guesses, ports(first)) < wanted {
		opened++
		guesses = min(opened, most)
	}
	return opened, guesses
}

// scarce tells a NAT that gives a host no more than a block of ports: a guess that comes too early is one less.
func scarce(c Classification) bool { return c.Ports.Rule == Block }

func (s addressBirthday) run(ctx context.Context, a *attempt) error {
	us, them, _ := a.classes(ctx) // which are not known if ctx has ended
	if s.Forecast(us, them).Chance == 0 {
		return nil
	}
	fit := func(own, other Classification) float64 { return s.one(own, other).Chance }
	if a.plays(us, them, fit) {
		return s.open(ctx, a, us, them)
	}
	pattern := shot{from: freshPort, to: a.peer, silence: barrageLife}
	opened, guesses := addressBirthdays(them, us)
	n := a.affordable(guesses)
	return a.wage(ctx, campaign{
		turn: follows, every: barragePeriod, few: true, scarce: scarce(us), theirs: 2 * opened, // each with its listener
		spread: min(spreadTrips*cmp.Or(a.rtt, assumedRTT), longestSpread),
		shots:  func(int) []shot { return pattern.aimed(freshPort, n, them.Ports.around(a.peer.Port())) },
	})
}

// open has mappings made that let the peer's address in.
func (addressBirthday) open(ctx context.Context, a *attempt, us, them Classification) error {
	pattern := shot{from: a.port, to: a.peer, silence: barrageLife}
	if refuses(them) {
		pattern.ttl = a.arming(us)
	}
	n, _ := addressBirthdays(us, them)
	c := campaign{turn: opens, every: barragePeriod, few: !scarce(them)}
	if us.Mapping == AddressAndPortDependent {
		n = a.affordable(n)
		c.shots = func(int) []shot { return pattern.aimed(a.port, n, Allocation{}) }
		return a.wage(ctx, c)
	}
	var kept footholds
	defer func() { kept.close() }()
	n = a.affordable(2*n) / 2 // each with its listener
	pattern.to = netip.AddrPortFrom(a.peer.Addr(), discardPort)
	c.shots = func(int) []shot {
		kept.close()
		kept = a.footholds(ctx, n)
		shots := slices.Repeat([]shot{pattern}, len(kept))
		for i := range shots {
			shots[i].from = kept[i].port
		}
		return shots
	}
	return a.wage(ctx, c)
}

// footholds are as many of n as can be had.
func (a *attempt) footholds(ctx context.Context, n int) (all footholds) {
	for range n {
		own, err := a.foothold(ctx)
		if err != nil {
			a.note("only %d of %d ports could be listened on: %v", len(all), n, err)
			break
		}
		all = append(all, own)
	}
	return all
}
