package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
)

// Host is a node of a lab that programs run on. Its methods may be used
// concurrently.
type Host struct {
	name  string
	ns    *kernel.Namespace
	addrs []netip.Addr
}

// Name is the host's name in the topology.
func (h *Host) Name() string { return h.name }

// Addrs are the host's own addresses, as its programs see them.
func (h *Host) Addrs() []netip.Addr { return slices.Clone(h.addrs) }

// Do runs f where sockets of the host are born: a socket that f opens belongs
// to the host for good, wherever it is used later. f opens and binds sockets
// and may start a connect that does not block, but must not wait, since it
// holds a thread. Goroutines that f starts are outside again.
func (h *Host) Do(f func() error) error { return h.ns.Do(f) }

// Listen opens a TCP listener on the host. The address may leave out the
// host's part, as in ":80".
func (h *Host) Listen(ctx context.Context, address string) (net.Listener, error) {
	var listener net.Listener
	err := h.Do(func() (err error) {
		var config net.ListenConfig
		config.SetMultipathTCP(false) // a NAT of a lab knows plain TCP
		listener, err = config.Listen(ctx, "tcp4", address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", h.name, err)
	}
	return listener, nil
}

// Dial opens a TCP connection from the host, from a port that the kernel
// chooses. It waits for the answer without holding a thread.
func (h *Host) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	conn, err := h.dial(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("host %s: dial %s: %w", h.name, to, err)
	}
	return conn, nil
}

func (h *Host) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if !to.Addr().Unmap().Is4() {
		return nil, errNotIPv4
	}
	var file *os.File
	err := h.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		file = os.NewFile(uintptr(fd), "tcp") // not blocking, so that Go's poller takes it
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
		if err != nil && !errors.Is(err, unix.EINPROGRESS) {
			return errors.Join(os.NewSyscallError("connect", err), file.Close())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	defer file.Close() // FileConn has a descriptor of its own
	if err := connected(ctx, file); err != nil {
		return nil, err
	}
	return net.FileConn(file)
}

// errNotIPv4 says that a lab has no other addresses.
var errNotIPv4 = errors.New("not an IPv4 address; a lab has no other")

// connected waits until the socket's connect has ended and returns how.
func connected(ctx context.Context, socket *os.File) error {
	stop := context.AfterFunc(ctx, func() { _ = socket.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var outcome error
	err = raw.Write(func(fd uintptr) bool {
		if outcome = socketError(int(fd)); outcome != nil {
			return true
		}
		_, err := unix.Getpeername(int(fd))
		return err == nil // ENOTCONN while the SYN is under way
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(outcome, err)
}

func socketError(fd int) error {
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	return os.NewSyscallError("connect", err)
}

// Unplug pulls the host's cable: from now on nothing arrives and nothing
// leaves. Addresses stay; the routes go with the link. Closing the lab is all
// that can be done with it afterwards.
func (h *Host) Unplug() error {
	if err := h.ns.SetDown(hostDevice); err != nil {
		return fmt.Errorf("host %s: %w", h.name, err)
	}
	return nil
}

// Mute silences the host's own TCP, UDP and ICMP, for experiments with packets
// made by hand: from now on nothing that arrives is delivered or answered, not
// even by a RST or an ICMP error. A packet socket (AF_PACKET) on the host sees
// what arrives, and a raw socket that writes its own headers (IP_HDRINCL), or a
// packet socket, can still send from the host's addresses; no socket can be
// bound to them any more. Closing the lab is what ends it.
func (h *Host) Mute() error {
	if err := h.ns.StopDelivery(hostDevice); err != nil {
		return fmt.Errorf("host %s: mute: %w", h.name, err)
	}
	return nil
}

// Sent counts the packets that the host has sent since the lab was built.
func (h *Host) Sent() (uint64, error) {
	n, err := h.ns.SentPackets(hostDevice)
	if err != nil {
		return 0, fmt.Errorf("host %s: %w", h.name, err)
	}
	return n, nil
}
