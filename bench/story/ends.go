package story

import (
	"net/netip"
	"time"
)

// ending finds how journeys ended, and what answered them.
type ending struct {
	recording *Recording
	network   *network
	journeys  []Journey
	replies   map[reply][]int // journeys of TCP by the station that made them and what they acknowledge
	errors    map[blame][]int // journeys of ICMP errors by the station that made them and what they quote
	foreign   map[blame][]int // the same of routers that nobody watches, by the station that they came to first
	gaps      map[place]time.Duration
	longest   time.Duration // of gaps
	over      time.Time     // when watching ended
}

// reply is what an answer of TCP has in common with what it answers, seen from the answer.
type reply struct {
	station             int
	source, destination netip.AddrPort
	reset               bool
	number              uint32 // what it acknowledges; of a RST without ACK its sequence number
}

// blame is what an ICMP error quotes.
type blame struct {
	station             int
	source, destination netip.AddrPort
	id                  uint16
}

// place is where a packet was seen.
type place struct {
	leg int
	out bool
}

// finish finds the end of every journey, and the longest time that any took from one sight to the next.
func finish(r *Recording, n *network, journeys []Journey) time.Duration {
	e := &ending{
		recording: r, network: n, journeys: journeys,
		replies: map[reply][]int{}, errors: map[blame][]int{}, foreign: map[blame][]int{}, gaps: map[place]time.Duration{},
		over: r.end(),
	}
	for i := range journeys {
		e.index(i)
	}
	for i := range journeys {
		e.end(i)
	}
	return e.longest
}

// index enters a journey as a possible answer, and what its hops tell of the time from hop to hop.
func (e *ending) index(i int) {
	j := &e.journeys[i]
	for h := range j.Hops[1:] {
		at := place{e.recording.Packets[j.Hops[h].Packet].Leg, j.Hops[h].Out}
		e.gaps[at] = max(e.gaps[at], j.Hops[h+1].At.Sub(j.Hops[h].At))
		e.longest = max(e.longest, e.gaps[at])
	}
	first := j.first()
	p := &e.recording.Packets[first.Packet]
	switch {
	case !first.Out && p.Quoted != nil:
		key := blame{first.Station, p.Quoted.Source, p.Quoted.Destination, p.Quoted.ID}
		e.foreign[key] = append(e.foreign[key], i)
	case !first.Out: // somebody else has sent it
	case p.Quoted != nil:
		key := blame{first.Station, p.Quoted.Source, p.Quoted.Destination, p.Quoted.ID}
		e.errors[key] = append(e.errors[key], i)
	case p.resets() && !p.Flags.has(ACK):
		key := reply{first.Station, p.Source, p.Destination, true, p.Seq & lowBits}
		e.replies[key] = append(e.replies[key], i)
	case p.resets() || p.answers():
		key := reply{first.Station, p.Source, p.Destination, p.resets(), p.Ack & lowBits}
		e.replies[key] = append(e.replies[key], i)
	}
}

// end says how one journey ended.
func (e *ending) end(i int) {
	j := &e.journeys[i]
	last := j.last()
	if j.End == LinkLost {
		return // the link has said so
	}
	j.Where = last.Station
	j.Answer = e.answer(j)
	if j.Answer != none {
		e.journeys[j.Answer].About = i
	}
	switch {
	case last.Out && j.Answer != none: // by a router on the way that nobody watches
		j.End, j.Where = e.answered(j), e.between(last)
	case last.Out && last.TTL <= 1 && !e.network.host(e.between(last)):
		j.End, j.Where = TTLExpired, e.between(last) // whose error did not come
	case last.Out:
		j.End = e.onLink(last)
	case j.Answer != none:
		j.End = e.answered(j)
	case e.network.host(last.Station):
		j.End = Arrived
	default:
		j.End = e.swallowed(last)
	}
}

