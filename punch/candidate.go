package punch

import (
	"net"
	"net/netip"
	"time"
)

// origin tells how a connection came about at this end.
type origin int

const (
	accepted origin = iota // somebody connected to our port
	dialled                // we connected to where the peer should be
	doubted                // as accepted, where a SYN of ours between the same two endpoints must have come to nothing before
)

// candidate is a connection that is up and whose other end may or may not be the peer. Its arbiter guards it.
type candidate struct {
	conn   net.Conn
	origin origin
	via    string    // the strategy that brought it about
	born   time.Time // when our SYN left; zero if it was none of ours that brought it about
	up     time.Time
	sent   bool          // our proof has left on it, and it lived
	proven bool          // the peer's proof has been read on it
	tested bool          // it is waited for our proof's arrival
	lost   chan struct{} // closed when it is out of the race, and not by the victory of another
}

// from tells whether the other end of c has the given address.
func (c *candidate) from(addr netip.Addr) bool {
	return endpoint(c.conn.RemoteAddr()).Addr() == addr
}

// reset closes a connection that nobody needs so that nothing of it stays: no TIME-WAIT would block its two endpoints.
func reset(conn net.Conn) {
	if tcp, ok := inner(conn).(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// inner is the connection inside of a relayed one.
func inner(conn net.Conn) net.Conn {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		return wrapped.NetConn()
	}
	return conn
}
