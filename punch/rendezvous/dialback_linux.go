package rendezvous

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// knock sends one SYN and tells what became of it within the given time. Nobody hears of the SYN a second time: the
// socket is closed before the kernel would send it again, which sends nothing (RFC 9293, 3.10.4). Of a connection, end
// makes an end with a reset; it must be called. An error means that the SYN did not leave, that ctx ended, or that
// there was an answer that nobody expects. Waiting holds no thread: the runtime's poller does it.
func knock(
	ctx context.Context, network Network, from, to netip.AddrPort, silence time.Duration,
) (_ Outcome, end func(), _ error) {
	var fd int
	err := network.Do(func() (err error) {
		fd, err = sendSYN(from, to)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	file := os.NewFile(uintptr(fd), "dial-back") // after connect: an unconnected socket would count as ready
	end = func() { _ = file.Close() }
	outcome, err := await(ctx, file, silence)
	if outcome != Connected {
		end()
		end = func() {}
	}
	return outcome, end, err
}

// await waits for the SYN's fate, at most for the given time.
func await(ctx context.Context, file *os.File, silence time.Duration) (outcome Outcome, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return "", err
	}
	_ = file.SetWriteDeadline(time.Now().Add(silence))
	stop := context.AfterFunc(ctx, func() { _ = file.SetWriteDeadline(longAgo) })
	defer stop()
	var odd error
	look := func(fd uintptr) { outcome, odd = answer(int(fd)) }
	err = raw.Write(func(fd uintptr) bool {
		look(fd)
		return outcome != "" || odd != nil
	})
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
		err = raw.Control(look) // what came in time counts, even if this process was late to look
		if outcome == "" && odd == nil {
			outcome = Silent
		}
	}
	if ctx.Err() != nil && outcome == "" {
		err = ctx.Err()
	}
	return outcome, errors.Join(err, odd)
}

// sendSYN opens the socket of a dial-back and starts its connection. The port is shared, since it is the same for all.
func sendSYN(from, to netip.AddrPort) (fd int, err error) {
	family, level, receiveErrors := unix.AF_INET, unix.IPPROTO_IP, unix.IP_RECVERR
	if from.Addr().Is6() {
		family, level, receiveErrors = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	opened := fd
	defer func() {
		if err != nil {
			_ = unix.Close(opened)
		}
	}()
	for _, o := range []struct{ level, name int }{
		{unix.SOL_SOCKET, unix.SO_REUSEADDR}, {unix.SOL_SOCKET, unix.SO_REUSEPORT}, {level, receiveErrors},
		{unix.IPPROTO_TCP, unix.TCP_SYNCNT}, // the fewest repetitions that can be had, should close come late
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, 1); err != nil {
			return -1, os.NewSyscallError("setsockopt", err)
		}
	}
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return -1, os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Bind(fd, sockaddr(from)); err != nil {
		return -1, os.NewSyscallError("bind", err)
	}
	err = unix.Connect(fd, sockaddr(to))
	if err != nil && !errors.Is(err, unix.EINPROGRESS) && !errors.Is(err, unix.EINTR) {
		return -1, os.NewSyscallError("connect", err)
	}
	return fd, nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

// answer tells what a dial-back's SYN came to; nothing yet if both results are empty. Linux says ECONNREFUSED of a RST
// and of a port unreachable alike; only the latter leaves an entry in the error queue (ip_icmp_error, called by
// tcp_v4_err in net/ipv4/tcp_ipv4.c). The queue is read first, since SO_ERROR clears what it tells. A reset right after
// the handshake is ECONNRESET (tcp_reset in net/ipv4/tcp_input.c): the client was reached, which is what was asked.
func answer(fd int) (Outcome, error) {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if n, _ := unix.Poll(poll, 0); n <= 0 { // or interrupted
		return "", nil
	}
	if icmp(fd) {
		return Unreachable, nil
	}
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return "", os.NewSyscallError("getsockopt", err)
	}
	switch errno := syscall.Errno(code); errno {
	case 0, unix.ECONNRESET, unix.EPIPE:
		return Connected, nil
	case unix.ECONNREFUSED:
		return Reset, nil
	default:
		return "", os.NewSyscallError("connect", errno)
	}
}

// originAt is where ee_origin stands in struct sock_extended_err (include/uapi/linux/errqueue.h).
const originAt = 4

// icmp reads one entry of the error queue and tells whether it is an ICMP error (IP_RECVERR in ip(7)).
func icmp(fd int) bool {
	control := make([]byte, 512)
	_, n, _, _, err := unix.Recvmsg(fd, nil, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return false // the queue is empty
	}
	entries, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		return false
	}
	for _, e := range entries {
		v4 := e.Header.Level == unix.IPPROTO_IP && e.Header.Type == unix.IP_RECVERR
		v6 := e.Header.Level == unix.IPPROTO_IPV6 && e.Header.Type == unix.IPV6_RECVERR
		if (v4 || v6) && len(e.Data) > originAt {
			origin := e.Data[originAt]
			return origin == unix.SO_EE_ORIGIN_ICMP || origin == unix.SO_EE_ORIGIN_ICMP6
		}
	}
	return false
}
