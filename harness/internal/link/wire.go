package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/fate"
	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/links"
)

// wire is the link of one router, in the process that keeps it: a socket on
// which the kernel hands over the packets of both directions.
type wire struct {
	owner    *wires
	fd       int
	sender   int // a raw socket in the router's namespace, for copies; noDescriptor if there was no need
	up, down queue
}

const (
	// queueUp and queueDown are the same for all routers: each has its namespace.
	queueUp, queueDown = 0, 1
	// receiveBuffer is what we ask for; without CAP_NET_ADMIN over the whole
	// machine, net.core.rmem_max limits it.
	receiveBuffer = 8 << 20
	// messageSize holds any message about a packet with its payload.
	messageSize = 1<<16 + 4096
)

func newWire(owner *wires, fd int, name string, seed uint64) *wire {
	w := &wire{owner: owner, fd: fd, sender: noDescriptor}
	for _, q := range []struct {
		*queue
		number uint16
		way    links.Direction
	}{{&w.up, queueUp, links.Up}, {&w.down, queueDown, links.Down}} {
		line := fmt.Sprintf("%s %s", name, q.way)
		*q.queue = queue{wire: w, name: line, number: q.number, line: fate.NewLine(line, seed), shown: view{whole: true}}
	}
	return w
}

func (w *wire) queues() [2]*queue { return [2]*queue{&w.up, &w.down} }

// bindQueues opens the queues of the router ns, and returns the socket on which
// the kernel hands packets over.
func bindQueues(ns *kernel.Namespace) (fd int, err error) {
	err = ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_NETFILTER)
		return os.NewSyscallError("socket", err)
	})
	if err != nil {
		return noDescriptor, err
	}
	if err := prepareQueues(fd); err != nil {
		return noDescriptor, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

func prepareQueues(fd int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return os.NewSyscallError("setsockopt SO_RCVBUF", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	return errors.Join(bindQueue(fd, queueUp), bindQueue(fd, queueDown))
}

// bindQueue configures the kernel's side of a queue and reads its answer, which
// netlink gives before write returns.
func bindQueue(fd int, number uint16) error {
	if err := write(fd, bindMessage(number)); err != nil {
		return os.NewSyscallError("write", err)
	}
	buffer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, buffer, 0)
	if err != nil {
		return os.NewSyscallError("recvfrom", err)
	}
	if code := errorCode(buffer[:n]); code != 0 {
		return fmt.Errorf("bind NFQUEUE %d: %w", number, unix.Errno(code))
	}
	return nil
}

// openSender opens a socket in the router ns that sends packets as they are, and
// takes none in.
func openSender(ns *kernel.Namespace) (fd int, err error) {
	err = ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW)
		return os.NewSyscallError("socket", err)
	})
	if err != nil {
		return noDescriptor, err
	}
	return fd, nil
}

// shape makes the queues show as much as their lines need.
func (w *wire) shape() error {
	for _, q := range w.queues() {
		v := view{whole: q.line.Constant()}
		switch l := q.line; {
		case l.Copies() || l.Corrupts():
			v.bytes = links.MaxMTU
		case l.NeedsHeads() || l.NeedsSizes():
			v.bytes = fate.HeadSize
		}
		if q.line.Acts() {
			v.bytes = max(v.bytes, w.owner.diary.bytes)
		}
		if v == q.shown {
			continue
		}
		if err := w.send(viewMessage(q.number, v)); err != nil {
			return err
		}
		q.shown = v
	}
	return nil
}

// read takes in what the kernel has.
//
// clock gives the same moment by the machine's clock, as stamps have it, and by
// the keeper's. It is asked after each packet: one that arrived after a reading
// would otherwise be due too early.
func (w *wire) read(buffer []byte, clock func() (now time.Time, since time.Duration)) (seen Stats, err error) {
	for {
		n, err := read(w.fd, buffer)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return seen, nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOBUFS):
			continue // ENOBUFS says what the gap in the numbers says
		case err != nil:
			return seen, os.NewSyscallError("recvfrom", err)
		}
		p, ok := parsePacket(buffer[:n])
		if !ok {
			if err := refusal(buffer[:n]); err != nil {
				return seen, err
			}
			continue
		}
		q := &w.up
		if p.queue == queueDown {
			q = &w.down
		}
		now, since := clock()
		took, err := q.take(p, now, since)
		seen.add(took)
		if err != nil {
			return seen, err
		}
	}
}

// send writes to the kernel, which is whom a netlink socket talks to unless
// told otherwise.
func (w *wire) send(messages []byte) error {
	return os.NewSyscallError("write", write(w.fd, messages))
}

// close closes what the wire has open.
func (w *wire) close() error {
	err := unix.Close(w.fd)
	if w.sender != noDescriptor {
		err = errors.Join(err, unix.Close(w.sender))
	}
	return err
}

// word is the byte order of nfnetlink's numbers.
var word = binary.BigEndian
