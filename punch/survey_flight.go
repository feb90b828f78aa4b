package punch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/punchlab/punchlab/punch/internal/hops"
	"github.com/punchlab/punchlab/punch/rendezvous"
)

const (
	// samples is how many spare ports show how a NAT gives out ports: as many as the roles below need.
	samples = 8
	// firstHole and lastHole are the TTLs that are tried. With 1 a SYN dies in the first router, which may be the NAT
	// itself; behind 6 routers there is the Internet.
	firstHole, lastHole = 2, 6
	// walked is how far the walk goes: through a home's network and a carrier's.
	walked = 8
)

// The roles of the samples, by their number.
const (
	dialledBack        = 0 // is listened on, and asks the server for dial-backs
	hairpinX, hairpinY = 1, 2
	holes              = 3 // from here on, each sends a SYN with a TTL of its own, from firstHole on
)

// flight is what leaves in one visit to the network, whereby the order of the SYNs is known.
//
// The first port of ours has a connection to each of the server's endpoints: how does its mapping depend on the
// destination? Each further one has one to the first endpoint. All of them show how ports are given out.
type flight struct {
	s         *survey
	to        []netip.AddrPort // of the server, see choose
	elsewhere netip.AddrPort   // where dial-backs from its other address come from; not valid if there are none
	spares    []*net.TCPListener
	dials     []*dialing
	begun     time.Time
	holes     [lastHole - firstHole + 1]*dialing // with small TTLs, to elsewhere; nil where none has left
	walk      *hops.Walk
}

// leave lets everything leave that does not depend on what is found out. The caller closes the flight.
func (s *survey) leave(wanted part) (_ *flight, err error) {
	f := &flight{s: s, to: choose(s.reachable()), walk: new(hops.Walk)}
	if len(f.to) == 0 {
		return nil, fmt.Errorf("%w: it names no endpoint of its own that may be dialled", errUnseen)
	}
	defer func() {
		if err != nil {
			closeAll(f.dials)
			f.close()
		}
	}()
	if other := f.to[len(f.to)-1].Addr(); other != f.to[0].Addr() && s.dialPort != 0 {
		f.elsewhere = netip.AddrPortFrom(other, s.dialPort)
	}
	f.begun = time.Now()
	err = s.network.Do(func() error { return f.depart(wanted) })
	if err != nil {
		return nil, fmt.Errorf("opening some 40 sockets: %w", err)
	}
	for _, ln := range f.spares[1+holes:] {
		_ = ln.Close() // it would take in whom the SYN with the small TTL, which is all that may, does not
	}
	s.count(len(f.dials))
	return f, nil
}

// choose takes up to four endpoints: the first; another port of its address; another address; and another port of that.
func choose(all []netip.AddrPort) (chosen []netip.AddrPort) {
	add := func(wanted func(netip.AddrPort) bool) bool {
		i := slices.IndexFunc(all, wanted)
		if i >= 0 {
			chosen = append(chosen, all[i])
		}
		return i >= 0
	}
	if !add(func(netip.AddrPort) bool { return true }) {
		return nil
	}
	first := chosen[0]
	add(func(e netip.AddrPort) bool { return e.Addr() == first.Addr() && e != first })
	if add(func(e netip.AddrPort) bool { return e.Addr() != first.Addr() }) {
		other := chosen[len(chosen)-1]
		add(func(e netip.AddrPort) bool { return e.Addr() == other.Addr() && e != other })
	}
	return chosen
}

// depart is called inside of the network.
func (f *flight) depart(wanted part) error {
	for range 1 + samples {
		ln, err := spare()
		if err != nil {
			return err
		}
		f.spares = append(f.spares, ln)
	}
	var shots []shot
	for _, to := range f.to {
		shots = append(shots, shot{from: portOf(f.spares[0]), to: to})
	}
	for _, ln := range f.spares[1:] {
		shots = append(shots, shot{from: portOf(ln), to: f.to[0]})
	}
	var err error
	if f.dials, err = volley(Here, shots); err != nil || wanted&partArming == 0 {
		return err
	}
	w, err := hops.Start(f.to[0], walked)
	switch {
	case err == nil:
		f.walk = w
		f.s.count(walked)
	case !errors.Is(err, errors.ErrUnsupported):
		return err
	}
	return nil
}

// spare takes a port that nobody uses.
func spare() (*net.TCPListener, error) {
	return listen(Here, netip.AddrPortFrom(netip.IPv4Unspecified(), freshPort))
}

func portOf(ln *net.TCPListener) uint16 { return ln.Addr().(*net.TCPAddr).AddrPort().Port() }

// asks says what is asked on a connection.
func (f *flight) asks(wanted part, d *dialing) (q question) {
	sample := slices.IndexFunc(f.spares, func(ln *net.TCPListener) bool { return portOf(ln) == d.shot.from }) - 1
	switch {
	case f.s.dialPort == 0 || sample < 0:
	case sample == dialledBack:
		q.dials = []rendezvous.Dial{rendezvous.OtherPort, rendezvous.OtherAddress}
	case sample >= holes && wanted&partArming != 0 && canArm && f.elsewhere.IsValid():
		q.dials = []rendezvous.Dial{rendezvous.OtherAddress}
		q.first = func() { f.dig(sample-holes, d.shot.from) }
	}
	return q
}

// dig sends a SYN with a small TTL from a port that has a connection already, as the port of an attempt has: a NAT
// that closes on the ICMP error that comes of it may keep what a connection uses. The SYN is before the request to
// dial back, and so is its death.
func (f *flight) dig(i int, from uint16) {
	d, err := shoot(f.s.network, shot{from: from, to: f.elsewhere, ttl: firstHole + i})
	if err != nil {
		return // it is missing, and nobody comes in
	}
	f.s.count(1)
	f.holes[i] = d
}

// lineOf is the connection of a sample, or nil.
func (f *flight) lineOf(lines []*line, sample int) *line {
	for _, l := range lines {
		if l != nil && l.port() == portOf(f.spares[1+sample]) {
			return l
		}
	}
	return nil
}

// close gives up everything but the dials, which belong to who asks on them.
func (f *flight) close() {
	for _, ln := range f.spares {
		_ = ln.Close()
	}
	closeAll(slices.DeleteFunc(f.holes[:], func(d *dialing) bool { return d == nil }))
	f.walk.Close()
}
