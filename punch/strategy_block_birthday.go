package punch

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"net/netip"
	"slices"
)

// blockBirthday connects two peers both of whose NATs draw, each from a small block of ports. The ports of a NAT need
// be different towards one destination only, and so are all drawn sooner or later if all SYNs go to one. Each peer
// aims all of its SYNs at one port of the other's block, a and b, which both know without a word.
//
//	A                NAT A                     NAT B                B
//	 |--SYN-->|--SYN from a1 to b-->  <--SYN from b1 to a--|<--SYN--|
//	 |--SYN-->|--SYN from a2 to b-->  <--SYN from b2 to a--|<--SYN--|
//	 |  ...   |        ...                  ...            |  ...   |
//	 |--SYN-->|--SYN from a  to b-->  <--SYN from b  to a--|<--SYN--|
//	 |  ...   |                 \      /                   |  ...   |
//	 |        |                  \    /                    |        |
//	 |<-------|-------------------\--/---------------------|        |
//	 |        |--------------------\/--------------------->|------->|
//	 |<--------------------- SYN-ACK, both ways ------------------->|
//	 |<--------------------- proof, both ways --------------------->|
//
// In the table of all pairs of ports, A fills a column and B fills a row, and they have one pair in common: it is met
// with (n/N)² where n SYNs go out behind blocks of N. Guessing at random meets with 1 - exp(-n²/N²): 63 % where this
// is certain. Some SYNs more than there are ports in a block make up for those that find no free port: a NAT gives a
// search up while there are a few left (nf_nat_l4proto_unique_tuple of net/netfilter/nf_nat_core.c). A round that
// failed is followed by one with another a and b, where every port is free again, if the NATs give ports out per
// destination.
//
// It needs random ports in a known block on both sides. The order is that of blocksOpen. No published engine does it. At
// least one round trip and a half where the SYNs cross, and two and a half where one side waits for the other's word.
type blockBirthday struct{}

func init() { register(blockBirthday{}) }

const (
	// largestBlock is up to what blocks are tried. 4,096 ports would be met in one of ten rounds, see mostBlockSYNs.
	largestBlock = 2048
	// mostBlockSYNs is how many SYNs one side sends in one round, so that MaxSYNs allows two.
	mostBlockSYNs = MaxSYNs / 2
	// overfill is how many SYNs go out for one port.
	overfill = 1.1
)

func (blockBirthday) Name() string { return "block-birthday" }
func (blockBirthday) Summary() string {
	return "all ports of two small blocks, each to one port of the other"
}
func (blockBirthday) relays() bool { return false }
func (blockBirthday) needs() part  { return partMapping | partArming }
func (blockBirthday) mixes() bool  { return false }

// Forecast says no where one of the two has no block that is small enough.
func (blockBirthday) Forecast(a, b Classification) Forecast {
	for _, c := range []Classification{a, b} {
		switch {
		case !c.Known():
			return never("it is not known whether both NATs draw ports from blocks")
		case c.Cone():
			return never("a peer that keeps its endpoint need not be guessed")
		case steps(c):
			return never("ports that can be foreseen need not be guessed")
		case c.Open():
			return never("one NAT lets everybody in where the server saw it: there is no port to be guessed")
		}
	}
	big := max(ports(a), ports(b))
	if a.Ports.Rule != Block || b.Ports.Rule != Block || big > largestBlock {
		return never("of %d ports, the %d SYNs of a round fill one in %.0f, and the other peer must aim at just that one",
			big, mostBlockSYNs, float64(big)/mostBlockSYNs)
	}
	f := Forecast{Chance: fills(a) * fills(b), RoundTrips: 1.5, SYNs: filling(a) + filling(b)}
	if a.Nested == Yes || b.Nested == Yes { // an inner NAT may give out fewer ports than the outer one's block has
		f.Chance *= shunned
	}
	f.Reason = fmt.Sprintf("%d SYNs from a block of %d, all to one port, and %d from one of %d, the other way",
		max(filling(a), filling(b)), big, min(filling(a), filling(b)), min(ports(a), ports(b)))
	if t, _ := blocksOpen(a, b); t != together {
		f.RoundTrips = 2.5
	}
	if closeBy(a, b) && refuses(a) && refuses(b) {
		f.Chance *= min(redrawn(a), redrawn(b))
		f.Reason += ", which give a port back as soon as it has been refused"
	}
	return f
}

