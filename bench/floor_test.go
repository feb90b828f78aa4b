package bench_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/topologies"
)

// floorPort is where the floor's server listens, beside the engine's.
const floorPort = 4000

// floorTrial connects alice and bob by bare sockets.
func floorTrial(ctx context.Context, site *bench.Site) error {
	lab := site.Lab()
	server := lab.Host(topologies.Rendezvous)
	listener, err := server.Listen(ctx, ":4000")
	if err != nil {
		return err
	}
	defer listener.Close()
	at := netip.AddrPortFrom(server.Addrs()[0], floorPort)
	var errs [3]error
	var working sync.WaitGroup
	working.Go(func() { errs[0] = introduce(listener) })
	meet := new(sync.WaitGroup)
	meet.Add(2)
	for i, name := range []string{topologies.Alice, topologies.Bob} {
		working.Go(func() { errs[1+i] = floorPeer(lab.Host(name), at, meet) })
	}
	working.Wait()
	return errors.Join(errs[:]...)
}

// introduce tells each of two clients where it sees the other.
func introduce(listener net.Listener) error {
	var conns [2]net.Conn
	for i := range conns {
		c, err := listener.Accept()
		if err != nil {
			return err
		}
		conns[i] = c
		defer linger(c)
	}
	for i, c := range conns {
		other := netip.MustParseAddrPort(conns[1-i].RemoteAddr().String())
		addr := other.Addr().As4()
		if _, err := c.Write(binary.BigEndian.AppendUint16(addr[:], other.Port())); err != nil {
			return err
		}
	}
	_, _ = io.Copy(io.Discard, conns[0]) // until the peers have met
	return nil
}

// floorPeer asks the server for its peer, opens a connection towards it from
// the same port, and says a word. It closes when both have heard the other.
func floorPeer(host *harness.Host, server netip.AddrPort, meet *sync.WaitGroup) error {
	control, err := floorDial(host, 0, server)
	if err != nil {
		meet.Done()
		return err
	}
	defer linger(control)
	var peer [6]byte
	if _, err := io.ReadFull(control, peer[:]); err != nil {
		meet.Done()
		return err
	}
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte(peer[:4])), binary.BigEndian.Uint16(peer[4:]))
	conn, err := floorDial(host, netip.MustParseAddrPort(control.LocalAddr().String()).Port(), to)
	if err != nil {
		meet.Done()
		return err
	}
	defer linger(conn)
	_, wrote := conn.Write(make([]byte, 8))
	_, read := io.ReadFull(conn, make([]byte, 8))
	meet.Done()
	meet.Wait()
	return errors.Join(wrote, read)
}

// linger closes with a reset.
func linger(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// floorDial connects from a port that is shared.
func floorDial(host *harness.Host, port uint16, to netip.AddrPort) (net.Conn, error) {
	var file *os.File
	err := host.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		file = os.NewFile(uintptr(fd), "tcp")
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1),
			unix.Bind(fd, &unix.SockaddrInet4{Port: int(port)}),
			pending(unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})),
		)
	})
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	err = raw.Write(func(fd uintptr) bool {
		_, err := unix.Getpeername(int(fd))
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return net.FileConn(file)
}

func pending(err error) error {
	if errors.Is(err, unix.EINPROGRESS) {
		return nil
	}
	return err
}
