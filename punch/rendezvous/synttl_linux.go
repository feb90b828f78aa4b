package rendezvous

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// saveSYNs has the kernel keep the SYN of every connection that ln accepts (TCP_SAVE_SYN, from Linux 4.3 on; no
// privilege is needed). It takes a hundred bytes for each, until the SYN has been read. Multipath TCP does not have the
// option; Go's own listeners speak that unless they are told not to.
func saveSYNs(ln net.Listener) {
	_ = control(ln, func(fd int) { _ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SAVE_SYN, 1) })
}

// synTTL is the TTL with which the SYN of an accepted connection arrived, or zero if it is not known. It can be had
// once: the kernel forgets a SYN that has been read (TCP_SAVED_SYN in net/ipv4/tcp.c). Where the listener answered with
// a SYN cookie, or before saveSYNs, there is none.
func synTTL(conn net.Conn) (ttl int) {
	var packet [256]byte // more than the longest headers of IP and TCP
	size := uint32(len(packet))
	var errno syscall.Errno
	known := control(conn, func(fd int) {
		_, _, errno = unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_SAVED_SYN,
			uintptr(unsafe.Pointer(&packet)), uintptr(unsafe.Pointer(&size)), 0)
	})
	if !known || errno != 0 || size < 20 {
		return 0
	}
	switch packet[0] >> 4 {
	case 4:
		return int(packet[8]) // RFC 791, 3.1
	case 6:
		return int(packet[7]) // the hop limit (RFC 8200, 3)
	}
	return 0
}

// control hands the descriptor of a socket to f, and tells whether there is one.
func control(socket any, f func(fd int)) bool {
	c, ok := socket.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := c.SyscallConn()
	return err == nil && raw.Control(func(fd uintptr) { f(int(fd)) }) == nil
}
