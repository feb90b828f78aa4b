package story

import (
	"net/netip"
	"slices"
	"time"
)

// epoch is when every situation begins.
var epoch = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// at is a moment of a situation, in milliseconds since its start.
func at(ms float64) time.Time { return epoch.Add(time.Duration(ms * float64(time.Millisecond))) }

// The endpoints of the situations: inside, as mapped, and of the rendezvous.
var (
	aliceAt, aliceOut = netip.MustParseAddrPort("192.168.1.2:4000"), netip.MustParseAddrPort("198.51.100.10:4000")
	bobAt, bobOut     = netip.MustParseAddrPort("192.168.2.2:5000"), netip.MustParseAddrPort("203.0.113.20:5000")
	server            = netip.MustParseAddrPort("192.0.2.10:7000")
)

// The times of a situation, in milliseconds: a router's own, and what the internet holds a packet for.
const (
	hopMS  = 0.05
	coreMS = 20
)

// situation composes a recording of what happens in a network. What NATs translate, and where packets die, is said and
// not simulated: a situation is the description of its packets.
type situation struct {
	Recording
	up   map[string]string                            // who stands behind whom
	maps map[string]map[netip.AddrPort]netip.AddrPort // of each NAT, inside to outside
	ids  uint16
	last sent
}

// sent is a packet of a situation when it has come to its end.
type sent struct {
	place string
	ms    float64
	seen  Packet // last
}

func newSituation(stations []Station, up map[string]string) *situation {
	s := &situation{up: up, maps: map[string]map[netip.AddrPort]netip.AddrPort{}}
	s.Start, s.Stations = epoch, stations
	for i, st := range stations {
		for child, parent := range up {
			if parent == st.Name {
				side := Inside
				if st.Role == Internet {
					side = AtCore
				}
				s.Legs = append(s.Legs, Leg{Station: i, Toward: s.station(child), Side: side})
			}
		}
		if parent, stands := up[st.Name]; stands {
			side := AtHost
			if st.Role == NAT {
				side = Outside
				s.maps[st.Name] = map[netip.AddrPort]netip.AddrPort{}
			}
			s.Legs = append(s.Legs, Leg{Station: i, Toward: s.station(parent), Side: side})
		}
	}
	slices.SortStableFunc(s.Legs, func(a, b Leg) int { return (a.Station-b.Station)*100 + a.Toward - b.Toward })
	return s
}

func (s *situation) station(name string) int {
	return slices.IndexFunc(s.Stations, func(st Station) bool { return st.Name == name })
}

// on is a leg of a station.
func (s *situation) on(name, toward string) int {
	return slices.IndexFunc(s.Legs, func(l Leg) bool { return l.Station == s.station(name) && l.Toward == s.station(toward) })
}

func host(name string, address netip.AddrPort) Station {
	return Station{Name: name, Role: Peer, Addresses: []netip.Addr{address.Addr()}}
}

func nat(name string, external netip.AddrPort) Station {
	return Station{Name: name, Role: NAT, External: []netip.Addr{external.Addr()}}
}

var (
	internet   = Station{Name: "internet", Role: Internet}
	rendezvous = Station{Name: "rendezvous", Role: Rendezvous, Addresses: []netip.Addr{server.Addr()}}
)

// twoNATs is a network with a NAT in front of each peer, which keep their ports and were introduced.
func twoNATs() *situation {
	s := newSituation(
		[]Station{host("alice", aliceAt), nat("nat-a", aliceOut), internet, nat("nat-b", bobOut), host("bob", bobAt), rendezvous},
		map[string]string{"alice": "nat-a", "nat-a": "internet", "bob": "nat-b", "nat-b": "internet", "rendezvous": "internet"})
	s.maps["nat-a"][aliceAt], s.maps["nat-b"][bobAt] = aliceOut, bobOut
	s.introduce(aliceAt, bobAt, aliceOut, bobOut)
	return s
}

// oneNAT has none in front of bob.
func oneNAT() *situation {
	s := newSituation(
		[]Station{host("alice", aliceAt), nat("nat-a", aliceOut), internet, host("bob", bobOut), rendezvous},
		map[string]string{"alice": "nat-a", "nat-a": "internet", "bob": "internet", "rendezvous": "internet"})
	s.maps["nat-a"][aliceAt] = aliceOut
	s.introduce(aliceAt, bobOut, aliceOut, bobOut)
	return s
}

var carrierIn = netip.MustParseAddrPort("100.64.0.2:4000")

// doubleNAT has a carrier's NAT in front of alice's.
func doubleNAT() *situation {
	s := newSituation(
		[]Station{host("alice", aliceAt), nat("nat-a", carrierIn), nat("carrier", aliceOut), internet, nat("nat-b", bobOut), host("bob", bobAt), rendezvous},
		map[string]string{"alice": "nat-a", "nat-a": "carrier", "carrier": "internet", "bob": "nat-b", "nat-b": "internet", "rendezvous": "internet"})
	s.maps["nat-a"][aliceAt], s.maps["carrier"][carrierIn], s.maps["nat-b"][bobAt] = carrierIn, aliceOut, bobOut
	s.introduce(aliceAt, bobAt, aliceOut, bobOut)
	return s
}

