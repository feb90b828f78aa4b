package rendezvous

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/punchlab/punchlab/punch/internal/tcpinfo"
)

// When a dial-back counts as silent. Its answer takes one round trip of the probing connection, as it goes the same
// way; half of another and the slack are for what queues and busy machines add.
const (
	silentSlack   = 20 * time.Millisecond
	silentUnknown = 500 * time.Millisecond // where the round trip is not known
	// silentMost comes before the second after which the kernel would send the SYN again (RFC 6298, 2.1).
	silentMost = 900 * time.Millisecond
)

// inquiryRest is how long a client may take for its next probe, or to close: long enough for two retransmissions of a
// lost segment, which leave after one and three seconds (RFC 6298, 2.1 and 5.5).
const inquiryRest = 5 * time.Second

// inquire answers a client that wants to learn of its NAT, and tells how it left.
func (c *client) inquire(p *probe) (Departure, error) {
	at, ttl := c.observed(), synTTL(c.conn)
	for asked := 1; ; asked++ {
		if asked > MaxProbes {
			return Vanished, &Error{CodeProtocol, fmt.Sprintf("more than %d probes", MaxProbes)}
		}
		if err := c.write(&mapped{Type: typeMapped, Mapped: Mapped{Observed: at, TTL: ttl}}); err != nil {
			return Vanished, err
		}
		if err := c.dialBacks(p.Dial); err != nil {
			return Vanished, err
		}
		if err := c.patience(inquiryRest); err != nil {
			return Vanished, err
		}
		line, err := c.next()
		if err != nil {
			return Vanished, err
		}
		again, isProbe := line.(*probe)
		switch {
		case isProbe:
			p = again
		case line.kind() == typeBye:
			return SaidBye, nil
		default:
			return Vanished, outOfTurn(line)
		}
	}
}

// fate is what became of a dial-back, and how to end it once that has been told.
type fate struct {
	Dialled
	end func()
}

// dialBacks makes the dial-backs, all at once, and tells of each as soon as it is known.
func (c *client) dialBacks(kinds []Dial) (err error) {
	fates := make(chan fate)
	for _, which := range kinds {
		go func() { fates <- c.dialBack(which) }()
	}
	for range kinds {
		f := <-fates
		if err == nil {
			err = c.write(&dialled{Type: typeDialled, Dialled: f.Dialled})
		}
		f.end()
	}
	return err
}

// dialBack makes one dial-back, to the endpoint that the client's connection comes from and to nothing else: TCP's
// handshake has proven that somebody there wants to talk to us.
func (c *client) dialBack(which Dial) fate {
	f := fate{Dialled{Which: which, Outcome: Impossible}, func() {}}
	to, s := c.observed(), c.server
	f.From, f.Why = s.origin(which, plain(c.conn.LocalAddr()).Addr())
	switch {
	case f.Why != "":
		return f
	case !s.allowance.take(to.Addr(), time.Now()):
		f.Why = "too many dial-backs, try again later"
		return f
	}
	info, _ := tcpinfo.Of(c.conn)
	patience, enough := silence(info.RTT())
	outcome, end, err := knock(c.aborted, s.network(), f.From, to, patience)
	switch {
	case err != nil:
		f.Why = shorten(err.Error(), maxWhy)
	case outcome == Silent && !enough:
		f.Why = fmt.Sprintf("no answer within %s, and the client is too far away for that to mean anything", patience)
	default:
		f.Outcome, f.end = outcome, end
	}
	return f
}

// silence is how long a dial-back to a client with that round trip is waited for, and whether that is long enough for
// an answer to come.
func silence(rtt time.Duration) (patience time.Duration, enough bool) {
	if rtt <= 0 {
		return silentUnknown, true
	}
	patience = rtt + rtt/2 + silentSlack
	return min(patience, silentMost), patience <= silentMost
}

// here is the network of the process itself.
type here struct{}

func (here) Do(f func() error) error { return f() }

func (s *Server) network() Network {
	if s.Network == nil {
		return here{}
	}
	return s.Network
}

// origin is where a dial-back comes from, or why there is no such place.
func (s *Server) origin(which Dial, local netip.Addr) (from netip.AddrPort, why string) {
	switch {
	case s.DialPort == 0:
		return netip.AddrPort{}, "this server makes no dial-backs"
	case which == OtherPort:
		return netip.AddrPortFrom(local, s.DialPort), ""
	}
	for _, e := range s.reachable() {
		if e.Addr() != local && e.Addr().Is4() == local.Is4() {
			return netip.AddrPortFrom(e.Addr(), s.DialPort), ""
		}
	}
	return netip.AddrPort{}, "this server has no other address"
}
