package story

import "fmt"

// comments says of every sight of a packet what the station did with it, for a capture file. Most say nothing: who
// passes a packet on as it is.
func (t *trial) comments() []string {
	all := make([]string, len(t.Packets))
	for i := range t.journeys {
		j := &t.journeys[i]
		t.origin(j, all)
		for h := 1; h < len(j.Hops); h++ {
			t.translation(j.Hops[h-1], j.Hops[h], all)
		}
		t.fate(j, all)
	}
	return all
}

// add puts a comment to those that are there.
func add(all []string, i int, format string, args ...any) {
	if all[i] != "" {
		all[i] += "; "
	}
	all[i] += fmt.Sprintf(format, args...)
}

// origin tells what a station made by itself, and second copies.
func (t *trial) origin(j *Journey, all []string) {
	first := j.first()
	at := t.network.name(first.Station)
	switch {
	case j.CopyOf != none:
		add(all, first.Packet, "%s: a second copy: a link has doubled it", at)
	case !first.Out:
		add(all, first.Packet, "%s: not seen before", at)
	case t.network.host(first.Station):
	case j.About != none:
		add(all, first.Packet, "%s: its own answer to %s", at, t.Packets[t.journeys[j.About].last().Packet])
	default:
		add(all, first.Packet, "%s: not seen coming in", at)
	}
}

// translation tells what a NAT made of the endpoints.
func (t *trial) translation(was, is Hop, all []string) {
	at := t.network.name(is.Station)
	switch {
	case is.Station != was.Station || !is.Out || !t.network.isNAT(is.Station):
	case is.Source != was.Source:
		add(all, is.Packet, "%s: %s became %s", at, endpoint(was.Source), endpoint(is.Source))
		if is.Destination != was.Destination {
			add(all, is.Packet, "to %s became %s", endpoint(was.Destination), endpoint(is.Destination))
		}
	case is.Destination != was.Destination:
		add(all, is.Packet, "%s: to %s became %s", at, endpoint(was.Destination), endpoint(is.Destination))
	case is.Side == Outside && is.Source.Addr().IsPrivate():
		add(all, is.Packet, "%s: left untranslated", at)
	}
}

// fate tells how a journey ended, at its last sight.
func (t *trial) fate(j *Journey, all []string) {
	last := j.last()
	at := t.network.name(j.Where)
	switch j.End {
	case Arrived:
	case HostReset, NATReset, Unreachable:
		add(all, last.Packet, "%s: %s", at, t.refusal(j))
	case Dropped:
		add(all, last.Packet, "%s: dropped: %s", at, t.reason(j))
	case TTLExpired:
		add(all, last.Packet, "%s: its TTL ran out", at)
	default:
		add(all, last.Packet, "%s", t.interruption(j))
	}
}

// reason says why a station may have dropped a packet in silence.
func (t *trial) reason(j *Journey) string {
	last := j.last()
	p := t.packet(j)
	switch {
	case !t.network.isNAT(j.Where) && last.Destination.Addr().IsPrivate():
		return "no route to a private address"
	case !t.network.isNAT(j.Where) && last.Source.Addr().IsPrivate():
		return "it came from a private address"
	case !t.network.isNAT(j.Where):
		return "it went no further"
	case last.Side == Inside && p.opens():
		return "it got no mapping"
	case last.Side == Inside:
		return "no mapping, or out of its connection's window"
	}
	if before, _ := t.hole(hole{last.Station, last.Destination, last.Source}, last.At); before != nil {
		if shut := t.closer(before, last); shut != nil {
			return fmt.Sprintf("the hole that was made for it had got a %s", t.packet(&t.journeys[shut.journey]).what())
		}
		return "the hole that was made for it did not let it in"
	}
	if t.inUse(last.Station, last.Destination, last.At) {
		return "nothing inside had asked for it from there"
	}
	return "nothing inside had asked for it"
}
