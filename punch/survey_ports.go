package punch

import (
	"math"
	"math/bits"
	"slices"
)

const (
	// maxBlock is how many ports a block has at most: to guess in a larger one takes more SYNs than an attempt may send
	// (MaxSYNs), as it does anywhere. Nine ports out of 64,512 lie that close together once in 400,000,000 times.
	maxBlock = 4096
	// enough is how many ports it takes to tell a block from chance.
	enough = 6
)

// allocationOf says how ports are given out, by those of new mappings, in the order in which their SYNs left.
//
// An address- (and port-) dependent NAT may preserve the port for the first destination and have another rule for the
// next ones, for which it is taken (RFC 4787, section 4.2.1). Where that is at random, only a fresh port is of use.
func allocationOf(mapping Dependence, seen []sighting) Allocation {
	type inside struct{ from, mapped any }
	met := map[inside]bool{}
	var all, moved []int
	for _, s := range seen {
		if key := (inside{s.from, s.mapped}); !met[key] {
			met[key] = true
			all = append(all, int(s.mapped.Port()))
			if s.mapped.Port() != s.from.Port() {
				moved = append(moved, int(s.mapped.Port()))
			}
		}
	}
	preserved, depends := len(all)-len(moved), mapping == AddressDependent || mapping == AddressAndPortDependent
	switch {
	case len(all) == 0:
		return Allocation{}
	case len(moved) == 0, !depends && preserved >= len(moved):
		return Allocation{Rule: Preserve}
	case depends && preserved >= len(moved)/2: // all but those of further destinations
		if further := ruleOf(moved); further.Rule == Sequential {
			return further
		}
		return Allocation{Rule: Preserve} // which a fresh port can count on
	}
	return ruleOf(all)
}

// ruleOf says by what rule a NAT gives out ports that it does not preserve.
func ruleOf(ports []int) Allocation {
	if step, regularity := stepOf(ports); step != 0 {
		return Allocation{Rule: Sequential, Step: step, Regularity: regularity}
	}
	if len(ports) >= enough && slices.Max(ports)-slices.Min(ports) < maxBlock {
		low, high := blockOf(ports)
		return Allocation{Rule: Block, Low: uint16(low), High: uint16(high)}
	}
	return Allocation{Rule: Random}
}

// stepOf finds by how much one port differs from the next, or 0. Most steps have one size where little else goes on;
// where a lot does, all steps go one way and are multiples of one. A counter that begins anew is one step that is
// different.
func stepOf(ports []int) (step int, regularity float64) {
	var steps []int
	for i := range len(ports) - 1 {
		steps = append(steps, ports[i+1]-ports[i])
	}
	if len(steps) < 2 {
		return 0, 0
	}
	times := map[int]int{}
	for _, s := range steps {
		if times[s]++; s != 0 && max(s, -s) <= maxStep && times[s] > times[step] {
			step = s
		}
	}
	if times[step] <= len(steps)/2 || times[step] < 2 {
		step = common(steps)
	}
	return step, float64(times[step]) / float64(len(steps))
}

// common is the greatest common divisor of steps that all go one way, but for one that is a counter's new beginning.
func common(steps []int) int {
	if len(steps) < enough {
		return 0
	}
	divisor, up, down, wraps := 0, 0, 0, 0
	for _, s := range steps {
		switch {
		case max(s, -s) > maxStep:
			wraps++
			continue
		case s > 0:
			up++
		case s < 0:
			down++
		}
		for a := max(s, -s); a != 0; {
			divisor, a = a, divisor%a
		}
	}
	switch {
	case wraps > 1 || up > 0 && down > 0:
		return 0
	case down > 0:
		return -divisor
	}
	return divisor
}

// blockOf estimates the block that ports were drawn from: carriers' blocks mostly begin at a multiple of their size,
// which is a power of two; else, with so many ports at random in it, a block is not wider than what would leave the
// share missed of it empty at both ends. The smaller one of the two is taken.
func blockOf(ports []int) (low, high int) {
	lowest, highest := slices.Min(ports), slices.Max(ports)
	aligned := 1 << bits.Len(uint(lowest^highest))
	low = lowest &^ (aligned - 1)
	high = low + aligned - 1
	const missed = 0.001
	span := float64(highest - lowest)
	margin := int(math.Ceil(span * (math.Pow(missed, -1/float64(len(ports)-1)) - 1)))
	if wide := highest - lowest + 2*margin + 1; wide < aligned {
		low, high = lowest-margin, highest+margin
	}
	if lowest >= lowestPort {
		low = max(low, lowestPort)
	}
	return max(low, 1), min(high, highestPort)
}
