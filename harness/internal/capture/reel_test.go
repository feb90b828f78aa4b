package capture

import (
	"slices"
	"testing"

	"github.com/punchlab/punchlab/harness/recording"
)

// Packets are sorted by time, and those of one nanosecond by their way.
func TestPacketsAreInTheOrderOfTheirWay(t *testing.T) {
	ip := func(ttl byte) []byte { return []byte{0x45, 0, 0, 0, 0, 0, 0, 0, ttl, 6} }
	var r reel
	// Legs are numbered in the order that is wanted.
	for _, s := range []struct {
		leg int
		sight
	}{
		{5, sight{seconds: 2, nanoseconds: 1, data: ip(64)}},
		{3, sight{seconds: 1, nanoseconds: 9, data: ip(63)}},
		{2, sight{seconds: 1, nanoseconds: 9, data: ip(63), out: true}},
		{4, sight{seconds: 1, nanoseconds: 10, data: ip(64), out: true}},
		{1, sight{seconds: 1, nanoseconds: 9, data: ip(64)}},
		{0, sight{seconds: 1, nanoseconds: 9, data: ip(64), out: true}},
	} {
		r.take(s.leg, s.sight)
	}
	var legs []int
	for _, p := range r.inOrder() {
		legs = append(legs, p.Leg)
	}
	if !slices.IsSorted(legs) || len(legs) != 6 {
		t.Errorf("the order is %v", legs)
	}
}

// Each packet keeps its own bytes, however many there are.
func TestPacketsKeepTheirBytes(t *testing.T) {
	var r reel
	const packets = 3 * shelfSize / SnapLength
	buffer := make([]byte, SnapLength)
	for i := range packets {
		for j := range buffer {
			buffer[j] = byte(i)
		}
		r.take(0, sight{seconds: uint32(i), data: buffer[:1+i%SnapLength], length: 1 + i%SnapLength})
	}
	made := r.inOrder()
	for i, p := range made {
		want := slices.Repeat([]byte{byte(i)}, 1+i%SnapLength)
		if !slices.Equal(p.Data, want) || p.Length != len(want) {
			t.Fatalf("packet %d is % x", i, p.Data)
		}
		_ = append(made[i].Data, 0xff) // is nobody else's
	}
	var _ []recording.Packet = made
}
