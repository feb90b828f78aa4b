//go:build unix

package punch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/punchlab/punchlab/punch/internal/tcpinfo"
	"golang.org/x/sys/unix"
)

// dialing is a socket whose SYN has left and that is not connected yet. Waiting for it holds no thread: the runtime's
// poller does. It is used by one goroutine, which ends it by wait or by close.
type dialing struct {
	shot shot
	fd   int // until the runtime's poller has it
	file *os.File
	raw  syscall.RawConn
	born time.Time // when its SYN left

	local uint16 // its port, where somebody wanted to know
}

// dial starts a connection to peer from the given local port, which listeners and connections to other endpoints may
// share, or from a fresh one of the kernel's choice if the port is zero.
func dial(network Network, port uint16, peer netip.AddrPort) (*dialing, error) {
	return shoot(network, shot{from: port, to: peer})
}

// shoot starts a connection.
func shoot(network Network, s shot) (*dialing, error) {
	var d *dialing
	err := network.Do(func() (err error) {
		d, err = begin(s)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := d.poll(); err != nil {
		return nil, err
	}
	return d, nil
}

// volley starts many connections in one visit to the network, in their order, and returns those that could be started.
// An error of one of them alone is passed over: its endpoints are in use, the network refused it at once. Any other ends
// the volley and is returned as well, such as too many open files.
func volley(network Network, shots []shot) (all []*dialing, err error) {
	var begun []*dialing
	err = network.Do(func() error {
		for _, s := range shots {
			switch d, err := begin(s); {
			case err == nil:
				begun = append(begun, d)
			case !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.EADDRINUSE) && !refusal(err):
				return err
			}
		}
		return nil
	})
	for _, d := range begun {
		if failed := d.poll(); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		all = append(all, d)
	}
	return all, err
}

// begin opens a socket and lets its SYN leave. It is called inside of a network.
func begin(s shot) (*dialing, error) {
	fd, err := newSocket()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	d := &dialing{shot: s, fd: fd}
	err = quietly(fd)
	if err == nil {
		err = d.start()
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return d, nil
}

// quietly has the socket vanish when it is closed early: one whose peer's SYN has come would send a FIN and hold its
// endpoints, so that no other could be dialled between them (tcp_close of net/ipv4/tcp.c).
func quietly(fd int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
}

// poll hands the socket to the runtime's poller: after connect, since an unconnected socket would count as ready.
func (d *dialing) poll() (err error) {
	d.file = os.NewFile(uintptr(d.fd), "punch")
	if d.raw, err = d.file.SyscallConn(); err != nil {
		return errors.Join(err, d.file.Close())
	}
	return nil
}

// start leaves a port that was not asked for to connect, which lets flows to different destinations share it.
func (d *dialing) start() error {
	fd, s := d.fd, d.shot
	if err := s.aim(fd); err != nil {
		return err
	}
	if s.from != freshPort {
		if err := share(fd); err != nil {
			return err
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(s.from)}); err != nil {
			return os.NewSyscallError("bind", err)
		}
	}
	d.born = time.Now()
	err := unix.Connect(fd, &unix.SockaddrInet4{Addr: s.to.Addr().As4(), Port: int(s.to.Port())})
	if err != nil && !errors.Is(err, unix.EINPROGRESS) && !errors.Is(err, unix.EINTR) {
		return os.NewSyscallError("connect", err)
	}
	return s.restore(fd)
}

// share lets several sockets of one user have one port. Linux wants both options on every one of them.
func share(fd int) error {
	for _, option := range []int{unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}

// sharePort is share in the form that net.ListenConfig wants.
func sharePort(_, _ string, c syscall.RawConn) (err error) {
	return errors.Join(c.Control(func(fd uintptr) { err = share(int(fd)) }), err)
}

// wait returns the connection once it is up. It gives up, closing the socket, on an error, when ctx ends, and at silence,
// if that is not zero and no answer of the peer has come by then (os.ErrDeadlineExceeded).
func (d *dialing) wait(ctx context.Context, silence time.Time) (*net.TCPConn, error) {
	defer d.file.Close()
	_ = d.file.SetWriteDeadline(silence)
	stop := context.AfterFunc(ctx, func() { _ = d.file.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	err := d.up()
	if errors.Is(err, os.ErrDeadlineExceeded) && d.answered() {
		_ = d.file.SetWriteDeadline(time.Time{})
		if ctx.Err() == nil { // else AfterFunc may have come before the line above
			err = d.up()
		}
	}
	switch {
	case err == nil:
		return d.connection()
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, err
}

// answered tells that the peer's SYN or a reset has come: closing the socket now would throw that away. Where the kernel
// does not tell, an unfinished handshake counts as silence.
func (d *dialing) answered() (yes bool) {
	if info, known := tcpinfo.Of(d.file); known {
		return !info.Silent
	}
	_ = d.raw.Control(func(fd uintptr) { yes = ready(int(fd)) })
	return yes
}

// up waits for the end of the handshake.
func (d *dialing) up() error {
	var result error
	err := d.raw.Write(func(fd uintptr) (done bool) {
		done, result = settled(int(fd))
		return done
	})
	return errors.Join(err, result)
}

// settled tells whether the handshake has ended, and how.
func settled(fd int) (bool, error) {
	if !ready(fd) {
		return false, nil
	}
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	return true, os.NewSyscallError("connect", err)
}

// ready asks poll, since nothing else knows: SO_ERROR is zero during the handshake too, and getpeername answers from
// SYN-RECEIVED on (inet_getname in net/ipv4/af_inet.c).
func ready(fd int) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(poll, 0)
	return n > 0 && err == nil
}

// connection hands the socket over to package net, which has a descriptor of its own from then on.
func (d *dialing) connection() (*net.TCPConn, error) {
	c, err := net.FileConn(d.file)
	if err != nil {
		return nil, err
	}
	conn := c.(*net.TCPConn)
	if conn.RemoteAddr() == nil { // it came up and was reset since
		return nil, errors.Join(unix.ECONNRESET, conn.Close())
	}
	_ = conn.SetKeepAlive(false) // FileConn switches it on
	_ = conn.SetLinger(-1)       // see quietly
	return conn, nil
}

// port asks the kernel which port it has chosen; 0 if it does not say.
func (d *dialing) port() (port uint16) {
	_ = d.raw.Control(func(fd uintptr) {
		if name, err := unix.Getsockname(int(fd)); err == nil {
			if at, ok := name.(*unix.SockaddrInet4); ok {
				port = uint16(at.Port)
			}
		}
	})
	return port
}

// close gives the attempt up. Nothing is sent: the socket has no connection to reset (RFC 9293, 3.10.4).
func (d *dialing) close() { _ = d.file.Close() }
