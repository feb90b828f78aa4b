package capture

import (
	"cmp"
	"slices"
	"time"

	"github.com/punchlab/punchlab/harness/recording"
)

// reel holds the packets of one recording as they come.
type reel struct {
	packets []recording.Packet
	keys    []key
	bytes   shelf
}

// key is what orders a packet among the others.
type key struct {
	at    int64  // nanoseconds
	rank  uint16 // among those of one nanosecond
	index int
}

// take adds a packet of a leg.
func (r *reel) take(leg int, s sight) {
	data := r.bytes.keep(s.data)
	at := time.Unix(int64(s.seconds), int64(s.nanoseconds))
	r.keys = append(r.keys, key{at: at.UnixNano(), rank: rank(data, s.out), index: len(r.packets)})
	r.packets = append(r.packets, recording.Packet{
		At: at, Leg: leg, Out: s.out, Unsummed: s.unsummed, Data: data, Length: s.length,
	})
}

// rank orders what happens to a packet within one nanosecond, as clocks that
// are coarser show it: TTLs fall on the way, and between two routers with the
// same one it leaves before it arrives.
func rank(packet []byte, out bool) uint16 {
	const ttlOffset = 8 // RFC 791 section 3.1
	rank := uint16(0)
	if len(packet) > ttlOffset {
		rank = (255 - uint16(packet[ttlOffset])) * 2
	}
	if !out {
		rank++
	}
	return rank
}

// inOrder returns the packets by their time. Stamps of a packet's arrivals and
// departures are taken in the order of its way, and all processors read one
// clock; so that a cause comes before its effect.
func (r *reel) inOrder() []recording.Packet {
	slices.SortFunc(r.keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank), cmp.Compare(a.index, b.index))
	})
	ordered := make([]recording.Packet, len(r.keys))
	for i, k := range r.keys {
		ordered[i] = r.packets[k.index]
	}
	return ordered
}
