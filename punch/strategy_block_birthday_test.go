package punch

import (
	"net/netip"
	"strings"
	"testing"
)

// ofPorts is a NAT that maps by destination and allocates ports by the given rule.
func ofPorts(ports Allocation, answer Answer) Classification {
	return Classification{
		Version: ClassificationVersion, Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent,
		Ports: ports, Answer: answer, AfterICMP: Yes, ArmingTTL: 2,
	}.assumed()
}

func ofBlock(size int, answer Answer) Classification {
	return ofPorts(Allocation{Rule: Block, Low: 2048, High: uint16(2047 + size)}, answer)
}

// of is the chance that both of two blocks are met, so many ports of each being free.
func of(free, all, freeToo, allToo float64) float64 { return free / all * (freeToo / allToo) }

func TestForecastsOfTwoBlocks(t *testing.T) {
	for name, c := range map[string]struct {
		a, b       Classification
		chance     float64
		roundTrips float64
		syns       int
	}{
		"two of 512":            {ofBlock(512, Drop), ofBlock(512, Drop), of(508, 512, 508, 512), 1.5, 1128},
		"one answers":           {ofBlock(512, Reset), ofBlock(512, Drop), of(508, 512, 508, 512), 2.5, 1128},
		"both answer":           {ofBlock(512, ICMP), ofBlock(512, Reset), of(508, 512, 508, 512), 2.5, 1128},
		"of two sizes":          {ofBlock(256, Drop), ofBlock(1024, Drop), of(252, 256, 1020, 1024), 1.5, 282 + 1127},
		"larger than is filled": {ofBlock(2048, Drop), ofBlock(2048, Drop), 0.390625, 1.5, 2560},
	} {
		f := blockBirthday{}.Forecast(c.a, c.b)
		if f.Chance != c.chance || f.RoundTrips != c.roundTrips || f.SYNs != c.syns {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Behind a carrier the block is the carrier's, and the home's own NAT may have fewer ports to fill it with: what does
// not need it filled is to be preferred.
func TestABlockBehindAnotherNATIsNotSure(t *testing.T) {
	inner := ofBlock(512, Drop)
	inner.Nested = Yes
	if f := (blockBirthday{}).Forecast(inner, ofBlock(512, Drop)); f.Chance >= sure || f.Chance < 0.85 {
		t.Errorf("%+v", f)
	}
}

// Behind one carrier what is refused gives its port back before the next SYN draws one: 1,127 draws from 1,024 ports, none
// of them for good, leave one of e^1.1 undrawn. So the side whose home does not refuse opens, and is not followed by
// refusals.
func TestBlocksOfNeighboursWhoseHomesRefuse(t *testing.T) {
	home := func(answer Answer, at string) Classification {
		c := ofBlock(1024, answer)
		c.Nested, c.External = Yes, netip.MustParseAddr(at)
		return c
	}
	const here, there, elsewhere = "203.0.113.3", "203.0.113.4", "198.51.100.4"
	for _, c := range []struct {
		a, b   Classification
		turn   turn
		chance float64
	}{
		{home(Drop, here), home(Drop, there), together, 0.9},
		{home(Drop, here), home(Reset, there), opens, 0.9},
		{home(Reset, here), home(Drop, there), follows, 0.9},
		{home(Reset, here), home(Reset, there), opens, 0.6},
		{home(Reset, here), home(Reset, elsewhere), opens, 0.9},
		{home(Reset, here), home(Drop, elsewhere), opens, 0.9},
	} {
		f := blockBirthday{}.Forecast(c.a, c.b)
		if turn, _ := blocksOpen(c.a, c.b); turn != c.turn || f.Chance < c.chance-0.02 || f.Chance > c.chance+0.02 {
			t.Errorf("%s at %s, %s at %s: turn %d, %+v, want turn %d and a chance of %v",
				c.a.Answer, c.a.External, c.b.Answer, c.b.External, turn, f, c.turn, c.chance)
		}
	}
}

func TestWhereBlocksAreNoHelp(t *testing.T) {
	random := ofPorts(Allocation{Rule: Random}, Drop)
	steps := ofPorts(Allocation{Rule: Sequential, Step: 1}, Drop)
	cone := Classification{Version: 1, Mapping: EndpointIndependent, Filtering: AddressDependent}.assumed()
	for _, c := range []struct {
		a, b Classification
		why  string
	}{
		{ofBlock(512, Drop), random, "of 64512 ports"},
		{random, random, "of 64512 ports, the 1280 SYNs of a round fill one in 50"},
		{ofBlock(512, Drop), ofBlock(4096, Drop), "of 4096 ports"},
		{ofBlock(512, Drop), steps, "foreseen"},
		{ofBlock(512, Drop), cone, "keeps its endpoint"},
		{ofBlock(512, Drop), Classification{}, "not known"},
	} {
		f, g := blockBirthday{}.Forecast(c.a, c.b), blockBirthday{}.Forecast(c.b, c.a)
		if f.Chance != 0 || !strings.Contains(f.Reason, c.why) || g.Chance != 0 {
			t.Errorf("%s x %s: %+v, %+v", c.a, c.b, f, g)
		}
	}
}

// Both peers know one port of each block without a word; it is inside, free as far as anybody knows, and another one in
// the next round.
func TestThePortThatABlockIsMetAt(t *testing.T) {
	a, b := netip.MustParseAddrPort("203.0.113.7:2200"), netip.MustParseAddrPort("198.51.100.7:2304")
	for _, size := range []int{1, 2, 3, 16, 64, 512, 2048} {
		block := Allocation{Rule: Block, Low: 2048, High: uint16(2047 + size)}
		different := map[uint16]bool{}
		for round := range 100 {
			for _, owner := range []netip.AddrPort{a, b} {
				other := map[netip.AddrPort]netip.AddrPort{a: b, b: a}[owner]
				port := meetingPort(block, owner, other, round)
				if port < block.Low || port > block.High || size > 3 && port == owner.Port() {
					t.Fatalf("size %d, round %d: %d for %s", size, round, port, owner)
				}
				different[port] = true
			}
		}
		if size >= 16 && len(different) < size/8 && len(different) < 100 {
			t.Errorf("size %d: only %d ports in 100 rounds", size, len(different))
		}
	}
}

func TestABlockThatWasHandedOutAnew(t *testing.T) {
	block := Allocation{Rule: Block, Low: 2000, High: 2511}
	for port, low := range map[uint16]uint16{
		2000: 2000, 2511: 2000, 2512: 2512, 1999: 1488, 1024: 976, 40000: 39888, 65535: 2000,
	} {
		got := block.around(port)
		if got.Low != low || got.Size() != 512 {
			t.Errorf("around %d: %s, want it to begin at %d", port, got, low)
		}
	}
	random := Allocation{Rule: Random, Low: 1024, High: 2047}
	if random.around(40000) != random {
		t.Error("only blocks move")
	}
}
