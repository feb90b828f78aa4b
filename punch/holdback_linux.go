package punch

import (
	"net"

	"golang.org/x/sys/unix"
)

// holdBack lets what is written last leave in one segment with the end of the connection (TCP_CORK of tcp(7)).
func holdBack(conn *net.TCPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1) })
}
