package punch

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// dialing is a connection under way. Package net dials it, as it alone reaches the runtime's poller here.
type dialing struct {
	shot   shot
	born   time.Time
	cancel context.CancelFunc
	result chan dialed
	local  uint16 // its port, where somebody wanted to know
}

type dialed struct {
	conn *net.TCPConn
	err  error
}

// dial starts a connection to peer from the given local port, or from a fresh one if it is zero.
func dial(network Network, port uint16, peer netip.AddrPort) (*dialing, error) {
	return shoot(network, shot{from: port, to: peer})
}

// volley starts many connections in their order. Those that could be started are returned, and the first error.
func volley(network Network, shots []shot) (all []*dialing, err error) {
	for _, s := range shots {
		d, err := shoot(network, s)
		if err != nil {
			return all, err
		}
		all = append(all, d)
	}
	return all, nil
}

// shoot starts a connection.
func shoot(network Network, s shot) (*dialing, error) {
	if err := s.aim(0); err != nil {
		return nil, err
	}
	port, peer := s.from, s.to
	ctx, cancel := context.WithCancel(context.Background())
	d := &dialing{shot: s, born: time.Now(), cancel: cancel, result: make(chan dialed, 1)}
	dialer := net.Dialer{KeepAlive: -1}
	if port != 0 {
		dialer.LocalAddr, dialer.Control = &net.TCPAddr{Port: int(port)}, sharePort
	}
	err := network.Do(func() error {
		go func() {
			conn, err := dialer.DialContext(ctx, "tcp4", peer.String())
			tcp, _ := conn.(*net.TCPConn)
			d.result <- dialed{tcp, err}
		}()
		return nil
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return d, nil
}

// sharePort lets several sockets have one port.
func sharePort(_, _ string, c syscall.RawConn) error {
	var set error
	if err := c.Control(func(fd uintptr) {
		set = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
	}); err != nil {
		return err
	}
	return set
}

// wait returns the connection once it is up. It gives up on an error, when ctx ends, and at silence, if that is not
// zero (os.ErrDeadlineExceeded).
func (d *dialing) wait(ctx context.Context, silence time.Time) (*net.TCPConn, error) {
	var silent <-chan time.Time
	if !silence.IsZero() {
		timer := time.NewTimer(time.Until(silence))
		defer timer.Stop()
		silent = timer.C
	}
	select {
	case done := <-d.result:
		d.cancel()
		return done.conn, done.err
	case <-ctx.Done():
		d.close()
		return nil, ctx.Err()
	case <-silent:
		d.close()
		return nil, os.ErrDeadlineExceeded
	}
}

// port is not known before the connection is up.
func (d *dialing) port() uint16 { return 0 }

// close gives the attempt up.
func (d *dialing) close() {
	d.cancel()
	if done := <-d.result; done.conn != nil {
		_ = done.conn.Close()
	}
}
