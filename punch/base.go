package punch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// reachTimeout is how long to wait for one address of the server, and then for its welcome: long enough for two
// retransmissions of a lost segment, which leave after one and three seconds (RFC 6298, 2.1 and 5.5).
const reachTimeout = 5 * time.Second

// base is the local port of an attempt: the connection to the server that is dialled from it, whose mapping in the NATs
// is what the peer aims at, and the listener on it. The connection stays open during the attempt, as some NATs
// forget the mapping with it.
type base struct {
	conn     *net.TCPConn
	client   *rendezvous.Client
	listener *net.TCPListener // nil if the strategy relays
	lent     bool             // the connection belongs to somebody else now
}

// reach opens a base towards the first address of the server that answers.
func reach(ctx context.Context, cfg Config) (*base, error) {
	var failed []error
	for _, at := range cfg.Rendezvous {
		b, err := open(ctx, cfg.Network, at, !cfg.Strategy.relays())
		if err == nil {
			return b, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failed = append(failed, fmt.Errorf("reaching %s: %w", at, err))
	}
	return nil, fmt.Errorf("%w: %w", ErrRendezvous, errors.Join(failed...))
}

// open listens and dials in one visit to the network.
func open(ctx context.Context, network Network, server netip.AddrPort, listens bool) (_ *base, err error) {
	b := new(base)
	defer func() {
		if err != nil && b.listener != nil {
			_ = b.listener.Close()
		}
	}()
	var d *dialing
	err = network.Do(func() (err error) {
		port := uint16(freshPort)
		if listens {
			if b.listener, err = listen(Here, netip.AddrPortFrom(netip.IPv4Unspecified(), freshPort)); err != nil {
				return err
			}
			port = b.listener.Addr().(*net.TCPAddr).AddrPort().Port()
		}
		d, err = dial(Here, port, server)
		return err
	})
	if err != nil {
		return nil, err
	}
	if b.conn, err = d.wait(ctx, d.born.Add(reachTimeout)); err != nil {
		return nil, err
	}
	b.client = rendezvous.NewClient(b.conn)
	return b, nil
}

func (b *base) local() netip.AddrPort { return b.conn.LocalAddr().(*net.TCPAddr).AddrPort() }

// server is the address that the connection goes to.
func (b *base) server() netip.Addr {
	return endpoint(b.conn.RemoteAddr()).Addr()
}

// close says bye to the server and closes both sockets.
func (b *base) close() {
	if b.listener != nil {
		_ = b.listener.Close()
	}
	if !b.lent {
		holdBack(b.conn)
		_ = b.client.Bye(context.Background()) // one small segment: it does not wait
		_ = b.client.Close()
	}
}
