package story

import (
	"fmt"
	"slices"
)

// packet is the line of a packet, or the lines of one that turns round on its way.
func (s Story) packet(journey int) (rows []row) {
	t := s.trial
	j := &t.journeys[journey]
	strides := t.strides(j)
	for begin := 0; begin < len(strides); {
		end := begin + 1
		for end < len(strides) && ahead(strides[end]) == ahead(strides[begin]) {
			end++
		}
		rows = append(rows, row{at: j.first().At, strides: strides[begin:end], station: none, matters: s.isMatter(journey)})
		begin = end
	}
	if len(rows) == 0 { // it was seen at one station and went nowhere
		rows = append(rows, row{at: j.first().At, station: j.first().Station, matters: s.isMatter(journey)})
	}
	p := t.packet(j)
	rows[0].kind, rows[0].title = p.kind(), p.String()
	if p.Quoted != nil {
		rows[0].note, rows[0].station = errorName(p.Type, p.Code), j.first().Station
	}
	last := &rows[len(rows)-1]
	last.until = j.last().At
	if note := t.note(j); note != "" {
		last.note, last.station = note, j.Where
		if strides := last.strides; len(strides) > 0 {
			last.station = strides[len(strides)-1].to
		}
	}
	if j.CopyOf != none {
		rows[0].kind += "*"
		last.note, last.station = "a second copy, doubled by a link", j.Where
	}
	return rows
}

// ahead tells the direction of a stride: to the right.
func ahead(s stride) bool { return s.to > s.from }

// strides are a journey's way from station to station, made one where the
// internet passes them on.
func (t *trial) strides(j *Journey) (all []stride) {
	at := j.first().Station
	ports := [2]uint16{}
	for _, h := range j.Hops[1:] {
		if h.Station == at {
			continue
		}
		next := stride{from: at, to: h.Station, ports: [2]uint16{h.Source.Port(), h.Destination.Port()}}
		all = extend(all, next, ports, t.network.isNAT(at))
		at, ports = h.Station, next.ports
	}
	last := j.last()
	toward := t.network.legs[t.Packets[last.Packet].Leg].Toward
	if last.Out && toward != at && toward >= 0 && toward < len(t.Stations) {
		next := stride{from: at, to: toward, ports: [2]uint16{last.Source.Port(), last.Destination.Port()}}
		all = extend(all, next, ports, t.network.isNAT(at))
		all[len(all)-1].halfway = true
	}
	if n := len(all); n > 0 {
		all[n-1].dies = j.End != Arrived && j.End != UnderWay && j.End != Unseen
	}
	return all
}

// extend adds a stride, or lengthens the last one by it where that came to no NAT.
func extend(all []stride, next stride, before [2]uint16, nat bool) []stride {
	if n := len(all); n > 0 && !nat && all[n-1].ports == next.ports && ahead(all[n-1]) == ahead(next) {
		all[n-1].past = append(all[n-1].past, next.from)
		all[n-1].to = next.to
		return all
	}
	if before[0] == next.ports[0] && before[1] != next.ports[1] {
		next.fresh = 1
	}
	return append(all, next)
}

// note says what became of a journey that did not simply arrive.
func (t *trial) note(j *Journey) string {
	at := t.network.name(j.Where)
	switch j.End {
	case Arrived:
		return ""
	case Dropped:
		return fmt.Sprintf("%s drops it: %s", at, t.reason(j))
	case NATReset, Unreachable:
		answer := t.packet(&t.journeys[j.Answer]).what()
		if t.network.host(j.Where) {
			return fmt.Sprintf("%s's host answers %s", at, answer)
		}
		return fmt.Sprintf("%s answers %s: %s", at, answer, t.reason(j))
	case HostReset:
		return at + "'s host answers RST"
	case TTLExpired:
		return "its TTL runs out at " + at
	}
	return t.interruption(j)
}

// columns are the stations that have one: all but a rendezvous that no row speaks of.
func columns(t *trial, rows []row) (stations []int) {
	in := map[int]bool{}
	for _, r := range rows {
		in[r.station] = true
		for _, s := range r.strides {
			in[s.from], in[s.to] = true, true
		}
	}
	for i, s := range t.Stations {
		if in[i] || s.Role != Rendezvous {
			stations = append(stations, i)
		}
	}
	return slices.Clip(stations)
}
