package verify

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/punchlab/punchlab/natprofiles"
)

// deal makes a census of three hosts that get ports by a rule.
func deal(rule func(host, n int) (inside, external uint16)) []given {
	var all []given
	for n := range 8 {
		for host := range 3 {
			in, out := rule(host, n)
			all = append(all, given{host, in, out})
		}
	}
	return all
}

func TestRead(t *testing.T) {
	random := func() uint16 { return uint16(1024 + rand.IntN(64512)) }
	counter, down, gap, even, odd := uint16(4000), uint16(4000), uint16(65530), uint16(7000), uint16(7001)
	for name, c := range map[string]struct {
		rule func(host, n int) (uint16, uint16)
		want allocation
	}{
		"preserve": {func(int, int) (uint16, uint16) { p := random(); return p, p }, allocation{how: natprofiles.Preserve, parity: true}},
		"random":   {func(int, int) (uint16, uint16) { return random(), random() }, allocation{how: natprofiles.Random}},
		"parity":   {func(int, int) (uint16, uint16) { p := random(); return p, random()&^1 | p&1 }, allocation{how: natprofiles.Random, parity: true}},
		"up": {func(int, int) (uint16, uint16) {
			counter++
			return random(), counter
		}, allocation{how: natprofiles.Sequential, step: 1}},
		"down by 3": {func(int, int) (uint16, uint16) { down -= 3; return random(), down }, allocation{how: natprofiles.Sequential, step: -3}},
		"round the end": {func(int, int) (uint16, uint16) {
			if gap += 2; gap < 1024 {
				gap = 1024
			}
			return random(), gap
		}, allocation{how: natprofiles.Sequential, step: 2}},
		"up by parity": {func(_, n int) (uint16, uint16) {
			if n%3 == 0 {
				even += 2
				return random() &^ 1, even
			}
			odd += 2
			return random() | 1, odd
		}, allocation{how: natprofiles.Sequential, step: 1, parity: true}},
		"blocks": {func(host, _ int) (uint16, uint16) { return random(), uint16(2000 + 500*host + rand.IntN(500)) },
			allocation{how: natprofiles.Block, inside: natprofiles.Random}},
		"blocks in order": {func(host, n int) (uint16, uint16) { return random(), uint16(9000 - 500*host + n) },
			allocation{how: natprofiles.Block, inside: natprofiles.Sequential, step: 1}},
	} {
		if got := read(deal(c.rule), map[uint16]bool{4010: true}, line{{Lo: 1024, Hi: 65535}}, 0); got != c.want {
			t.Errorf("%s is read as %+v, want %+v", name, got, c.want)
		}
	}
}

// TestReadOnALine follows a counter from one piece of a range to the next, and
// takes the likely one of two steps that say the same.
func TestReadOnALine(t *testing.T) {
	on := line{{Lo: 4112, Hi: 4127}, {Lo: 8208, Hi: 8223}}
	ports := []uint16{4112, 4115, 4118, 4121, 4124, 4127, 8210, 8213, 8216, 8219, 8222, 4113, 4116}
	if step, ok := (counter{on: on}).step(ports); !ok || step != 3 {
		t.Errorf("step %d, %t; want 3", step, ok)
	}
	few := []uint16{4000, 4006, 4001, 4007, 4002, 4008, 4003, 4009, 4004, 4005}
	if step, ok := (counter{on: line{{Lo: 4000, Hi: 4009}}, likely: 6}).step(few); !ok || step != 6 {
		t.Errorf("step %d, %t; want 6", step, ok)
	}
	if _, ok := (counter{on: on}).step([]uint16{4112, 4115, 4118, 4120, 4124}); ok {
		t.Error("four steps of three, three, two and four are one step")
	}
}

// TestAgreement shows that a rule that holds by chance holds no longer when it
// is looked at again.
func TestAgreement(t *testing.T) {
	random := allocation{how: natprofiles.Random}
	chance := allocation{how: natprofiles.Sequential, step: 7, parity: true}
	if got := chance.and(random, 64512); got != random {
		t.Errorf("got %+v", got)
	}
	if got := chance.and(allocation{how: natprofiles.Sequential, step: 8}, 64512); got != random {
		t.Errorf("two steps are one: %+v", got)
	}
	round := allocation{how: natprofiles.Sequential, step: -1, parity: true}
	if got := round.and(chance, 8); got != round {
		t.Errorf("a step across the end of the range is another one: %+v", got)
	}
}

func TestRangeSeen(t *testing.T) {
	p := &prober{protocol: tcp}
	p.hint.TCP.Ports.Range = []natprofiles.Interval{{Lo: 2000, Hi: 2999}, {Lo: 4000, Hi: 4999}}
	every := func(ranges ...natprofiles.Interval) (ports []uint16) {
		for _, r := range ranges {
			for port := r.Lo; port <= r.Hi; port++ {
				ports = append(ports, port)
			}
		}
		return ports
	}
	both := p.hint.TCP.Ports.Range
	for name, c := range map[string]struct {
		ports []uint16
		all   bool
		ok    bool
	}{
		"all":           {every(both...), true, true},
		"half":          {every(both[0]), false, false},
		"one too many":  {every(natprofiles.Interval{Lo: 2000, Hi: 3000}, both[1]), true, false},
		"one missing":   {every(natprofiles.Interval{Lo: 2000, Hi: 2998}, both[1]), true, false},
		"one below":     {slices.Concat([]uint16{1999}, every(both...)), false, false},
		"one not drawn": {every(both...)[:1999], false, true},
		"none":          {nil, false, false},
	} {
		got := p.rangeSeen(c.ports, c.all, natprofiles.Random)
		if ok := got == "2000-2999, 4000-4999"; ok != c.ok {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestUnseen draws as many random ports as a flood gets and finds no gap as wide
// as one that would be called a hole.
func TestUnseen(t *testing.T) {
	const total = 64512
	limit := unseen(total, crowd)
	if limit > total/50 {
		t.Errorf("a hole of %d of %d ports would be overlooked", limit, total)
	}
	for range 50 {
		ports := []int{0, total}
		for range crowd {
			ports = append(ports, rand.IntN(total))
		}
		slices.Sort(ports)
		for i := range ports[1:] {
			if ports[i+1]-ports[i] > limit {
				t.Errorf("a gap of %d", ports[i+1]-ports[i])
			}
		}
	}
}

// TestMeans pairs words that are the same for datagrams.
func TestMeans(t *testing.T) {
	for _, c := range []struct {
		of                 protocol
		declared, measured word
		want               bool
	}{
		{tcp, "reset", "reset", true},
		{tcp, "reset", "icmp-port-unreachable", false},
		{udp, "reset", "icmp-port-unreachable", true},
		{udp, "icmp-port-unreachable", "icmp-port-unreachable", true},
		{udp, "icmp-after-6s", "drop", true},
		{tcp, "icmp-after-6s", "drop", false},
		{udp, "drop", "icmp-port-unreachable", false},
	} {
		if got := means(c.of, c.declared, c.measured); got != c.want {
			t.Errorf("%s: declared %s, measured %s: %t", c.of, c.declared, c.measured, got)
		}
	}
}
