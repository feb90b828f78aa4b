package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// station is a place on a link where packets made by hand are sent and seen: a
// host, whose own kernel says nothing, or a device of a router. It belongs to
// one goroutine.
type station struct {
	name   string
	addrs  []netip.Addr
	device net.Interface
	fd     int
}

// place is where sockets can be born: a host or a router of a lab.
type place interface{ Do(f func() error) error }

// receiveBuffer takes the packets between two looks at a station. The kernel
// may grant less, and tells of every packet that found no room.
const receiveBuffer = 4 << 20

// openStation opens a packet socket on a device. It sees every IPv4 packet that
// arrives there, before the kernel does anything with it.
func openStation(at place, name, device string, addrs []netip.Addr) (*station, error) {
	s := &station{name: name, addrs: addrs, fd: -1}
	err := at.Do(func() error {
		link, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		s.device = *link
		s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket(AF_PACKET)", err)
		}
		return nil
	})
	if err == nil {
		err = s.listen()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, errors.Join(err, s.close()))
	}
	return s, nil
}

func (s *station) listen() error {
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		// A user namespace may not go beyond the machine's limit.
		if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return os.NewSyscallError("setsockopt(SO_RCVBUF)", err)
		}
	}
	if err := unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return os.NewSyscallError("setsockopt(PACKET_AUXDATA)", err)
	}
	err := unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_IP), Ifindex: s.device.Index})
	return os.NewSyscallError("bind", err)
}

func networkOrder(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

func (s *station) close() error {
	if s.fd < 0 {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(s.fd))
}

// send puts a packet on the link, for the station's neighbour with that
// hardware address. It asks no routing table.
func (s *station) send(p packet, to net.HardwareAddr) error {
	addr := &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_IP), Ifindex: s.device.Index, Halen: uint8(len(to))}
	copy(addr.Addr[:], to)
	if err := unix.Sendto(s.fd, p.encode(), 0, addr); err != nil {
		return fmt.Errorf("%s: %w", s.name, os.NewSyscallError("sendto", err))
	}
	return nil
}

// largest is more than any packet of a probe has.
const largest = 2048

// receive takes the next packet that has arrived, if there is one.
func (s *station) receive() (p packet, ok bool, err error) {
	var buf [largest]byte
	var control [64]byte
	for {
		n, controls, _, from, err := unix.Recvmsg(s.fd, buf[:], control[:], 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return packet{}, false, nil
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return packet{}, false, fmt.Errorf("%s: %w", s.name, os.NewSyscallError("recvmsg", err))
		}
		link, is := from.(*unix.SockaddrLinklayer)
		if !is || link.Pkttype != unix.PACKET_HOST {
			continue // a bridge floods what is for others
		}
		unfinished, err := checksumUnfinished(control[:controls])
		if err != nil {
			return packet{}, false, fmt.Errorf("%s: %w", s.name, err)
		}
		if p, ok := decode(append([]byte(nil), buf[:n]...), unfinished); ok {
			return p, true, nil
		}
	}
}

// checksumUnfinished says whether the kernel that made the packet has left its
// checksum to the hardware, which a veth pair does not have (packet(7),
// TP_STATUS_CSUMNOTREADY).
func checksumUnfinished(control []byte) (bool, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return false, os.NewSyscallError("recvmsg", err)
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA && len(m.Data) >= 4 {
			return binary.NativeEndian.Uint32(m.Data)&unix.TP_STATUS_CSUMNOTREADY != 0, nil
		}
	}
	return false, nil
}

// missed counts the packets that found no room since it was asked last.
func (s *station) missed() (uint32, error) {
	stats, err := unix.GetsockoptTpacketStats(s.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.name, os.NewSyscallError("getsockopt(PACKET_STATISTICS)", err))
	}
	return stats.Drops, nil
}
