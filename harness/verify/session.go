package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"

	"github.com/punchlab/punchlab/natprofiles"
)

// prober finds out about one protocol of the NAT in a scene.
type prober struct {
	*scene
	protocol protocol
	// hint is what the NAT is said to be. It tells how much to try, such as how
	// many ports to fill, and never what the result is.
	hint natprofiles.Profile
	// translates is what was measured: whether the NAT rewrites sources.
	translates bool
}

// transport is what is said of the prober's protocol.
func (p *prober) transport() natprofiles.Transport { return transportOf(p.hint, p.protocol) }

func transportOf(profile natprofiles.Profile, of protocol) natprofiles.Transport {
	if of == udp {
		return profile.UDP
	}
	return profile.TCP
}

// session is an attempt of an inside endpoint to talk to a remote one.
type session struct {
	inside, remote endpoint
	sent           packet // as it left the inside host
	seen           packet // as it arrived at the remote endpoint
	passed         bool   // it did arrive
	refusal        word   // what the inside host got instead
}

// external is the endpoint that the remote one sees.
func (s session) external() netip.AddrPort { return s.seen.source }

// pair is an inside endpoint and a remote one.
type pair struct{ inside, remote endpoint }

// errNoPort says that a probe needs more ports than the NAT is said to have.
var errNoPort = errors.New("the range of ports is too small for this probe")

// every is every port that a probe uses.
var every = []natprofiles.Interval{{Lo: leastPort, Hi: math.MaxUint16}}

// port is a port that nobody has had yet, inside or outside; where ports are
// said to be preserved, one that may be, if there is one left.
func (p *prober) port() (uint16, error) {
	if t := p.transport(); t.Ports.Allocation == natprofiles.Preserve {
		if port, ok := p.untaken(t.Ports.Range); ok {
			return port, nil
		}
	}
	if port, ok := p.untaken(every); ok {
		return port, nil
	}
	return 0, unmeasurable(errNoPort)
}

// untaken draws a port out of ranges that nobody has had yet.
func (p *prober) untaken(ranges []natprofiles.Interval) (port uint16, ok bool) {
	total := 0
	for _, r := range ranges {
		total += portsOf(r)
	}
	at := rand.IntN(max(total, 1))
	for range total {
		if port := nth(ranges, at); port >= leastPort && !p.taken[p.protocol][port] {
			p.taken[p.protocol][port] = true
			return port, true
		}
		at = (at + 1) % total
	}
	return 0, false
}

// leastPort is the first port that is not well-known, of which Linux's NAT
// keeps ranges of their own (net/netfilter/nf_nat_core.c,
// nf_nat_l4proto_unique_tuple).
const leastPort = 1024

func portsOf(i natprofiles.Interval) int { return int(i.Hi) - int(i.Lo) + 1 }

// nth is the n-th port of all ranges.
func nth(ranges []natprofiles.Interval, n int) uint16 {
	for _, r := range ranges {
		if n < portsOf(r) {
			return r.Lo + uint16(n)
		}
		n -= portsOf(r)
	}
	return 0
}

// local is a new endpoint of an inside host.
func (p *prober) local(at *station) (endpoint, error) {
	port, err := p.port()
	return endpoint{at, netip.AddrPortFrom(at.addrs[0], port)}, err
}

// opening is the packet by which an endpoint opens a session: a SYN or a
// datagram.
func (p *prober) opening(from, to endpoint) shot {
	return shot{from.at, p.stamped(packet{
		protocol: p.protocol, source: from.AddrPort, target: to.AddrPort,
		flags: syn, sequence: p.initial(), options: synOptions,
	})}
}

// initial is an initial sequence number. They grow, as those of a host's
// successive connections do (RFC 9293 section 3.4.1), which connection tracking
// expects of one that begins anew.
func (s *scene) initial() uint32 {
	const growth = 4096
	s.isn += growth
	return s.isn
}

// synOptions announce a segment size, selective acknowledgements and no scaling
// of windows (RFC 9293 section 3.2, RFC 2018 section 2).
var synOptions = []byte{2, 4, 0x05, 0xb4, 4, 2, 1, 1}

// stamped gives a packet what tells it from all others: an ID, and of UDP a
// content.
func (s *scene) stamped(p packet) packet {
	s.ids++
	p.id, p.ttl = s.ids, probeTTL
	if p.protocol == udp {
		p.flags, p.sequence, p.options = 0, 0, nil
		p.payload = binary.BigEndian.AppendUint32([]byte("probe "), rand.Uint32())
	}
	return p
}

// open sends the first packet of each session, in order.
func (p *prober) open(pairs ...pair) ([]session, error) {
	sessions := make([]session, len(pairs))
	byID := map[uint16]*session{}
	var shots []shot
	for i, pr := range pairs {
		s := p.opening(pr.inside, pr.remote)
		sessions[i] = session{inside: pr.inside, remote: pr.remote, sent: s.packet}
		byID[s.id] = &sessions[i]
		shots = append(shots, s)
	}
	arrived, err := p.shoot(shots...)
	if err != nil {
		return nil, err
	}
	for _, a := range arrived {
		if s := byID[a.id]; s != nil && a.at == s.remote.at && a.target == s.remote.AddrPort && sameContent(a.packet, s.sent) {
			s.seen, s.passed = a.packet, true
			p.taken[p.protocol][a.source.Port()] = true
		}
	}
	for i := range sessions {
		if s := &sessions[i]; !s.passed {
			s.refusal = p.answerTo(shot{s.inside.at, s.sent}, arrived)
		}
	}
	return sessions, nil
}

// sameContent says whether a packet carries what another one does.
func sameContent(a, b packet) bool {
	return a.protocol == b.protocol && a.flags == b.flags && string(a.payload) == string(b.payload)
}

// errRefused says that no packet came out of a NAT that must let one out for
// a probe to go on.
var errRefused = errors.New("a packet from inside did not come out")

// opened opens one session, which must pass.
func (p *prober) opened(inside, remote endpoint) (session, error) {
	sessions, err := p.open(pair{inside, remote})
	if err != nil {
		return session{}, err
	}
	if s := sessions[0]; s.passed {
		return s, nil
	}
	return session{}, unmeasurable(errRefused)
}

// begun opens a session of an inside host with a new endpoint to a new remote
// one.
func (p *prober) begun(at *station, remote endpoint) (session, error) {
	local, err := p.local(at)
	if err != nil {
		return session{}, err
	}
	return p.opened(local, remote)
}

// unmeasured says why a field could not be measured. That is a finding about
// the NAT, and not an error of the lab.
type unmeasured struct{ reason error }

func (u unmeasured) Error() string { return u.reason.Error() }

func unmeasurable(reason error) error { return unmeasured{reason} }

// word is a value of a field in the words of a profile, or what there is
// instead.
type word = string

func wordf(format string, args ...any) word { return fmt.Sprintf(format, args...) }
