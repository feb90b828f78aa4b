package punch

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/punchlab/punchlab/punch/internal/tcpinfo"
	"github.com/punchlab/punchlab/punch/rendezvous"
)

// Report is what one peer saw of an attempt. Fields that were not reached are zero; times carry the monotonic clock.
type Report struct {
	Strategy string         // what was tried
	Via      string         // the strategy that won, empty if none did
	Accepted bool           // the winning connection came to our listener; otherwise we dialled it
	Local    netip.AddrPort // our end of the connection to the server
	Observed netip.AddrPort // where the server saw us
	Peer     netip.AddrPort // where the server saw the peer

	Introduced  time.Time // the introduction was read, and Config.Hold had passed
	Established time.Time // the winning connection came up at this end
	Proven      time.Time // both proofs were checked here, as far as this end can know

	SYNs      int                  // connections that we began towards the peer
	Refusals  int                  // SYNs that the network answered with an error
	Silences  int                  // SYNs that were replaced since no answer came
	Strangers int                  // connections that came up and did not prove themselves
	PeerLeft  rendezvous.Departure // how the peer left the server during the attempt; empty if it did not

	RTT           time.Duration // shortest round trip on the winning connection; of the relay, to the server
	RendezvousRTT time.Duration // shortest round trip to the server
	PeerRTT       time.Duration // what the server told: not less than the round trip between the peers
	LastError     error         // the last thing that went wrong on the way, also of an attempt that succeeded
}

// seen says in words what came of the SYNs.
func (r Report) seen() string {
	parts := []string{fmt.Sprintf("%d SYNs, %d refused, %d replaced unanswered", r.SYNs, r.Refusals, r.Silences)}
	if r.Strangers > 0 {
		parts = append(parts, fmt.Sprintf("%d connections to somebody else", r.Strangers))
	}
	if r.PeerLeft != "" {
		parts = append(parts, fmt.Sprintf("the peer left the server (%s)", r.PeerLeft))
	}
	if r.LastError != nil {
		parts = append(parts, fmt.Sprintf("last: %v", r.LastError))
	}
	return strings.Join(parts, "; ")
}

// roundTrip is the shortest round trip that the kernel saw on the connection, or zero.
func roundTrip(conn net.Conn) time.Duration {
	info, _ := tcpinfo.Of(inner(conn))
	return info.RTT()
}

// handshakeRTT corrects what the kernel says about a connection that we dialled. Where SYNs crossed, our socket answered
// the peer's SYN by a SYN-ACK of its own, and Linux counts the round trip from that one, although the answer was to the
// SYN before it: the figure is too short, by up to the whole. There the time from SYN to connection is right. It
// is too long where our SYN died and a later one of the peer's was answered: by the peer's lateness, which is more than
// a round trip. The bound that the server told decides between the two.
func handshakeRTT(kernel, handshake, bound time.Duration) time.Duration {
	if kernel > handshake/2 || handshake <= bound+bound/2 {
		return handshake
	}
	return kernel
}
