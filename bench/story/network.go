package story

import (
	"net/netip"
	"slices"
)

// network is what a recording's stations and legs tell of who is behind whom.
type network struct {
	stations []Station
	legs     []Leg
	peers    [2]int   // stations
	chains   [2][]int // NATs of each peer, from inside to outside
	core     int      // station, or none
	server   int      // station, or none
	home     map[netip.Addr]int
	external map[netip.Addr]int // NATs by what they translate to
}

// none is the index of what there is not.
const none = -1

// newNetwork reads who is behind whom from the legs at hosts and outside of NATs.
func newNetwork(r *Recording) *network {
	n := &network{
		stations: r.Stations, legs: r.Legs, peers: [2]int{none, none}, core: none, server: none,
		home: map[netip.Addr]int{}, external: map[netip.Addr]int{},
	}
	known := 0
	for i, s := range r.Stations {
		switch {
		case s.Role == Peer && known < len(n.peers):
			n.peers[known] = i
			known++
		case s.Role == Internet:
			n.core = i
		case s.Role == Rendezvous:
			n.server = i
		}
		for _, a := range s.Addresses {
			n.home[a] = i
		}
		for _, a := range s.External {
			n.external[a] = i
		}
	}
	for p, at := range n.peers {
		n.chains[p] = n.above(at)
	}
	return n
}

// above lists the NATs that a station's packets pass on their way out.
func (n *network) above(station int) (chain []int) {
	for side := AtHost; station != none; side = Outside {
		station = n.toward(station, side)
		if station == none || n.stations[station].Role != NAT || slices.Contains(chain, station) {
			return chain
		}
		chain = append(chain, station)
	}
	return chain
}

func (n *network) toward(station int, side Side) int {
	for _, l := range n.legs {
		if l.Station == station && l.Side == side && l.Toward >= 0 && l.Toward < len(n.stations) {
			return l.Toward
		}
	}
	return none
}

// name is that of a station, or of what is not known.
func (n *network) name(station int) string {
	if station < 0 || station >= len(n.stations) {
		return "somebody"
	}
	return n.stations[station].Name
}

// host tells a station that passes nothing on.
func (n *network) host(station int) bool {
	role := n.stations[station].Role
	return role == Peer || role == Rendezvous
}

func (n *network) isNAT(station int) bool { return n.stations[station].Role == NAT }

// peer is which of the two a station is, or none.
func (n *network) peer(station int) int { return slices.Index(n.peers[:], station) }

// shared tells a NAT that both peers are behind.
func (n *network) shared(station int) bool {
	return slices.Contains(n.chains[0], station) && slices.Contains(n.chains[1], station)
}

// ofServer tells an endpoint of the rendezvous.
func (n *network) ofServer(e netip.AddrPort) bool {
	at, known := n.home[e.Addr()]
	return known && at == n.server
}

// usable tells a packet whose leg there is.
func (n *network) usable(p *Packet) bool {
	return p.Leg >= 0 && p.Leg < len(n.legs) && n.legs[p.Leg].Station >= 0 && n.legs[p.Leg].Station < len(n.stations)
}
