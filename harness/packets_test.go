package harness

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
)

// tap is a packet socket: it sees the IPv4 packets that come in by an
// interface, before any rule does.
type tap struct{ file *os.File }

func listenIn(t *testing.T, ns *kernel.Namespace, device string) tap {
	t.Helper()
	var file *os.File
	err := ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		file = os.NewFile(uintptr(fd), "packet socket")
		link, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		protocol := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_IP))
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: link.Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return tap{file}
}

// header is what the headers of a packet say (RFC 791 section 3.1).
type header struct {
	source, destination netip.Addr
	protocol, ttl       byte
	port                uint16 // of the source, of TCP and UDP
}

func parseHeader(packet []byte) header {
	return header{
		source:      netip.AddrFrom4([4]byte(packet[12:16])),
		destination: netip.AddrFrom4([4]byte(packet[16:20])),
		protocol:    packet[9], ttl: packet[8],
		port: binary.BigEndian.Uint16(packet[ipv4Header:]),
	}
}

// hopes is how long a packet may take that is sure to come.
const hopes = 10 * time.Second

// next is the next packet of a protocol to an address.
func (s tap) next(t *testing.T, protocol byte, to netip.Addr) header {
	t.Helper()
	h, err := s.await(hopes, protocol, to)
	if err != nil {
		t.Fatalf("waiting for a packet to %s: %v", to, err)
	}
	return h
}

func (s tap) await(d time.Duration, protocol byte, to netip.Addr) (header, error) {
	if err := s.file.SetReadDeadline(time.Now().Add(d)); err != nil {
		return header{}, err
	}
	buffer := make([]byte, 2048)
	for {
		n, err := s.file.Read(buffer)
		if err != nil {
			return header{}, err
		}
		if n < ipv4Header+udpHeader {
			continue
		}
		h := parseHeader(buffer)
		if h.destination == to && h.protocol == protocol {
			return h, nil
		}
	}
}

// sendDatagram sends a datagram from a namespace.
func sendDatagram(t *testing.T, ns *kernel.Namespace, to netip.Addr) {
	t.Helper()
	err := ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return errors.Join(unix.Sendto(fd, []byte("word"), 0, &unix.SockaddrInet4{Port: port, Addr: to.As4()}), unix.Close(fd))
	})
	if err != nil {
		t.Fatal(err)
	}
}