// answer finds what a station made of a packet that came to it: an ICMP error, a RST or a SYN-ACK.
func (e *ending) answer(j *Journey) int {
	last := j.last()
	p := &e.recording.Packets[last.Packet]
	about := blame{last.Station, p.Source, p.Destination, p.ID}
	if last.Out {
		return e.firstSince(e.foreign[about], last.At)
	}
	if found := e.firstSince(e.errors[about], last.At); found != none {
		return found
	}
	if p.Protocol != TCP || p.resets() {
		return none
	}
	wanted := p.Seq + uint32(p.Payload)
	if p.Flags.has(SYN) {
		wanted++
	}
	key := reply{last.Station, p.Destination, p.Source, true, wanted & lowBits}
	if p.Flags.has(ACK) {
		key.number = p.Ack & lowBits // RFC 9293, section 3.5.2: the RST then has the sequence number that was asked for
	}
	found := e.firstSince(e.replies[key], last.At)
	if !p.opens() || !e.network.host(last.Station) {
		return found
	}
	key.reset = false // whichever came first: a socket may be closed by a RST long after it has answered
	accepted := e.firstSince(e.replies[key], last.At)
	if found == none || accepted != none && e.journeys[accepted].first().At.Before(e.journeys[found].first().At) {
		return accepted
	}
	return found
}

func (e *ending) firstSince(candidates []int, at time.Time) int {
	for _, c := range candidates {
		if !e.journeys[c].first().At.Before(at) {
			return c
		}
	}
	return none
}

// answered is the end of a journey that a station answered.
func (e *ending) answered(j *Journey) End {
	p := &e.recording.Packets[e.journeys[j.Answer].first().Packet]
	switch {
	case p.expired():
		return TTLExpired
	case p.Quoted != nil:
		return Unreachable
	case !p.resets():
		return Arrived
	case e.network.host(j.Where):
		return HostReset
	}
	return NATReset
}

// swallowed is the end of what came to a router and neither left it nor was answered.
func (e *ending) swallowed(last *Hop) End {
	switch {
	case last.TTL <= 1:
		return TTLExpired
	case e.lostBehind(last):
		return Unseen
	case e.early(last):
		return UnderWay
	}
	return Dropped
}

// between is the station that a router between two legs belongs to: the internet, of which they are, or what a packet
// was on its way to.
func (e *ending) between(last *Hop) int {
	next := e.network.legs[e.recording.Packets[last.Packet].Leg].Toward
	if last.Side == AtCore || next < 0 || next >= len(e.network.stations) {
		return last.Station
	}
	return next
}

// onLink is the end of what left a station and came to no other.
func (e *ending) onLink(last *Hop) End {
	next := e.network.legs[e.recording.Packets[last.Packet].Leg].Toward
	switch {
	case next < 0 || next >= len(e.network.stations) || !e.watched(next) || e.lostAt(next):
		return Unseen
	case e.early(last):
		return UnderWay
	}
	return LinkLost
}

// early tells that watching ended before the next sight was due, as long as others took there; of a place that none has
// left yet, as long as any took anywhere. On a link it is at least what the lab says of it: a packet may be the only one.
func (e *ending) early(last *Hop) bool {
	gap, known := e.gaps[place{e.recording.Packets[last.Packet].Leg, last.Out}]
	if !known && (last.Out || !e.network.isNAT(last.Station)) {
		gap = e.longest
	}
	if last.Out {
		gap = max(gap, e.network.legs[e.recording.Packets[last.Packet].Leg].Takes)
	}
	return e.over.Sub(last.At) <= gap+gap/2
}

// end is when watching ended.
func (r *Recording) end() time.Time {
	if !r.End.IsZero() {
		return r.End
	}
	var latest time.Time
	for i := range r.Packets {
		if r.Packets[i].At.After(latest) {
			latest = r.Packets[i].At
		}
	}
	return latest
}

// watched tells a station that has a leg.
func (e *ending) watched(station int) bool {
	for _, l := range e.network.legs {
		if l.Station == station {
			return true
		}
	}
	return false
}

// lostBehind tells that a packet may have left a station unseen: observation lost packets there, and where it would
// have come to next.
func (e *ending) lostBehind(last *Hop) bool {
	if !e.lostAt(last.Station) {
		return false
	}
	came := e.network.legs[e.recording.Packets[last.Packet].Leg].Toward
	watched := false
	for leg, l := range e.network.legs {
		if l.Toward == last.Station && l.Station != came {
			watched = true
			if e.recording.LostPackets[leg] > 0 {
				return true
			}
		}
	}
	return !watched
}

// lostAt tells that packets were lost by observation on a leg of a station.
func (e *ending) lostAt(station int) bool { return e.recording.lostAt(station) > 0 }

// lostAt counts what observation lost on the legs of a station.
func (r *Recording) lostAt(station int) (lost int) {
	for leg, n := range r.LostPackets {
		if leg >= 0 && leg < len(r.Legs) && r.Legs[leg].Station == station {
			lost += n
		}
	}
	return lost
}
