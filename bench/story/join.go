package story

import (
	"cmp"
	"slices"
	"time"
)

const (
	// resendAfter is the age from which a sight is rather that of a packet sent again than of one that is still under
	// way. TCP sends a SYN again after a second (RFC 6298, section 2.1), and no lab's path takes half of one.
	resendAfter = 500 * time.Millisecond
	// lookBack bounds how many packets of one identity are compared: more than a handful are copies of one another,
	// and which is which does not matter.
	lookBack = 16
	// usualHops is how often a packet is seen between two NATs.
	usualHops = 8
)

// joiner follows packets. Journeys whose end is open wait in one of two places: those that were last seen leaving a
// station for the sight at the next one, which has the same endpoints; those that were last seen coming to one for the
// sight of leaving it, maybe with others.
//
// On a link the first to leave is the first to come; a station passes on what it got last. Both matter only where
// packets have one identity.
type joiner struct {
	network  *network
	packets  []Packet
	journeys []Journey
	leaving  map[sight][]int
	staying  map[stay][]int
	names    map[identity]name
	known    [][]int // all, by their names
}

// join follows all packets of a recording. Its journeys are in the order of their first sights.
func join(r *Recording, n *network) []Journey {
	j := &joiner{
		network: n, packets: r.Packets,
		leaving: make(map[sight][]int, len(r.Packets)/2), staying: make(map[stay][]int, len(r.Packets)/2),
		names: make(map[identity]name, len(r.Packets)/4),
	}
	drops := r.Dropped
	for _, i := range j.order() {
		for len(drops) > 0 && drops[0].At.Before(r.Packets[i].At) {
			j.drop(&drops[0])
			drops = drops[1:]
		}
		j.follow(i)
	}
	for i := range drops {
		j.drop(&drops[i])
	}
	return j.journeys
}

// order sorts the packets by time, and what was seen at one moment by the way that a packet takes: its TTL falls, and
// it leaves a station before it comes to the next. So the order in which a recording has them does not matter.
func (j *joiner) order() []int {
	order := make([]int, 0, len(j.packets))
	for i := range j.packets {
		if j.network.usable(&j.packets[i]) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(x, y int) int {
		a, b := &j.packets[x], &j.packets[y]
		if order := cmp.Or(a.At.Compare(b.At), cmp.Compare(b.TTL, a.TTL)); order != 0 {
			return order
		}
		return cmp.Or(compareBool(b.Out, a.Out), cmp.Compare(a.Leg, b.Leg),
			a.Source.Compare(b.Source), a.Destination.Compare(b.Destination),
			cmp.Compare(a.Flags, b.Flags), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Ack, b.Ack), cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(a.Digest, b.Digest))
	})
	return order
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// name is the number of a packet's identity.
func (j *joiner) name(p *Packet) name {
	id := identify(p)
	known, is := j.names[id]
	if !is {
		known = name(len(j.known))
		j.names[id], j.known = known, append(j.known, nil)
	}
	return known
}

// follow adds one sight to the journey that it belongs to, or begins one.
func (j *joiner) follow(i int) {
	p := &j.packets[i]
	leg := j.network.legs[p.Leg]
	hop := Hop{
		At: p.At, Packet: i, Station: leg.Station, Side: leg.Side, Out: p.Out,
		Source: p.Source, Destination: p.Destination, TTL: p.TTL,
	}
	id := j.name(p)
	at := none
	switch {
	case !p.Out:
		at = j.arriving(id, &hop)
	case !j.network.host(leg.Station):
		at = j.passing(id, &hop)
	}
	if at == none {
		at = j.begin(id, &hop)
	}
	j.journeys[at].Hops = append(j.journeys[at].Hops, hop)
	switch {
	case p.Out:
		key := sight{id, p.Source, p.Destination}
		j.leaving[key] = append(j.leaving[key], at)
	case !j.network.host(leg.Station):
		key := stay{id, leg.Station}
		j.staying[key] = append(j.staying[key], at)
	}
}

// arriving finds who left another station as this one comes.
func (j *joiner) arriving(id name, hop *Hop) int {
	key := sight{id, hop.Source, hop.Destination}
	waiting := j.leaving[key]
	found := j.first(waiting, hop, func(last *Hop) bool {
		return last.TTL >= hop.TTL && (last.Station != hop.Station || last.TTL > hop.TTL || hop.Side == AtCore)
	})
	if found < 0 {
		return j.missing(id, hop)
	}
	at := waiting[found]
	j.leaving[key] = slices.Delete(waiting, found, found+1)
	return at
}

