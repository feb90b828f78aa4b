package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
)

// queue is one router's packets, in the order of their arrival. All of them
// wait equally long, so the first in is the first out.
type queue struct {
	owner *wires
	fd    int
	delay time.Duration
	held  []packet // oldest first, from head on
	head  int
	last  uint32 // the number of the newest packet; the kernel counts from 1
}

type packet struct {
	id  uint32
	due time.Duration // by the keeper's clock
}

const (
	// queueNumber is the same for all routers: each has its namespace.
	queueNumber = 0
	// queueLength is how many packets the kernel keeps for us. Its default of
	// 1,024 is less than a burst of birthday punching.
	queueLength = 65535
	// receiveBuffer is what we ask for; without CAP_NET_ADMIN over the whole
	// machine, net.core.rmem_max limits it.
	receiveBuffer = 8 << 20
	// messageSize holds any message about a packet without its payload.
	messageSize = 4096
)

// bindQueue opens the queue of the router ns, and returns the socket on which
// the kernel hands packets over.
func bindQueue(ns *kernel.Namespace) (fd int, err error) {
	err = ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_NETFILTER)
		return os.NewSyscallError("socket", err)
	})
	if err != nil {
		return noDescriptor, err
	}
	if err := prepareQueue(fd); err != nil {
		return noDescriptor, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

func prepareQueue(fd int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return os.NewSyscallError("setsockopt SO_RCVBUF", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	return (&queue{fd: fd}).bind()
}

// bind configures the kernel's side of the queue and reads its answer, which
// netlink gives before write returns.
func (q *queue) bind() error {
	if err := q.send(configMessage()); err != nil {
		return err
	}
	buffer := make([]byte, messageSize)
	n, _, err := unix.Recvfrom(q.fd, buffer, 0)
	if err != nil {
		return os.NewSyscallError("recvfrom", err)
	}
	if code := errorCode(buffer[:n]); code != 0 {
		return fmt.Errorf("bind NFQUEUE %d: %w", queueNumber, unix.Errno(code))
	}
	return nil
}

// read takes in what the kernel has. A gap in the numbers is a packet that it
// could not hand over (net/netfilter/nfnetlink_queue.c,
// __nfqnl_enqueue_packet, counts before it sends). What a full queue refuses
// gets no number, so that the queue was full counts as one.
//
// clock gives the same moment by the machine's clock, as stamps have it, and by
// the keeper's. It is asked after each packet: one that arrived after a reading
// would otherwise be due too early.
func (q *queue) read(buffer []byte, clock func() (now time.Time, since time.Duration)) (seen Stats, err error) {
	for {
		n, err := read(q.fd, buffer)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return seen, nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOBUFS):
			continue // ENOBUFS says what the gap says
		case err != nil:
			return seen, os.NewSyscallError("recvfrom", err)
		}
		id, stamp, ok := parsePacket(buffer[:n])
		if !ok {
			continue
		}
		now, since := clock()
		seen.Held++
		seen.Lost += uint64(id - q.last - 1)
		if stamp.IsZero() {
			seen.Unstamped++
		}
		q.last = id
		q.held = append(q.held, packet{id: id, due: since - age(now, stamp) + q.delay})
		if len(q.held)-q.head >= queueLength {
			seen.Lost++
		}
	}
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

// next is the time at which the oldest packet is due.
func (q *queue) next() (due time.Duration, held bool) {
	if q.head == len(q.held) {
		return 0, false
	}
	return q.held[q.head].due, true
}

// batch is how many packets are released by one message. The kernel carries
// them all the way in our system call, and other links wait meanwhile.
const batch = 32

// release accepts the packets that are due by the clock, which it reads again
// before each batch, as a burst takes a while. It returns by how much the
// latest of them was late.
func (q *queue) release(clock func() time.Duration) (late time.Duration, err error) {
	for {
		now := clock()
		due, held := q.next()
		if !held || due > now {
			q.compact()
			return late, nil
		}
		late = max(late, now-due)
		var id uint32
		for n := 0; n < batch && q.head < len(q.held) && q.held[q.head].due <= now; n++ {
			id = q.held[q.head].id
			q.head++
		}
		if err := q.verdict(id, nfAccept); err != nil {
			return late, err
		}
	}
}

// drop drops all packets.
func (q *queue) drop() error {
	held := q.head < len(q.held)
	q.head = len(q.held)
	q.compact()
	if !held {
		return nil
	}
	return q.verdict(q.last, nfDrop)
}

// compact makes room once the released packets are most of the slice.
func (q *queue) compact() {
	if q.head*2 < len(q.held) {
		return
	}
	n := copy(q.held, q.held[q.head:])
	q.held, q.head = q.held[:n], 0
}

// verdict decides on all packets up to and including id.
func (q *queue) verdict(id, decision uint32) error { return q.send(verdictMessage(id, decision)) }

// send writes to the kernel, which is whom a netlink socket talks to unless
// told otherwise.
func (q *queue) send(message []byte) error {
	err := write(q.fd, message)
	return os.NewSyscallError("write", err)
}

// word is the byte order of nfnetlink's numbers.
var word = binary.BigEndian