var (
	neighbourAt  = netip.MustParseAddrPort("192.168.1.3:5000")
	neighbourOut = netip.AddrPortFrom(aliceOut.Addr(), 5000)
)

// sameNAT has both peers behind one.
func sameNAT() *situation {
	s := newSituation(
		[]Station{host("alice", aliceAt), nat("nat-a", aliceOut), internet, host("bob", neighbourAt), rendezvous},
		map[string]string{"alice": "nat-a", "bob": "nat-a", "nat-a": "internet", "rendezvous": "internet"})
	s.maps["nat-a"][aliceAt], s.maps["nat-a"][neighbourAt] = aliceOut, neighbourOut
	s.introduce(aliceAt, neighbourAt, aliceOut, neighbourOut)
	return s
}

func (s *situation) introduce(alice, bob, aliceSeen, bobSeen netip.AddrPort) {
	s.event(0, "alice", Event{Kind: Introduced, Local: alice, Remote: bobSeen})
	s.event(0, "bob", Event{Kind: Introduced, Local: bob, Remote: aliceSeen})
}

func (s *situation) event(ms float64, who string, e Event) {
	e.At, e.Station = at(ms), s.station(who)
	s.Events = append(s.Events, e)
}

// proven has both peers check their proofs.
func (s *situation) proven(ms float64) {
	s.event(ms, "alice", Event{Kind: Proven})
	s.event(ms, "bob", Event{Kind: Proven})
}

// how says what happens to a packet on its way.
type how struct {
	ttl   uint8
	dies  string                    // the station that it comes to and does not leave
	lost  string                    // the station that it leaves without coming to another
	cut   string                    // the station that it is last seen to leave since watching ends
	as    map[string]netip.AddrPort // what a NAT translates it to, other than before
	first Packet                    // its flags, numbers and options
}

// syn sends a SYN from one endpoint to another.
func (s *situation) syn(ms float64, from string, source, destination netip.AddrPort, h how) sent {
	h.first.Flags = SYN
	if h.first.Seq == 0 {
		h.first.Seq = 1000 * uint32(len(s.Packets)+1)
	}
	return s.send(ms, from, source, destination, h)
}

// send sends a packet of TCP: out of the NATs of its sender, through the internet, and in.
func (s *situation) send(ms float64, from string, source, destination netip.AddrPort, h how) sent {
	p := h.first
	if p.Protocol == 0 {
		p.Protocol = TCP
	}
	p.Source, p.Destination, p.TTL = source, destination, 64
	if h.ttl != 0 {
		p.TTL = h.ttl
	}
	if p.ID == 0 {
		s.ids++
		p.ID = s.ids
	}
	return s.walk(ms, from, p, h)
}

// walk records every sight of a packet.
func (s *situation) walk(ms float64, at string, p Packet, h how) sent {
	down := false
	for came := ""; ; came = at {
		next := s.next(at, &p, &down, came, h)
		if next == "" || h.lost == at && came == "" {
			return sent{at, ms, p}
		}
		s.see(ms, s.on(at, next), true, p)
		if h.lost == at || h.cut == at {
			return sent{at, ms, p}
		}
		from := at
		at, ms = next, ms+hopMS
		s.see(ms, s.on(at, from), false, p)
		if h.dies == at || s.is(at, Peer) || s.is(at, Rendezvous) {
			return sent{at, ms, p}
		}
		if ms += hopMS; s.is(at, Internet) {
			ms += coreMS
		}
		p.TTL--
	}
}

func (s *situation) is(name string, role Role) bool { return s.Stations[s.station(name)].Role == role }

func (s *situation) see(ms float64, leg int, out bool, p Packet) {
	p.At, p.Leg, p.Out = at(ms), leg, out
	s.Packets = append(s.Packets, p)
}

// next is where a station sends a packet to, which it translates.
func (s *situation) next(at string, p *Packet, down *bool, came string, h how) string {
	role := s.Stations[s.station(at)].Role
	switch {
	case role == Internet:
		*down = true
		return s.below(at, p.Destination.Addr())
	case role == NAT && came == "":
		return s.up[at] // its own answer, which goes out; inside ones say so by dies
	case role == NAT && *down:
		for in, out := range s.maps[at] {
			if out == p.Destination {
				p.Destination = in
				return s.below(at, in.Addr())
			}
		}
		return ""
	case role == NAT:
		out, known := h.as[at]
		if !known {
			out, known = s.maps[at][p.Source]
		}
		if known {
			if s.maps[at][p.Source] == (netip.AddrPort{}) {
				s.maps[at][p.Source] = out
			}
			p.Source = out
		}
	}
	return s.up[at]
}

// below is the station behind another that an address leads to.
func (s *situation) below(at string, address netip.Addr) string {
	for child, parent := range s.up {
		st := s.Stations[s.station(child)]
		if parent == at && (slices.Contains(st.Addresses, address) || slices.Contains(st.External, address)) {
			return child
		}
	}
	return ""
}

// tell sorts what was composed by time and tells it.
func (s *situation) tell() Story {
	slices.SortStableFunc(s.Packets, func(a, b Packet) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(s.Events, func(a, b Event) int { return a.At.Compare(b.At) })
	if s.End.IsZero() {
		s.End = at(1000)
	}
	return Tell(s.Recording)
}
