package punch

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// canArm tells that a SYN's TTL can be chosen such that its socket survives its death.
const canArm = true

// aim sets the socket's options before the SYN leaves.
func (s shot) aim(fd int) error {
	ttl, minimum := s.ttl, errorTTL
	if s.deaf {
		minimum = deafMinimum
		if ttl == 0 {
			ttl = deafTTL
		}
	}
	if ttl == 0 {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MINTTL, minimum); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, ttl))
}

// restore gives what leaves after a SYN with a small TTL the ordinary one (-1 for that of the route: do_ip_setsockopt of
// net/ipv4/ip_sockglue.c).
func (s shot) restore(fd int) error {
	switch {
	case s.ttl == 0:
		return nil
	case s.deaf:
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, deafTTL))
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, -1))
}

// unaim lets an established connection hear everything again: middle boxes may set the TTL of what passes them. What it
// sends keeps its TTL, since the peer may be deaf a little longer.
func unaim(conn syscall.Conn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MINTTL, 0) })
}
