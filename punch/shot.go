package punch

import (
	"net/netip"
	"time"
)

// shot is how one SYN is sent.
type shot struct {
	from    uint16         // the local port, which other sockets of ours may share; or freshPort
	to      netip.AddrPort // of the peer
	silence time.Duration  // how long it may go unanswered; or untilAnswered

	// ttl is the TTL of the SYN, where it is to die on its way: it opens the own NATs, and no other one hears of it. The
	// socket does not hear of the ICMP error either and answers the peer's SYN like any other (IP_MINTTL of ip(7): an
	// error that quotes a packet with a smaller TTL is ignored, tcp_v4_err of net/ipv4/tcp_ipv4.c). All that it sends
	// after the SYN has the ordinary TTL, a retransmission of the SYN too. 0 is the ordinary one.
	ttl int
	// deaf makes the socket ignore packets that were sent with a TTL of 64, as routers send their own resets; the SYN
	// leaves with 255, so that the peer, if it is deaf too, hears it (RFC 5082, the generalized TTL security mechanism).
	deaf bool
}

const (
	// errorTTL: a packet that dies of its TTL is quoted with what was left of it, 0 or 1 (RFC 792; RFC 1812, 5.3.1).
	errorTTL = 2
	// deafTTL and deafMinimum leave room for 127 routers, where paths have less than 64.
	deafTTL, deafMinimum = 255, 128
)

// plain tells that a system needs no particular option for the shot.
func (s shot) plain() bool { return s.ttl == 0 && !s.deaf }
