package tcpinfo

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Values of tcpi_state (include/net/tcp_states.h) and of tcpi_min_rtt before the first sample (include/net/tcp.h).
const (
	stateSynSent = 2
	stateClose   = 7
	noMinRTT     = ^uint32(0)
)

// Of asks about the connection c; ok is false where c is not a TCP connection that is still open.
func Of(c any) (info Info, ok bool) {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return Info{}, false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return Info{}, false
	}
	var got *unix.TCPInfo
	err = raw.Control(func(fd uintptr) {
		got, _ = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err != nil || got == nil {
		return Info{}, false
	}
	info = Info{
		SmoothedRTT: microseconds(got.Rtt), Silent: got.State == stateSynSent,
		Pending: got.Unacked > 0 || got.Notsent_bytes > 0 || got.State == stateClose,
	}
	if got.Min_rtt != noMinRTT {
		info.MinRTT = microseconds(got.Min_rtt)
	}
	return info, true
}

func microseconds(n uint32) time.Duration { return time.Duration(n) * time.Microsecond }
