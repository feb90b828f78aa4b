package punch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// Network is where the sockets of one host are born. Do runs f there, once, and returns its error. The functions given
// to it open and bind sockets, listen, and start non-blocking connects; they never wait. Everything else that is done
// with a socket is done outside, since a socket stays in the network that it was born in.
type Network interface {
	Do(f func() error) error
}

// Here is the network that the program runs in.
var Here Network = here{}

type here struct{}

func (here) Do(f func() error) error { return f() }

// Listen opens a listener in the given network for a rendezvous server, or for anything else: plain TCP without
// multipath, as the peers' own listeners are, and accepted connections keep the kernel's default of no keep-alive.
func Listen(network Network, at netip.AddrPort) (*net.TCPListener, error) {
	return listen(network, at)
}

// listen leaves MPTCP off, which Go asks for by default since 1.24 and which adds an option to the SYN-ACK, and shares
// the port with the connections that are dialled from it.
func listen(network Network, at netip.AddrPort) (ln *net.TCPListener, err error) {
	config := net.ListenConfig{Control: sharePort, KeepAlive: -1}
	config.SetMultipathTCP(false)
	err = network.Do(func() error {
		l, err := config.Listen(context.Background(), "tcp4", at.String()) // a literal address: nothing is looked up
		if err != nil {
			return fmt.Errorf("listen on %s: %w", at, err)
		}
		ln = l.(*net.TCPListener)
		return nil
	})
	return ln, err
}
