package punch

import (
	"net"
	"net/netip"
)

// aim is a pair of endpoints between which a SYN of ours has gone, ours by its port.
type aim struct {
	from uint16
	to   netip.AddrPort
}

// aim keeps where SYNs are about to go from ports that somebody may listen on: what they meet there can be accepted
// before who has sent them knows that they have left.
func (a *state) aim(all ...shot) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range all {
		if s.from == freshPort {
			continue
		}
		if a.aimed == nil {
			a.aimed = map[aim]bool{}
		}
		a.aimed[aim{s.from, s.to}] = true
	}
}

// originOf is the origin of a connection that was accepted. Had a SYN of ours between the same endpoints still a socket,
// the connection would be that socket's.
func (a *state) originOf(conn *net.TCPConn) origin {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.aimed[aim{endpoint(conn.LocalAddr()).Port(), endpoint(conn.RemoteAddr())}] {
		return doubted
	}
	return accepted
}
