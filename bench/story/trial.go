package story

import (
	"net/netip"
	"slices"
	"time"
)

// trial is a recording with its journeys, and what the analysis asks it.
type trial struct {
	*Recording
	network   *network
	journeys  []Journey
	longest   time.Duration // that any packet took from one sight to the next
	syns      []syn         // between the peers
	holes     map[hole][]leaving
	leavings  map[door][]leaving // of SYNs to the other peer, at each NAT
	used      map[door]time.Time // endpoints outside of a NAT that anything has left by, and when first
	closers   map[hole][]leaving // RSTs and ICMP errors that came to a hole from outside
	told      [2]map[netip.AddrPort]bool
	announced [2]map[uint16]bool // ports of each peer's own that the other one has been told of, as they are outside
	quit      time.Time          // when the first peer gave up; zero if none did
}

// syn is a SYN from one peer to the other.
type syn struct {
	journey int
	from    int // 0 or 1
}

// hole is what a SYN makes of a NAT when it leaves: an endpoint outside, and who may come in.
type hole struct {
	nat           int
	outside, from netip.AddrPort
}

// door is a NAT, of leavings with the peer whose SYNs left it, and of used with the endpoint outside.
type door struct {
	nat, peer int
	outside   netip.AddrPort
}

// leaving is a SYN that leaves a NAT.
type leaving struct {
	at          time.Time
	journey     int
	source, aim netip.AddrPort // as it left
}

func newTrial(r *Recording) *trial {
	n := newNetwork(r)
	t := &trial{
		Recording: r, network: n, journeys: join(r, n),
		holes: map[hole][]leaving{}, closers: map[hole][]leaving{},
		leavings: map[door][]leaving{}, used: map[door]time.Time{},
		told: [2]map[netip.AddrPort]bool{{}, {}}, announced: [2]map[uint16]bool{{}, {}},
	}
	t.longest = finish(r, n, t.journeys)
	t.listen()
	own := t.externals()
	for i := range t.journeys {
		t.enter(i, own)
		t.close(i)
	}
	for _, known := range []map[hole][]leaving{t.holes, t.closers} {
		for _, all := range known {
			slices.SortStableFunc(all, func(a, b leaving) int { return a.at.Compare(b.at) })
		}
	}
	return t
}

// listen takes from the events what each peer was told of the other, and who gave up first.
func (t *trial) listen() {
	for _, e := range t.Events {
		p := t.network.peer(e.Station)
		switch {
		case p == none:
		case (e.Kind == Introduced || e.Kind == Told) && e.Remote.IsValid():
			t.told[p][e.Remote] = true
			if e.Local.Port() != 0 {
				t.announced[p][e.Local.Port()] = true
			}
		case e.Kind == GaveUp && t.quit.IsZero():
			t.quit = e.At
		}
	}
}

// externals are the endpoints that anything of each peer has outside of its NATs. SYNs to one's own test hairpinning.
func (t *trial) externals() (own [2]map[netip.AddrPort]bool) {
	own = [2]map[netip.AddrPort]bool{{}, {}}
	for i := range t.journeys {
		j := &t.journeys[i]
		p := t.sender(j)
		for _, h := range j.Hops {
			if h.Side != Outside || !h.Out {
				continue
			}
			if key := (door{nat: h.Station, outside: h.Source}); t.used[key].IsZero() || h.At.Before(t.used[key]) {
				t.used[key] = h.At
			}
			if p != none {
				own[p][h.Source] = true
			}
		}
	}
	t.infer(own)
	return own
}

// infer takes what the server saw of a peer for what the other one was told, where no event tells.
func (t *trial) infer(own [2]map[netip.AddrPort]bool) {
	if len(t.told[0])+len(t.told[1]) > 0 {
		return
	}
	for i := range t.journeys {
		j := &t.journeys[i]
		if p := t.sender(j); p != none && t.network.ofServer(j.last().Destination) && own[p][j.last().Source] {
			t.told[1-p][j.last().Source] = true
		}
	}
}

// sender is the peer that a journey comes from, by its address where its first sight was lost; or none.
func (t *trial) sender(j *Journey) int {
	first := j.first()
	if first.Out {
		return t.network.peer(first.Station)
	}
	if at, known := t.network.home[first.Source.Addr()]; known && j.CopyOf == none {
		return t.network.peer(at)
	}
	return none
}

// enter notes a SYN to the other peer, and the holes that it made.
func (t *trial) enter(i int, own [2]map[netip.AddrPort]bool) {
	j := &t.journeys[i]
	from := t.sender(j)
	first := j.first()
	if from == none || !t.packet(j).opens() || t.network.ofServer(first.Destination) || own[from][first.Destination] {
		return
	}
	t.syns = append(t.syns, syn{i, from})
	for _, h := range j.Hops {
		if h.Side == Outside && h.Out {
			l := leaving{h.At, i, h.Source, h.Destination}
			key := hole{h.Station, h.Source, h.Destination}
			t.holes[key] = append(t.holes[key], l)
			side := door{nat: h.Station, peer: from}
			t.leavings[side] = append(t.leavings[side], l)
		}
	}
}

// close notes what may shut holes: RSTs and ICMP errors, at the NATs that they come to.
func (t *trial) close(i int) {
	j := &t.journeys[i]
	if p := t.packet(j); !p.resets() && p.Quoted == nil {
		return
	}
	for _, h := range j.Hops {
		if h.Side != Outside || h.Out {
			continue
		}
		key := hole{h.Station, h.Destination, h.Source}
		if q := t.Packets[h.Packet].Quoted; q != nil {
			key = hole{h.Station, q.Source, q.Destination}
		}
		t.closers[key] = append(t.closers[key], leaving{at: h.At, journey: i})
	}
}

// packet is what was seen first of a journey.
func (t *trial) packet(j *Journey) *Packet { return &t.Packets[j.first().Packet] }

// hole finds the last SYN that had left a NAT for a remote endpoint by then, and the first that left it later.
func (t *trial) hole(key hole, by time.Time) (before, after *leaving) {
	return around(t.holes[key], by)
}

func around(all []leaving, by time.Time) (before, after *leaving) {
	at, _ := slices.BinarySearchFunc(all, by, func(l leaving, by time.Time) int {
		if l.at.After(by) {
			return 1
		}
		return -1
	})
	if at > 0 {
		before = &all[at-1]
	}
	if at < len(all) {
		after = &all[at]
	}
	return before, after
}

// inUse tells whether anything had left a NAT by an endpoint by then.
func (t *trial) inUse(nat int, outside netip.AddrPort, by time.Time) bool {
	since := t.used[door{nat: nat, outside: outside}]
	return !since.IsZero() && !since.After(by)
}

// name is that of one of the two peers.
func (t *trial) name(peer int) string {
	if peer == none {
		return "somebody"
	}
	return t.network.name(t.network.peers[peer])
}
