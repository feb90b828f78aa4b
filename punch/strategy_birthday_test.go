package punch

import (
	"net/netip"
	"strings"
	"testing"
)

// keeping is a NAT, or a firewall, that keeps its endpoint.
func keeping(mapping, filtering Dependence, answer Answer) Classification {
	return Classification{
		Version: ClassificationVersion, Mapping: mapping, Filtering: filtering, Answer: answer,
		AfterICMP: Yes, ArmingTTL: 2, Ports: Allocation{Rule: Preserve},
	}.assumed()
}

// unarmed is the same NAT where an ICMP error closes its holes, so that no SYN with a small TTL opens one that lasts.
func unarmed(c Classification) Classification {
	c.AfterICMP, c.ArmingTTL = No, 0
	return c
}

// What one side draws and the other one guesses, and in which order: a NAT that answers opens.
func TestForecastsOfBirthdays(t *testing.T) {
	random := Allocation{Rule: Random}
	strict := keeping(EndpointIndependent, AddressAndPortDependent, Drop)
	strictReset := keeping(EndpointIndependent, AddressAndPortDependent, Reset)
	drawsICMP := ofPorts(random, ICMP)
	open, wall := keeping(EndpointIndependent, EndpointIndependent, Drop), keeping(None, AddressAndPortDependent, Drop)
	loose := keeping(EndpointIndependent, AddressDependent, Drop)
	looseReset := keeping(EndpointIndependent, AddressDependent, Reset)
	for name, c := range map[string]struct {
		cone, draws  Classification
		drawn, aimed int
		turn         turn
		armed        bool
		roundTrips   float64
	}{
		"nobody answers":                 {strict, ofPorts(random, Drop), 441, 1102, together, false, 2},
		"who draws answers":              {strict, ofPorts(random, Reset), 441, 1102, opens, false, 2},
		"who keeps answers":              {strictReset, ofPorts(random, Drop), 1102, 441, follows, false, 2},
		"both answer":                    {strictReset, ofPorts(random, ICMP), 441, 1102, opens, true, 2.5},
		"one of them arms":               {strictReset, unarmed(ofPorts(random, Reset)), 1102, 441, follows, true, 2.5},
		"neither arms":                   {unarmed(strictReset), unarmed(drawsICMP), 697, 697, together, false, 2},
		"a firewall":                     {wall, ofPorts(random, Drop), 441, 1102, together, false, 2},
		"ports that are kept":            {strict, ofPorts(Allocation{Rule: Preserve}, Drop), 441, 1102, together, false, 2},
		"a block":                        {strict, ofBlock(512, Drop), 37, 92, together, false, 2},
		"a block that answers":           {strict, ofBlock(512, Reset), 37, 92, opens, false, 2},
		"by address":                     {loose, ofPorts(random, Drop), 1, 1, together, false, 2},
		"by address, it may be answered": {loose, ofPorts(random, Reset), 1, 1, follows, true, 2.5},
		"by address, too early":          {looseReset, ofPorts(random, Drop), 1, 1, follows, false, 2.5},
		"by address, unarmed":            {unarmed(loose), ofPorts(random, Reset), 1, 1, together, false, 2},
		"open":                           {open, ofPorts(random, Drop), 1, 0, together, false, 2},
		"no NAT":                         {keeping(None, None, ""), ofPorts(random, Drop), 1, 0, together, false, 2},
	} {
		d := birthdays{}.draw(c.cone, c.draws)
		if d.drawn != c.drawn || d.aimed != c.aimed || d.turn != c.turn || d.armed != c.armed {
			t.Errorf("%s: %+v", name, d)
		}
		f := birthdays{}.Forecast(c.cone, c.draws)
		if f.Chance < wanted || f.SYNs != c.drawn+c.aimed || f.SYNs > 1600 || f.RoundTrips != c.roundTrips {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// One SYN less on the side that opens would be too few.
func TestABirthdayTakesNoMoreThanItNeeds(t *testing.T) {
	for _, ports := range []int{8, 64, 512, 2048, 15535, allPorts} {
		high := uint16(lowestPort + ports - 1)
		d := birthdays{}.draw(keeping(EndpointIndependent, AddressAndPortDependent, Drop),
			ofPorts(Allocation{Rule: Random, Low: lowestPort, High: high}, Drop))
		fewer := d.drawn - 1
		if birthday(d.drawn, d.aimed, ports) < wanted || birthday(fewer, int(spreadShare*float64(fewer)), ports) >= wanted {
			t.Errorf("%d ports: %d and %d", ports, d.drawn, d.aimed)
		}
	}
}

func TestWhereThereIsNoBirthday(t *testing.T) {
	cone := keeping(EndpointIndependent, AddressAndPortDependent, Drop)
	random := ofPorts(Allocation{Rule: Random}, Drop)
	steps := ofPorts(Allocation{Rule: Sequential, Step: 1}, Drop)
	for _, c := range []struct {
		a, b Classification
		why  string
	}{
		{cone, cone, "no port to be guessed"},
		{random, random, "4.2e+09 pairs"},
		{random, ofBlock(512, Drop), "3.3e+07 pairs"},
		{cone, steps, "foreseen"},
		{random, steps, "foreseen"},
		{cone, Classification{}, "not known"},
	} {
		f, g := birthdays{}.Forecast(c.a, c.b), birthdays{}.Forecast(c.b, c.a)
		if f.Chance != 0 || !strings.Contains(f.Reason, c.why) || f != g {
			t.Errorf("%s x %s: %+v, %+v", c.a, c.b, f, g)
		}
	}
}

func TestGuessesAreDifferentAndInRange(t *testing.T) {
	pattern := shot{to: netip.MustParseAddrPort("203.0.113.7:1"), silence: barrageLife}
	for _, c := range []struct {
		among     Allocation
		n, want   int
		low, high uint16
	}{
		{Allocation{Rule: Random}, 1102, 1102, lowestPort, highestPort},
		{Allocation{Rule: Random, Low: 50001, High: 65535}, 700, 700, 50001, 65535},
		{Allocation{Rule: Block, Low: 2048, High: 2111}, 100, 64, 2048, 2111},
	} {
		seen := map[uint16]bool{}
		for _, s := range pattern.aimed(4000, c.n, c.among) {
			port := s.to.Port()
			if seen[port] || port < c.low || port > c.high || s.from != 4000 || s.silence != pattern.silence {
				t.Fatalf("%+v", s)
			}
			seen[port] = true
		}
		if len(seen) != c.want {
			t.Errorf("%d of %d", len(seen), c.want)
		}
	}
}
