package capture

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/recording"
)

// listener hears of the connections that one NAT tracks. While it is not in
// the groups of new, updated and destroyed connections, the kernel makes no
// messages of them; since Linux 5.19 it does not even note them
// (net/netfilter/nf_conntrack_ecache.c, nf_ct_ecache_ext_add). So it says
// nothing of connections that were there before.
type listener struct {
	node string
	conn *netlink.Conn
	raw  syscall.RawConn

	done     chan struct{} // closed when the reader has ended
	buffer   []byte
	messages []message
	bytes    shelf
	drops    uint32 // lost messages since the socket was opened, when listening began
	err      error
}

// message is what was read at once. It is parsed when there is time.
type message struct {
	read time.Time
	data []byte
}

const (
	// eventBuffer is what we ask for; without CAP_NET_ADMIN over the whole
	// machine, net.core.rmem_max limits it.
	eventBuffer = 8 << 20
	// eventSize holds any message about a connection.
	eventSize = 8192
)

// groups are those of conntrack's events (include/uapi/linux/netfilter/
// nfnetlink_compat.h, enum nfnetlink_groups).
var groups = [...]uint32{unix.NFNLGRP_CONNTRACK_NEW, unix.NFNLGRP_CONNTRACK_UPDATE, unix.NFNLGRP_CONNTRACK_DESTROY}

// stamps has the kernel note when connections begin and end, and since Linux
// 6.14 when anything happens to them.
var stamps = kernel.Sysctl{Path: "netfilter/nf_conntrack_timestamp", Value: "1", Optional: true}

func newListener(node string, ns *kernel.Namespace, buffer int) (_ *listener, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: conntrack events: %w", node, err)
		}
	}()
	if err := ns.Set(stamps); err != nil {
		return nil, err
	}
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: ns.FD()})
	if err != nil {
		return nil, err
	}
	l := &listener{node: node, conn: conn, buffer: make([]byte, eventSize)}
	if l.raw, err = conn.SyscallConn(); err == nil {
		err = conn.SetReadBuffer(buffer)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return l, nil
}

// listen hears events from now on.
func (l *listener) listen() error {
	err := l.conn.SetReadDeadline(time.Time{})
	if err == nil {
		l.drops, err = l.dropped()
	}
	for _, g := range groups {
		if err == nil {
			err = l.conn.JoinGroup(g)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: conntrack events: %w", l.node, errors.Join(err, l.leave()))
	}
	l.messages, l.err, l.done = nil, nil, make(chan struct{})
	go l.read()
	return nil
}

// past is a deadline that ends a read at once.
var past = time.Unix(1, 0)

// rest returns the events since listening began, which are all that happened
// before, and how many more were lost.
func (l *listener) rest() (flows []recording.Flow, lost uint64, err error) {
	if l.done == nil {
		return nil, 0, nil
	}
	err = errors.Join(l.leave(), l.conn.SetReadDeadline(past))
	<-l.done
	l.done = nil
	// What the reader did not come to is there still.
	err = errors.Join(err, l.raw.Control(func(fd uintptr) { l.take(int(fd)) }), l.err)
	for _, m := range l.messages {
		more, failed := parse(m.data, l.node, m.read)
		flows, err = append(flows, more...), errors.Join(err, failed)
	}
	l.messages, l.bytes = nil, shelf{}
	drops, failed := l.dropped()
	if err = errors.Join(err, failed); err != nil {
		err = fmt.Errorf("%s: conntrack events: %w", l.node, err)
	}
	return flows, uint64(drops - l.drops), err
}

func (l *listener) leave() error {
	var errs []error
	for _, g := range groups {
		errs = append(errs, l.conn.LeaveGroup(g))
	}
	return errors.Join(errs...)
}

// read takes events in as they come, until the deadline: a buffer that rmem_max
// limits has room for some hundreds.
func (l *listener) read() {
	defer close(l.done)
	err := l.raw.Read(func(fd uintptr) bool { return l.take(int(fd)) })
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, os.ErrClosed) {
		l.err = err
	}
}

// take takes in what the socket has, and says whether it will never have more.
func (l *listener) take(fd int) (ended bool) {
	for {
		n, err := unix.Read(fd, l.buffer)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return false
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOBUFS):
			continue // ENOBUFS says that some were lost, and not how many
		case err != nil:
			l.err = os.NewSyscallError("read", err)
			return true
		}
		l.messages = append(l.messages, message{time.Now(), l.bytes.keep(l.buffer[:n])})
	}
}

// meminfoDrops is where SO_MEMINFO tells of messages that found no room
// (include/uapi/linux/sock_diag.h, SK_MEMINFO_DROPS).
const meminfoDrops = 8

// dropped is how many messages the socket has lost since it was opened. ENOBUFS
// is told once for all that are lost until the socket is empty
// (net/netlink/af_netlink.c, netlink_overrun), and counted here each.
func (l *listener) dropped() (uint32, error) {
	var drops uint32
	var failed error
	err := l.raw.Control(func(fd uintptr) { drops, failed = socketDrops(int(fd)) })
	return drops, errors.Join(err, failed)
}

func (l *listener) close() error { return l.conn.Close() }