// passing finds who came to the station that this one leaves. The internet is long, and what came first leaves it
// first.
func (j *joiner) passing(id name, hop *Hop) int {
	key := stay{id, hop.Station}
	waiting := j.staying[key]
	fits := func(last *Hop) bool { return last.TTL >= hop.TTL }
	found := j.latest(waiting, fits)
	if hop.Side == AtCore {
		found = j.first(waiting, hop, fits)
	}
	if found < 0 {
		return j.missing(id, hop)
	}
	at := waiting[found]
	j.staying[key] = slices.Delete(waiting, found, found+1)
	return at
}

// first finds, of those that wait, the one that came first and is not too old; else the latest.
func (j *joiner) first(waiting []int, hop *Hop, fits func(*Hop) bool) int {
	for i := max(0, len(waiting)-lookBack); i < len(waiting); i++ {
		if last := j.journeys[waiting[i]].last(); fits(last) && hop.At.Sub(last.At) < resendAfter {
			return i
		}
	}
	return j.latest(waiting, fits)
}

func (j *joiner) latest(waiting []int, fits func(*Hop) bool) int {
	for i := len(waiting) - 1; i >= max(0, len(waiting)-lookBack); i-- {
		if fits(j.journeys[waiting[i]].last()) {
			return i
		}
	}
	return -1
}

// missing finds who may be seen here again where a sight between was lost.
func (j *joiner) missing(id name, hop *Hop) int {
	recent := j.recent(id)
	found := j.latest(recent, func(last *Hop) bool {
		return last.TTL > hop.TTL && (last.Out || !j.network.host(last.Station)) && hop.At.Sub(last.At) < resendAfter
	})
	if found < 0 {
		return none
	}
	j.forget(id, recent[found])
	return recent[found]
}

// forget takes a journey from where it waits.
func (j *joiner) forget(id name, at int) {
	last := j.journeys[at].last()
	if last.Out {
		key := sight{id, last.Source, last.Destination}
		j.leaving[key] = slices.DeleteFunc(j.leaving[key], func(other int) bool { return other == at })
		return
	}
	key := stay{id, last.Station}
	j.staying[key] = slices.DeleteFunc(j.staying[key], func(other int) bool { return other == at })
}

// begin begins a journey. One that begins where another of its identity has just come is that one's copy.
func (j *joiner) begin(id name, hop *Hop) int {
	at, of := len(j.journeys), none
	recent := j.recent(id)
	if found := lastIndexFunc(recent, func(other int) bool { return j.twins(other, hop) }); found >= 0 && !hop.Out {
		of = recent[found]
	}
	j.journeys = append(j.journeys, Journey{
		Hops: make([]Hop, 0, usualHops), Where: none, Answer: none, About: none, CopyOf: of,
	})
	j.known[id] = append(j.known[id], at)
	return at
}

// recent are the latest journeys of an identity.
func (j *joiner) recent(id name) []int {
	all := j.known[id]
	return all[max(0, len(all)-lookBack):]
}

// twins tells whether a journey has come to the place of a hop as it did.
func (j *joiner) twins(at int, hop *Hop) bool {
	return slices.ContainsFunc(j.journeys[at].Hops, func(h Hop) bool {
		return !h.Out && h.Station == hop.Station && h.TTL == hop.TTL && hop.At.Sub(h.At) < resendAfter
	})
}

// drop ends the journey that a link has dropped.
func (j *joiner) drop(d *Drop) {
	id := j.name(&d.Packet)
	at := j.dropped(id, d)
	if at == none {
		return
	}
	j.forget(id, at)
	j.journeys[at].End, j.journeys[at].Where = LinkLost, j.journeys[at].last().Station
	j.journeys[at].Why = d.Link + ": " + d.Why
}

// dropped finds the oldest journey that may have been dropped: same endpoints, and not gone any further.
func (j *joiner) dropped(id name, d *Drop) int {
	for _, at := range j.known[id] {
		last := j.journeys[at].last()
		ended := !last.Out && j.network.host(last.Station) || j.journeys[at].End != ""
		if !ended && last.Source == d.Packet.Source && last.Destination == d.Packet.Destination && last.TTL >= d.Packet.TTL {
			return at
		}
	}
	return none
}

func lastIndexFunc(all []int, fits func(int) bool) int {
	for i, at := range slices.Backward(all) {
		if fits(at) {
			return i
		}
	}
	return -1
}
