package rendezvous

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel finds a waiting client that has lost its network: nobody else would, as nothing is sent to it.
func TestAWaitingClientIsProbed(t *testing.T) {
	server := new(Server)
	visit(t, serve(t, server), NewID())
	server.mu.Lock()
	defer server.mu.Unlock()
	for c := range server.clients {
		raw, err := c.conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		for _, option := range []struct {
			name              string
			level, code, want int
		}{
			{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15},
			{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 5},
			{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
		} {
			_ = raw.Control(func(fd uintptr) {
				if got, err := unix.GetsockoptInt(int(fd), option.level, option.code); got != option.want || err != nil {
					t.Errorf("%s is %d, %v; want %d", option.name, got, err, option.want)
				}
			})
		}
	}
	if len(server.clients) != 1 {
		t.Errorf("%d clients", len(server.clients))
	}
}
