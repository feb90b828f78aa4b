// Package punch gets a TCP connection through between two peers that both stand behind NATs.
//
// Two peers that share a [Secret] call [Connect] with the same strategy at about the same time. A rendezvous server
// (package rendezvous) introduces them; then they try to reach each other directly, by what the [Strategy] says. Whoever
// is connected proves to the other that it knows the secret, and only then is the connection handed out, as an ordinary
// [net.Conn]. What was seen on the way is in the [Report], after a failure too.
//
// The proof tells who is at the other end when the connection begins. It neither encrypts nor protects what is sent
// afterwards: run TLS on the connection where that matters.
//
// IPv4 only. On Windows the strategies work as far as its sockets share a port; no promise is made there.
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
