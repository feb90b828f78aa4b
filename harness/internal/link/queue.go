package link

import (
	"slices"
	"time"

	"github.com/punchlab/punchlab/harness/internal/fate"
)

// queue is one direction of a link: the packets of one router that are on
// their way over it, by the time at which they leave.
type queue struct {
	wire   *wire
	name   string // of the link, with the direction
	number uint16 // of the NFQUEUE
	line   *fate.Line
	held   []packet // the next to leave first, from head on
	head   int
	// mixed says that packets may not leave in the order in which they came, so
	// that each needs a verdict of its own.
	mixed   bool
	arrived time.Duration // when the newest packet came
	last    uint32        // its number; the kernel counts from 1
	shown   view
	out     []byte // messages for the kernel, kept for its room

	// due and place are the agenda's: when it looks at the queue, and where in it the
	// queue is, counted from one.
	due   time.Duration
	place int
}

type packet struct {
	id  uint32        // 0: a copy, of which the kernel has none
	due time.Duration // by the keeper's clock
	// bytes replace those of the packet, or are the copy; nil leaves the packet
	// as it is.
	bytes []byte
}

// queueLength is how many packets the kernel keeps for us. Its default of
// 1,024 is less than a burst of birthday punching.
const queueLength = 65535

// take holds a packet that has come, or drops it. A gap in the numbers is a
// packet that the kernel could not hand over (net/netfilter/nfnetlink_queue.c,
// __nfqnl_enqueue_packet, counts before it sends). What a full queue refuses
// gets no number, so that the queue was full counts as one.
func (q *queue) take(p handed, now time.Time, since time.Duration) (seen Stats, err error) {
	seen.Held = 1
	seen.Lost = uint64(p.id - q.last - 1)
	if p.stamp.IsZero() {
		seen.Unstamped = 1
	}
	q.last = p.id
	// Packets come in their order, whatever their stamps say of microseconds.
	q.arrived = max(q.arrived, since-age(now, p.stamp))
	if q.line.Constant() {
		q.hold(packet{id: p.id, due: q.arrived + q.line.Conditions().Delay})
	} else {
		err = q.judge(p, now)
	}
	if len(q.held)-q.head >= queueLength {
		seen.Lost++
	}
	return seen, err
}

// judge has the line decide about a packet.
func (q *queue) judge(p handed, now time.Time) error {
	f := q.line.Pass(fate.Packet{Arrived: q.arrived, Size: size(p.payload), Head: p.payload[:min(len(p.payload), fate.HeadSize)]})
	q.wire.owner.diary.enter(q.name, p, now, q.line.Deeds())
	if f.Copies == 0 {
		q.out = appendVerdict(q.out[:0], msgVerdict, q.number, p.id, nfDrop, nil)
		return q.wire.send(q.out)
	}
	whole := len(p.payload) > 0 && len(p.payload) == size(p.payload) // or it came before the queue showed all
	var bytes []byte
	if f.Corrupt && whole {
		bytes = damaged(p.payload)
	}
	q.hold(packet{id: p.id, due: f.Due[0], bytes: bytes})
	if f.Copies > 1 && whole {
		if bytes == nil {
			bytes = slices.Clone(p.payload)
		}
		q.hold(packet{due: f.Due[1], bytes: bytes})
	}
	return nil
}

// size is the length that an IPv4 header tells.
func size(head []byte) int {
	if len(head) < 4 {
		return 0
	}
	return int(word.Uint16(head[2:]))
}

// damaged is the packet with its last bit turned round. Every checksum over it
// was whole and is wrong now.
func damaged(whole []byte) []byte {
	bytes := slices.Clone(whole)
	bytes[len(bytes)-1] ^= 1
	return bytes
}

// hold puts a packet where its time is.
func (q *queue) hold(p packet) {
	if q.head == len(q.held) {
		q.mixed = false
	}
	if n := len(q.held); q.head == n || q.held[n-1].due <= p.due {
		q.held = append(q.held, p)
		return
	}
	q.mixed = true
	at, _ := slices.BinarySearchFunc(q.held[q.head:], p.due+1, func(h packet, due time.Duration) int { return int(h.due - due) })
	q.held = slices.Insert(q.held, q.head+at, p)
}

// oldest is the greatest age that is believed: beyond it the clock was set, or
// this process stood still. Either way the packet counts as late.
const oldest = time.Second

// resolution is that of stamps. The kernel rounds them down.
const resolution = time.Microsecond

// age is how long ago a packet with that stamp arrived, at least; zero if it
// has none.
func age(now, stamp time.Time) time.Duration {
	if stamp.IsZero() {
		return 0
	}
	return min(max(now.Sub(stamp)-resolution, 0), oldest)
}

// next is the time at which the next packet is due.
func (q *queue) next() (due time.Duration, held bool) {
	if q.head == len(q.held) {
		return 0, false
	}
	return q.held[q.head].due, true
}

// batch is how many packets are released by one message. The kernel carries
// them all the way in our system call, and other links wait meanwhile.
const batch = 32

// release lets the packets go that are due by the clock, which it reads again
// before each batch, as a burst takes a while. It returns by how much the
// latest of them was late, and how many copies could not be sent.
func (q *queue) release(clock func() time.Duration) (seen Stats, err error) {
	for {
		now := clock()
		due, held := q.next()
		if !held || due > now {
			q.compact()
			return seen, nil
		}
		seen.Lateness = max(seen.Lateness, now-due)
		lost, err := q.releaseBatch(now)
		seen.Lost += lost
		if err != nil {
			return seen, err
		}
	}
}

// releaseBatch releases some packets in one message. Those that leave as they
// came, in their order and unchanged, share one verdict; a copy leaves when all
// before it have left.
func (q *queue) releaseBatch(now time.Duration) (lost uint64, err error) {
	var upTo uint32
	end := func() {
		if upTo != 0 {
			q.out, upTo = appendVerdicts(q.out, q.number, upTo, nfAccept), 0
		}
	}
	flush := func() error {
		end()
		if len(q.out) == 0 {
			return nil
		}
		defer func() { q.out = q.out[:0] }()
		return q.wire.send(q.out)
	}
	q.out = q.out[:0]
	for n := 0; n < batch && q.head < len(q.held) && q.held[q.head].due <= now; n++ {
		p := q.held[q.head]
		q.held[q.head].bytes = nil
		q.head++
		switch {
		case p.id == 0:
			if err := flush(); err != nil {
				return lost, err
			}
			if send4(q.wire.sender, p.bytes) != nil {
				lost++
			}
		case q.mixed || p.bytes != nil:
			end()
			q.out = appendVerdict(q.out, msgVerdict, q.number, p.id, nfAccept, p.bytes)
		default:
			upTo = p.id
		}
	}
	return lost, flush()
}

// drop drops all packets.
func (q *queue) drop() error {
	held := q.head < len(q.held)
	clear(q.held)
	q.head = len(q.held)
	q.compact()
	if !held {
		return nil
	}
	return q.wire.send(appendVerdicts(nil, q.number, q.last, nfDrop))
}

// compact makes room once the released packets are most of the slice.
func (q *queue) compact() {
	if q.head*2 < len(q.held) {
		return
	}
	n := copy(q.held, q.held[q.head:])
	q.held, q.head = q.held[:n], 0
}
