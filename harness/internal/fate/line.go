// Package fate decides what becomes of each packet of a link: whether it
// arrives, when, how often, and whole or not. It is pure: data, a seed and a
// packet's time go in, and the same ones always have the same fate.
package fate

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"github.com/punchlab/punchlab/links"
)

// Line is one direction of a link. It is not for concurrent use.
type Line struct {
	name  string
	now   links.Conditions
	draws *rand.Rand
	bad   bool          // the state of bursty loss
	free  time.Duration // when the rate is next free
	rules []*rule
	seen  Counts
	deeds []Deed // of the last packet
}

// Counts is what the conditions and faults of a link have done.
type Counts struct {
	// Dropped counts packets that chance or a fault has taken, and Overflowed
	// those that found the queue in front of the rate full.
	Dropped    uint64 `json:"dropped,omitempty"`
	Overflowed uint64 `json:"overflowed,omitempty"`
	// Duplicated counts packets that were sent twice, Reordered those that had no
	// delay, and Corrupted those that were damaged.
	Duplicated uint64 `json:"duplicated,omitempty"`
	Reordered  uint64 `json:"reordered,omitempty"`
	Corrupted  uint64 `json:"corrupted,omitempty"`
}

// Add adds what was counted elsewhere.
func (c *Counts) Add(more Counts) {
	c.Dropped += more.Dropped
	c.Overflowed += more.Overflowed
	c.Duplicated += more.Duplicated
	c.Reordered += more.Reordered
	c.Corrupted += more.Corrupted
}

// Packet is what a line knows of a packet.
type Packet struct {
	Arrived time.Duration // by the caller's clock
	Size    int           // in bytes, from the IP header on; needed where there is a rate
	Head    []byte        // its first HeadSize bytes; needed where there are rules
}

// Fate is what becomes of a packet: for each copy that leaves when it does, by
// the clock that it arrived by.
type Fate struct {
	Copies  int // 0, 1 or 2
	Due     [2]time.Duration
	Corrupt bool
}

// Deed is something that a line did to a packet on purpose.
type Deed struct {
	Do  links.Action
	Why string // ByChance, ByQueue, or the rule without its link
}

// Why a line drops a packet where no rule does.
const (
	ByChance = "loss"
	ByQueue  = "queue full"
)

// NewLine makes a line that is perfect. Lines of other names draw otherwise from
// the same seed.
func NewLine(name string, seed uint64) *Line {
	l := &Line{name: name}
	l.Restart(seed)
	return l
}

// Restart makes the line as if no packet had come yet.
func (l *Line) Restart(seed uint64) {
	h := fnv.New64a()
	h.Write([]byte(l.name)) // never fails
	l.draws = rand.New(rand.NewPCG(seed, h.Sum64()))
	l.bad, l.free, l.seen = false, 0, Counts{}
	for _, r := range l.rules {
		r.count = Count{}
	}
}

// Set changes the conditions for the packets to come. Those that have come keep
// their time, and draws go on where they were.
func (l *Line) Set(c links.Conditions) {
	if c.Loss != l.now.Loss {
		l.bad = false
	}
	if c.Rate == 0 {
		l.free = 0
	}
	l.now = c
}

// Conditions are those of the packets to come.
func (l *Line) Conditions() links.Conditions { return l.now }

// Counts tells what was done since the line was restarted.
func (l *Line) Counts() Counts { return l.seen }

// Deeds tells why there is no copy of the packet that passed last, and what rules
// did to it. It is valid until the next one passes.
func (l *Line) Deeds() []Deed { return l.deeds }

// luck is what chance has in store for a packet. Each packet draws all of it,
// whatever the conditions need: so what one does depends on how many came before
// it, and not on what they met, nor on time.
type luck struct{ loss, turn, duplicate, reorder, jitter float64 }

func (l *Line) luck() (u luck) {
	if !l.now.Draws() {
		return luck{}
	}
	for _, draw := range []*float64{&u.loss, &u.turn, &u.duplicate, &u.reorder, &u.jitter} {
		*draw = l.draws.Float64()
	}
	return u
}

// Pass decides about the next packet. Rules have the first say, then chance,
// then the rate, and last comes the delay. Chance decides as netem does: a
// packet of which it makes two and takes one arrives once.
func (l *Line) Pass(p Packet) (f Fate) {
	l.deeds = l.deeds[:0]
	u := l.luck()
	lost := l.loses(u)
	ruled := l.apply(p.Head)
	if ruled.drop {
		l.seen.Dropped++
		return Fate{}
	}
	copies := 1 + ruled.copies
	if u.duplicate < float64(l.now.Duplicate) {
		copies++
	}
	if copies > 1 {
		l.seen.Duplicated++
	}
	if lost {
		copies--
		l.seen.Dropped++
		if copies == 0 {
			l.deeds = append(l.deeds, Deed{links.Drop, ByChance})
		}
	}
	wait := l.delay(u) + ruled.delay
	for range min(copies, len(f.Due)) {
		sent, room := l.send(p)
		if !room {
			l.seen.Overflowed++
			continue
		}
		f.Due[f.Copies] = sent + wait
		f.Copies++
	}
	if copies > 0 && f.Copies == 0 {
		l.deeds = append(l.deeds, Deed{links.Drop, ByQueue})
	}
	if f.Corrupt = ruled.corrupt && f.Copies > 0; f.Corrupt {
		l.seen.Corrupted++
	}
	return f
}

// loses decides by the state that the link is in, and then lets the state
// change (net/sched/sch_netem.c, loss_gilb_ell, has the same order).
func (l *Line) loses(u luck) bool {
	if l.bad {
		l.bad = !(u.turn < float64(l.now.Loss.R))
		return u.loss < float64(l.now.Loss.Bad)
	}
	l.bad = u.turn < float64(l.now.Loss.P)
	return u.loss < float64(l.now.Loss.Good)
}

// delay is how long the packet is under way.
func (l *Line) delay(u luck) time.Duration {
	spread := float64(l.now.Jitter.Spread)
	switch {
	case u.reorder < float64(l.now.Reorder):
		l.seen.Reordered++
		return 0
	case spread == 0:
		return l.now.Delay
	case l.now.Jitter.Normal:
		z := math.Sqrt2 * math.Erfinv(2*u.jitter-1) // the inverse of the distribution
		spread *= min(max(z, -links.Deviations), links.Deviations)
	default:
		spread *= 2*u.jitter - 1
	}
	return max(l.now.Delay+time.Duration(spread), 0)
}

// send is when the last bit of the packet is on the link, and false where there
// was no room to wait for that.
func (l *Line) send(p Packet) (sent time.Duration, room bool) {
	if l.now.Rate == 0 {
		return p.Arrived, true
	}
	queue := l.now.Queue
	if queue == 0 {
		queue = l.now.Rate.DefaultQueue()
	}
	size := p.Size + links.EthernetHeader
	start := max(l.free, p.Arrived)
	if waiting := bytesIn(start-p.Arrived, l.now.Rate); waiting+float64(size) > float64(queue) {
		return 0, false
	}
	l.free = start + timeOf(size, l.now.Rate)
	return l.free, true
}

// timeOf is how long that many bytes take.
func timeOf(bytes int, r links.Rate) time.Duration {
	return time.Duration(math.Round(float64(bytes) * 8 * float64(time.Second) / float64(r)))
}

// bytesIn is how many bytes pass in that time.
func bytesIn(d time.Duration, r links.Rate) float64 { return d.Seconds() * float64(r) / 8 }
