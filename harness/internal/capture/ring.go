package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is the packet socket of one interface and the memory that the kernel
// copies packets to (Documentation/networking/packet_mmap.rst, TPACKET_V2).
// A copy that is made at once leaves the packet itself alone, wakes nobody and
// needs no system call to be read. What a socket would queue instead are the
// packets themselves, a kilobyte and more each, in a buffer that
// net.core.rmem_max limits to some three hundred of them.
//
// A socket that is bound to one interface is met by that interface's packets
// alone, and counts by itself what it lost. One for a whole namespace would see
// a packet on a bridge's port and again on the bridge; and before Linux 6.15
// every packet of the machine meets the unbound sockets of all namespaces
// (net/core/dev.c, ptype_all).
type ring struct {
	fd     int
	memory []byte
	next   int // the frame that the kernel fills next
}

const (
	// frameSize is that of each packet's place: the kernel's header, and
	// SnapLength bytes of the packet.
	frameSize = 256
	// frameHead is where a packet begins, at the least: behind the kernel's
	// header, the address and a gap (net/packet/af_packet.c, tpacket_rcv).
	frameHead = 80
	// SnapLength is enough of a packet for both headers with all options that
	// Linux sends, or an ICMP error with what it quotes of those.
	SnapLength = frameSize - frameHead
	// blockSize is what the kernel allocates in one piece.
	blockSize = 64 << 10
	// addressOffset is where a frame has its struct sockaddr_ll.
	addressOffset = (int(unsafe.Sizeof(unix.Tpacket2Hdr{})) + unix.TPACKET_ALIGNMENT - 1) &^ (unix.TPACKET_ALIGNMENT - 1)
)

// newSocket opens the socket of a ring, in the namespace of the calling
// thread. It sees nothing until it is told to listen.
func newSocket() (*ring, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket AF_PACKET", err)
	}
	return &ring{fd: fd}, nil
}

// prepare gives the socket its memory and binds it to an interface. It waits
// for the kernel's readers (packet_set_ring, synchronize_net), some ten
// milliseconds in which the processor is free.
func (r *ring) prepare(device string, blocks int) error {
	index, err := r.index(device)
	if err != nil {
		return err
	}
	if err := r.rest(); err != nil {
		return err
	}
	for _, option := range []struct {
		level, name, value int
		what               string
	}{
		{unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2, "PACKET_VERSION"},
		// The stamp of arrival, and of departure, instead of the copy's.
		{unix.SOL_PACKET, unix.PACKET_TIMESTAMP, unix.SOF_TIMESTAMPING_SOFTWARE, "PACKET_TIMESTAMP"},
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS"},
	} {
		if err := unix.SetsockoptInt(r.fd, option.level, option.name, option.value); err != nil {
			return os.NewSyscallError("setsockopt "+option.what, err)
		}
	}
	request := unix.TpacketReq{
		Block_size: blockSize, Block_nr: uint32(blocks),
		Frame_size: frameSize, Frame_nr: uint32(blocks * (blockSize / frameSize)),
	}
	if err := unix.SetsockoptTpacketReq(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return os.NewSyscallError("setsockopt PACKET_RX_RING", err)
	}
	if r.memory, err = unix.Mmap(r.fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return os.NewSyscallError("mmap", err)
	}
	all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL)) // others see no departures
	return os.NewSyscallError("bind", unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}))
}

// index is the number of an interface of the socket's namespace.
func (r *ring) index(device string) (int, error) {
	request, err := unix.NewIfreq(device)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(r.fd, unix.SIOCGIFINDEX, request); err != nil {
		return 0, fmt.Errorf("interface %s: %w", device, err)
	}
	return int(request.Uint32()), nil
}

// listen lets packets in from now on.
func (r *ring) listen() error { return r.attend(filter(SnapLength), 0) }

// rest keeps packets out. The socket stays, as it costs more to open than a
// resting one costs: a call for each packet that arrives, and less for one that
// leaves.
func (r *ring) rest() error { return r.attend(filter(0), 1) }

func (r *ring) attend(program []unix.SockFilter, ignoreOutgoing int) error {
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	err := unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog)
	if err != nil {
		return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", err)
	}
	err = unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, ignoreOutgoing)
	return os.NewSyscallError("setsockopt PACKET_IGNORE_OUTGOING", err)
}

// sight is a packet in a ring. Its bytes are valid until the ring goes on.
type sight struct {
	seconds, nanoseconds uint32
	out, unsummed        bool
	data                 []byte
	length               int
}

// each shows all packets that are there, the oldest first, and gives their
// places back.
func (r *ring) each(show func(sight)) {
	for {
		frame := r.memory[r.next*frameSize:][:frameSize]
		head := (*unix.Tpacket2Hdr)(unsafe.Pointer(&frame[0]))
		status := atomic.LoadUint32(&head.Status)
		if status&unix.TP_STATUS_USER == 0 {
			return
		}
		address := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&frame[addressOffset]))
		show(sight{
			seconds: head.Sec, nanoseconds: head.Nsec,
			out:      address.Pkttype == unix.PACKET_OUTGOING,
			unsummed: status&unix.TP_STATUS_CSUMNOTREADY != 0,
			data:     frame[head.Net:][:min(int(head.Snaplen), frameSize-int(head.Net))],
			length:   int(head.Len),
		})
		atomic.StoreUint32(&head.Status, unix.TP_STATUS_KERNEL)
		r.next = (r.next + 1) % (len(r.memory) / frameSize)
	}
}

// lost is how many packets found no free place since the last call.
func (r *ring) lost() (uint64, error) {
	stats, err := unix.GetsockoptTpacketStats(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, os.NewSyscallError("getsockopt PACKET_STATISTICS", err)
	}
	return uint64(stats.Drops), nil
}

// close waits for the kernel's readers, as prepare does.
func (r *ring) close() error {
	var err error
	if r.memory != nil {
		err = os.NewSyscallError("munmap", unix.Munmap(r.memory))
		r.memory = nil
	}
	return errors.Join(err, os.NewSyscallError("close", unix.Close(r.fd)))
}
