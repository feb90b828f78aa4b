package punch

import (
	"strings"
	"testing"
)

// filteredByAddress is the same NAT with a filter that asks for addresses alone.
func filteredByAddress(c Classification) Classification {
	c.Filtering = AddressDependent
	return c
}

func TestForecastsOfGuessesFromAnyPort(t *testing.T) {
	random := ofPorts(Allocation{Rule: Random}, Drop)
	resets := ofPorts(Allocation{Rule: Random}, Reset)
	steps := ofPorts(Allocation{Rule: Sequential, Step: 1}, Drop)
	for name, c := range map[string]struct {
		a, b Classification
		syns int
	}{
		"random ports, twice":      {filteredByAddress(random), random, 1400},
		"both filter by address":   {filteredByAddress(random), filteredByAddress(random), 1400},
		"the other one counts":     {filteredByAddress(random), steps, 1400},
		"the other one answers":    {filteredByAddress(random), resets, 1400},
		"the one answers":          {filteredByAddress(resets), random, 1400},
		"a block is guessed at":    {filteredByAddress(ofBlock(512, Drop)), random, 118},
		"the other one is a block": {filteredByAddress(random), ofBlock(512, Drop), 1400},
	} {
		f := addressBirthday{}.Forecast(c.a, c.b)
		if f.Chance < wanted || f.RoundTrips != 3 || f.SYNs < c.syns*9/10 || f.SYNs > c.syns*11/10 {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Behind a block there are no more guesses than it has ports: more is opened for them, and where that is not enough the
// chance is told. A guess hits one of the opened ports with their share of all. From a block of 64 ports, four of which are
// in use, come 60 guesses, and all miss 1,280 of 64,512 ports with a chance of (1-1280/64512)^60 = 0.30.
func TestGuessesFromABlock(t *testing.T) {
	first := filteredByAddress(ofPorts(Allocation{Rule: Random}, Drop))
	for size, want := range map[int]float64{1024: 0.99, 512: 0.99, 256: 0.99, 128: 0.92, 64: 0.70} {
		second := ofBlock(size, Drop)
		opened, guesses := addressBirthdays(first, second)
		f := addressBirthday{}.Forecast(first, second)
		if guesses > size-inUse || opened > MaxSYNs/2 || f.Chance < want-0.01 || f.Chance > want+0.01 {
			t.Errorf("a block of %d: %d opened, %d guesses, %+v, want a chance of %v", size, opened, guesses, f, want)
		}
	}
}

func TestWhereNobodyGuessesFromAnyPort(t *testing.T) {
	random := ofPorts(Allocation{Rule: Random}, Drop)
	steps := ofPorts(Allocation{Rule: Sequential, Step: 1}, Drop)
	resets := ofPorts(Allocation{Rule: Random}, Reset)
	cone := Classification{Version: 1, Mapping: EndpointIndependent, Filtering: AddressDependent}.assumed()
	open := ofPorts(Allocation{Rule: Random}, Drop)
	open.Filtering = EndpointIndependent
	closes := filteredByAddress(random)
	closes.AfterICMP = No
	for _, c := range []struct {
		a, b Classification
		why  string
	}{
		{random, random, "no NAT that draws ports lets in"},
		{filteredByAddress(steps), random, "no NAT that draws ports lets in"},
		{closes, resets, "no NAT that draws ports lets in"}, // a reset closes what could not be armed
		{filteredByAddress(random), open, "lets everybody in"},
		{filteredByAddress(random), cone, "keeps its endpoint"},
		{filteredByAddress(random), Classification{}, "not known"},
	} {
		f, g := addressBirthday{}.Forecast(c.a, c.b), addressBirthday{}.Forecast(c.b, c.a)
		if f.Chance != 0 || !strings.Contains(f.Reason, c.why) || g.Chance != 0 {
			t.Errorf("%+v, %+v, want %q", f, g, c.why)
		}
	}
}
