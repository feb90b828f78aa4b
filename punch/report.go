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

	Us, Them Classification // of both peers' NATs, as far as the strategy wanted to know
	Notes    []string       // what else the caller should know: what was done otherwise than meant, and why

	RTT           time.Duration // shortest round trip on the winning connection; of the relay, to the server
	RendezvousRTT time.Duration // shortest round trip to the server
	PeerRTT       time.Duration // what the server told: not less than the round trip between the peers
	LastError     error         // the last thing that went wrong on the way, also of an attempt that succeeded
}

// seen says in words what came of the SYNs.
func (r Report) seen() string {
	parts := []string{fmt.Sprintf("%s, %d refused, %d replaced unanswered", counted(r.SYNs, "SYN"), r.Refusals, r.Silences)}
	if r.Strangers > 0 {
		parts = append(parts, counted(r.Strangers, "connection")+" to somebody else")
	}
	if r.PeerLeft != "" {
		parts = append(parts, fmt.Sprintf("the peer left the server (%s)", r.PeerLeft))
	}
	if r.LastError != nil {
		parts = append(parts, fmt.Sprintf("last: %v", r.LastError))
	}
	return strings.Join(parts, "; ")
}

// counted is a number with its noun, which takes an s in the plural.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// roundTrip is the shortest round trip that the kernel saw on the connection, or zero.
func roundTrip(conn net.Conn) time.Duration {
	info, _ := tcpinfo.Of(inner(conn))
	return info.RTT()
}

// rttSlack is the difference of two round trips below which nobody looks for a cause: hosts are late by as much.
const rttSlack = time.Millisecond

// handshakeRTT corrects what the kernel says about a connection that we dialled. Where SYNs crossed, our socket answered
// the peer's SYN by a SYN-ACK of its own, and Linux counts the round trip from that one, although the answer was to the
// SYN before it: the figure is too short, by up to the whole. There the time from SYN to connection is right, or late by
// as much as this host was; the bound that the server told caps it.
//
// Everywhere else the kernel is right. Its figure is taken where it reaches the bound, which it cannot do if it is too
// short; where both agree; and where the handshake took much longer than the bound: our SYN has died and a later one
// of the peer's was answered, or this host was late. Without a bound (zero), nothing tells these cases apart.
func handshakeRTT(kernel, handshake, bound time.Duration) time.Duration {
	if kernel >= bound-rttSlack || handshake <= kernel+rttSlack || handshake > bound+bound/2 {
		return kernel
	}
	return min(handshake, bound)
}