// redrawn is the share of a block that SYNs fill if each of them is refused before the next one draws its port, which is
// free again then: behind one carrier a refusal takes no time. Elsewhere all have left before the first is back.
func redrawn(c Classification) float64 { return -math.Expm1(-float64(filling(c)) / float64(ports(c))) }

// filling is how many SYNs fill a block, as far as there are so many.
func filling(c Classification) int {
	return min(int(math.Ceil(overfill*float64(ports(c)))), mostBlockSYNs)
}

// fills is the share of a block that they fill: all but the ports that the host uses otherwise, its connection to the
// server among them, where a NAT gives out no port twice.
func fills(c Classification) float64 {
	return min(float64(ports(c)-inUse), float64(filling(c))) / float64(ports(c))
}

// inUse is how many ports of a block are taken for something else: the connection to the server, and what a survey has
// left behind.
const inUse = 4

func (s blockBirthday) run(ctx context.Context, a *attempt) error {
	us, them, _ := a.classes(ctx) // which are not known if ctx has ended
	if s.Forecast(us, them).Chance == 0 {
		return nil
	}
	t, armed := a.turns(us, them)
	pattern := shot{from: freshPort, silence: barrageLife}
	if t == opens && armed {
		pattern.ttl = a.arming(us)
	}
	return a.wage(ctx, campaign{turn: t, every: barragePeriod, theirs: filling(them), shots: func(round int) []shot {
		port := meetingPort(them.Ports.around(a.peer.Port()), a.peer, a.observed, round)
		pattern.to = netip.AddrPortFrom(a.peer.Addr(), port)
		return slices.Repeat([]shot{pattern}, a.affordable(filling(us)))
	}})
}

// blocksOpen is whoOpens for two blocks. Behind one carrier nobody answers who opens, since nobody has the port yet that
// it goes to; and who follows is answered by the other one's home, at once, see redrawn. So the side whose home does not
// answer opens there.
func blocksOpen(own, other Classification) (t turn, armed bool) {
	switch {
	case !closeBy(own, other) || refuses(own) == refuses(other):
		return whoOpens(own, other)
	case refuses(own):
		return follows, arms(other)
	}
	return opens, arms(own)
}

// turns is blocksOpen for two peers that are equally fit: the elder rather opens.
func (a *attempt) turns(us, them Classification) (turn, bool) {
	if a.elder {
		return blocksOpen(us, them)
	}
	t, armed := blocksOpen(them, us)
	return t.other(), armed
}

// meetingPort is the port of a block at which its owner is aimed in a round. Both peers come to the same one from what
// both know: the block, and where the server saw the owner and the other. It lies in the middle half of the block,
// which is known by a few of its ports only; and it is not the one that the server saw, which is taken.
func meetingPort(block Allocation, owner, other netip.AddrPort, round int) uint16 {
	hash := fnv.New32a()
	fmt.Fprint(hash, owner, other, round)
	half := max(block.Size()/2, 1)
	first, at := int(block.Low)+block.Size()/4, int(hash.Sum32()>>1)
	if first+at%half == int(owner.Port()) {
		at++
	}
	return uint16(first + at%half)
}

// around is the block of a NAT that has the given port, which one of its mappings was seen at just now. A
// classification may be older than the block: NATs hand it out anew when a host has been idle (RFC 7422, section 2;
// RFC 6888, REQ-14). Blocks lie side by side.
func (a Allocation) around(port uint16) Allocation {
	size := a.Size()
	if a.Rule != Block || size == 0 || port >= a.Low && port <= a.High {
		return a
	}
	within := (int(port) - int(a.Low)) % size
	if within < 0 {
		within += size
	}
	low := int(port) - within
	if low < 1 || low+size-1 > highestPort {
		return a
	}
	a.Low, a.High = uint16(low), uint16(low+size-1)
	return a
}
