package story

import (
	"net/netip"
	"time"
)

// Journey is one packet on its way: every sight of it, joined across the translations.
type Journey struct {
	Hops []Hop
	End  End

	// Where is the station where it ended; of a packet lost on a link, the last one that it was seen to leave.
	Where int
	// Why is what the lab said of a loss; empty elsewhere.
	Why string
	// Answer is the journey of the RST, the ICMP error or the SYN-ACK that answered it where it ended, or -1.
	Answer int
	// About is the journey that this one answers, or -1.
	About int
	// CopyOf is the journey that this one was doubled from on a link, or -1.
	CopyOf int
}

// Hop is one sight of a packet.
type Hop struct {
	At                  time.Time
	Packet              int // index in the recording
	Station             int
	Side                Side
	Out                 bool // it left the station; otherwise it came
	Source, Destination netip.AddrPort
	TTL                 uint8
}

// End is how a journey ended.
type End string

// The ends. Arrived is at a host that did not refuse it, and does not say that it was wanted.
const (
	Arrived     End = "arrived"
	HostReset   End = "refused by the host" // which answered RST
	Dropped     End = "dropped"             // came to a NAT, or a router, that neither passed it on nor answered
	NATReset    End = "reset by the NAT"    // which answered RST
	Unreachable End = "ICMP error"          // other than about its TTL
	TTLExpired  End = "TTL ran out"
	LinkLost    End = "lost on a link"       // left one station and never came to the next
	Unseen      End = "not seen any further" // by a capture that lost packets there
	UnderWay    End = "still under way"      // when watching ended
)

// first and last are the sights at both ends.
func (j *Journey) first() *Hop { return &j.Hops[0] }
func (j *Journey) last() *Hop  { return &j.Hops[len(j.Hops)-1] }

// refused tells that somebody answered that it is not wanted.
func (j *Journey) refused() bool {
	return j.End == HostReset || j.End == NATReset || j.End == Unreachable
}

// left is when the journey left a station by its outside, and with which endpoints.
func (j *Journey) left(station int) (Hop, bool) { return j.seen(station, Outside, true) }

// entered is when the journey came to the outside of a station.
func (j *Journey) entered(station int) (Hop, bool) { return j.seen(station, Outside, false) }

func (j *Journey) seen(station int, side Side, out bool) (Hop, bool) {
	for _, h := range j.Hops {
		if h.Station == station && h.Side == side && h.Out == out {
			return h, true
		}
	}
	return Hop{}, false
}
