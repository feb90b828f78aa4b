package hops

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Walk is the SYNs of one walk. It is used by one goroutine at a time, and must be closed.
type Walk struct{ files []*os.File }

// Start sends SYNs to the given endpoint, from ports of the kernel's choice, one with each TTL from 1 to the given one,
// in this order. It does not wait and is called inside of a network. Of an error nothing stays behind; a SYN that this
// host could not even send, as a local filter may want it, is only missing.
func Start(to netip.AddrPort, ttls int) (_ *Walk, err error) {
	w := new(Walk)
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	for ttl := 1; ttl <= ttls; ttl++ {
		fd, err := send(to, ttl)
		if err != nil {
			return nil, err
		}
		// After connect: an unconnected socket would count as ready.
		w.files = append(w.files, os.NewFile(uintptr(fd), "hop"))
	}
	return w, nil
}

// send opens a socket whose SYN has the given TTL. IP_RECVERR has the kernel keep who sent an ICMP error (ip(7)); the
// reset by which a connection that comes of it ends leaves nothing in TIME-WAIT.
func send(to netip.AddrPort, ttl int) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	for name, value := range map[int]int{unix.IP_TTL: ttl, unix.IP_RECVERR: 1} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, name, value); err != nil {
			_ = unix.Close(fd)
			return -1, os.NewSyscallError("setsockopt", err)
		}
	}
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	// What it came to shows later, an error too.
	_ = unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
	return fd, nil
}

// Hops yields what became of each SYN, by rising TTL, as soon as it is known or the time has come. It ends early when
// ctx does.
func (w *Walk) Hops(ctx context.Context, until time.Time) iter.Seq[Hop] {
	return func(yield func(Hop) bool) {
		for i, file := range w.files {
			h := await(ctx, file, until)
			h.TTL = i + 1
			if ctx.Err() != nil || !yield(h) {
				return
			}
		}
	}
}

// await waits for one SYN's fate. What has come already counts, however late it is.
func await(ctx context.Context, file *os.File, until time.Time) (h Hop) {
	raw, err := file.SyscallConn()
	if err != nil {
		return h
	}
	known := false
	look := func(fd uintptr) { h, known = fate(int(fd)) }
	if _ = raw.Control(look); known {
		return h
	}
	_ = file.SetWriteDeadline(until)
	defer context.AfterFunc(ctx, func() { _ = file.SetWriteDeadline(time.Unix(1, 0)) })()
	_ = raw.Write(func(fd uintptr) bool { // an error is the time that has come: nobody told
		look(fd)
		return known
	})
	return h
}

// fate tells what the SYN came to, if that is known.
func fate(fd int) (Hop, bool) {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if n, err := unix.Poll(poll, 0); n <= 0 || err != nil {
		return Hop{}, false
	}
	if router, told := offender(fd); told {
		return Hop{From: router}, true
	}
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	answered := code == 0 || errors.Is(unix.Errno(code), unix.ECONNREFUSED)
	return Hop{Reached: err == nil && answered}, true
}

// Where things stand in struct sock_extended_err and in the sockaddr_in behind it, which names the sender of the error
// (include/uapi/linux/errqueue.h; SO_EE_OFFENDER in ip(7)).
const (
	originAt, typeAt   = 4, 5
	familyAt, senderAt = 16, 20
	offenderEnd        = senderAt + 4
	timeExceeded       = 11 // RFC 792
)

// offender reads who sent the ICMP time-exceeded in the socket's error queue (ip_icmp_error, called by tcp_v4_err of
// net/ipv4/tcp_ipv4.c).
func offender(fd int) (router netip.Addr, told bool) {
	control := make([]byte, 512)
	_, n, _, _, err := unix.Recvmsg(fd, nil, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return router, false // the queue is empty
	}
	entries, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		return router, false
	}
	for _, e := range entries {
		if e.Header.Level != unix.IPPROTO_IP || e.Header.Type != unix.IP_RECVERR || len(e.Data) < offenderEnd {
			continue
		}
		expired := e.Data[originAt] == unix.SO_EE_ORIGIN_ICMP && e.Data[typeAt] == timeExceeded
		if expired && binary.NativeEndian.Uint16(e.Data[familyAt:]) == unix.AF_INET {
			return netip.AddrFrom4([4]byte(e.Data[senderAt:offenderEnd])), true
		}
	}
	return router, false
}

// Close gives up what is under way and resets what came of it.
func (w *Walk) Close() {
	for _, file := range w.files {
		_ = file.Close()
	}
	w.files = nil
}
