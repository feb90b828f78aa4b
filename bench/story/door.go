package story

import (
	"fmt"
	"net/netip"
	"time"
)

// judgeAtDoor: a SYN came to the outside of one of the other peer's NATs, and that NAT did not let it in. Why, depends
// on what that peer's own SYNs had left there: a hole for it, one that came too late, one somewhere else, or none.
func (t *trial) judgeAtDoor(s syn, j *Journey, v *verdict) {
	last := j.last()
	before, after := t.hole(hole{last.Station, last.Destination, last.Source}, last.At)
	v.unproved = j.End == Dropped
	if j.Answer != none {
		v.journeys = append(v.journeys, j.Answer)
	}
	switch {
	case before != nil:
		t.judgeAtHole(s, j, before, v)
	case after != nil && j.refused():
		t.judgeEarly(s, j, after, v)
	case after != nil:
		v.distance, v.cause = opened, Unknown
		v.journeys = append(v.journeys, after.journey)
		v.sentence = fmt.Sprintf("%s waited for %s, which was not seen to come", t.the(s), t.possessive(1-s.from))
	default:
		t.judgeNoHole(s, j, v)
	}
}

// judgeEarly: it was answered before the other peer's own SYN had left.
func (t *trial) judgeEarly(s syn, j *Journey, after *leaving, v *verdict) {
	last := j.last()
	v.distance, v.cause, v.unproved = late, CrossedTooLate, false
	v.margin = after.at.Sub(last.At)
	v.journeys = append(v.journeys, after.journey)
	v.sentence = fmt.Sprintf("%s reached %s %s before %s own SYN left; %s %s%s",
		t.the(s), t.network.name(j.Where), milliseconds(v.margin), possessed(t.name(1-s.from)),
		t.network.name(j.Where), t.refusal(j), t.aftermath(s, j))
}

// judgeAtHole: the hole had been made. Either the SYN that made it has been answered meanwhile by a RST or an ICMP
// error, which closed it; or the NAT refuses what comes to it.
func (t *trial) judgeAtHole(s syn, j *Journey, before *leaving, v *verdict) {
	last := j.last()
	nat := t.network.name(j.Where)
	v.journeys = append(v.journeys, before.journey)
	shut := t.closer(before, last)
	if shut != nil && !t.packet(&t.journeys[shut.journey]).expired() {
		answer := &t.journeys[shut.journey]
		v.distance, v.cause, v.unproved = late, CrossedTooLate, false
		v.journeys = append(v.journeys, shut.journey)
		v.margin = t.earliness(shut.journey, j)
		v.sentence = fmt.Sprintf("%s was answered %s by %s %s before %s own SYN left it, which closed its hole in %s; "+
			"%s came there %s later and %s",
			t.possessive(1-s.from), t.packet(answer).what(), t.network.name(answer.first().Station), milliseconds(v.margin),
			possessed(t.name(s.from)), nat, t.the(s), milliseconds(last.At.Sub(shut.at)), t.passive(j))
		return
	}
	v.distance, v.cause = refusedThere, HoleRefused
	v.sentence = fmt.Sprintf("%s reached %s %s after %s had made the hole for it, and %s %s%s",
		t.the(s), nat, milliseconds(last.At.Sub(before.at)), t.possessive(1-s.from),
		nat, t.refusal(j), t.forgotten(before, shut, last))
}

// closer finds the RST or the ICMP error that came last to a hole since it was made.
func (t *trial) closer(made *leaving, last *Hop) *leaving {
	shut, _ := around(t.closers[hole{last.Station, last.Destination, last.Source}], last.At)
	if shut == nil || shut.at.Before(made.at) {
		return nil
	}
	return shut
}

// earliness is by how much one SYN came to the station that refused it before another one left that. Where it was not
// seen to come, the moment of the answer stands for it.
func (t *trial) earliness(answer int, other *Journey) time.Duration {
	early := *t.journeys[answer].first()
	left, seen := other.left(early.Station)
	if !seen {
		left = *other.first() // a host has no outside
	}
	if about := t.journeys[answer].About; about != none {
		early = *t.journeys[about].last()
	}
	return max(0, left.At.Sub(early.At))
}

// forgotten tells of a hole whose entry of connection tracking had gone when the SYN came, or to which an ICMP error
// had come about the SYN that made it, which some NATs close it for.
func (t *trial) forgotten(before, shut *leaving, last *Hop) string {
	for i := len(t.Flows) - 1; i >= 0; i-- {
		f := &t.Flows[i]
		if f.Station == last.Station && f.Change == Destroy && f.Reply == (Tuple{last.Source, last.Destination}) &&
			f.At.After(before.at) && !f.At.After(last.At) {
			return fmt.Sprintf(": its entry had been gone for %s", milliseconds(last.At.Sub(f.At)))
		}
	}
	if shut != nil {
		return fmt.Sprintf(": an %s had come to the hole %s before",
			t.packet(&t.journeys[shut.journey]).what(), milliseconds(last.At.Sub(shut.at)))
	}
	return ""
}

// judgeNoHole: nothing had left the NAT from the SYN's aim to where it comes from. Another SYN of the other peer's may
// have left it by, or for, another endpoint.
func (t *trial) judgeNoHole(s syn, j *Journey, v *verdict) {
	last := j.last()
	nat, other := t.network.name(j.Where), 1-s.from
	if l := t.nearest(last, other); l != nil {
		v.distance, v.journeys = elsewhere, append(v.journeys, l.journey)
		if l.source == last.Destination {
			t.judgeMissed(miss{aimer: other, aim: l.aim, target: s, came: last.Source, at: last.Station}, v)
		} else {
			aim := j.first().Destination // as its sender knows it: a NAT further out may have translated it
			t.judgeMissed(miss{aimer: s.from, aim: aim, target: syn{l.journey, other}, came: t.outermost(l), at: last.Station}, v)
		}
		v.sentence += fmt.Sprintf("; %s came to %s, which %s%s", t.the(s), nat, t.refusal(j), t.aftermath(s, j))
		if v.cause == Unknown {
			v.cause, v.unproved = atClosedDoor(j), true
		}
		return
	}
	v.distance, v.cause, v.unproved = unasked, atClosedDoor(j), true
	v.sentence = fmt.Sprintf("%s reached %s, and nothing of %s had left it towards %s; %s %s%s",
		t.the(s), nat, possessed(t.name(other)), last.Source, nat, t.refusal(j), t.aftermath(s, j))
}

// outermost is where a SYN that left a NAT was last seen to come from, further out: what its other peer could aim at.
func (t *trial) outermost(l *leaving) netip.AddrPort {
	at := l.source
	for _, h := range t.journeys[l.journey].Hops {
		if h.Out && h.Side == Outside && contains(t.network.chains[t.sender(&t.journeys[l.journey])], h.Station) {
			at = h.Source
		}
	}
	return at
}

// atClosedDoor is the cause where nothing had left a NAT towards what came to it.
func atClosedDoor(j *Journey) Cause {
	switch j.End {
	case NATReset:
		return ResetByNAT
	case Unreachable:
		return ICMPByNAT
	}
	return Filtered
}

// miss is a peer that aimed at one endpoint, and a SYN of the other one that came from another.
type miss struct {
	aimer  int
	aim    netip.AddrPort
	target syn
	came   netip.AddrPort
	at     int // station
}

// judgeMissed: if the peer aimed at what it had been told, the other one's NAT has another mapping for it, or the other
// one has sent from a port of which nobody had been told, which is no matter of NATs and left to the caller; if not, the
// endpoint was predicted or guessed.
func (t *trial) judgeMissed(m miss, v *verdict) {
	if t.told[m.aimer][m.aim] {
		if from := t.journeys[m.target.journey].first().Source; t.unannounced(m.target.from, from) {
			v.sentence = fmt.Sprintf("%s left from its port %d, which nobody had been told of, where %s aimed at %s",
				t.the(m.target), from.Port(), t.name(m.aimer), m.aim)
			return
		}
		v.cause = Remapped
		v.sentence = fmt.Sprintf("%s made %s of %s, where %s had been told %s",
			t.network.name(t.mapper(m.target)), m.came, t.the(m.target), t.name(m.aimer), m.aim)
		return
	}
	v.cause, v.unproved = WrongPort, t.lostAt(m.at) > 0
	v.sentence = fmt.Sprintf("%s aimed at %s, and %s came from %s", t.name(m.aimer), m.aim, t.the(m.target), m.came)
	if n := t.tries(m.aimer); n > 1 {
		v.sentence = fmt.Sprintf("none of the %s SYNs of %s went to where one of %s came from: "+
			"this one went to %s, and that one came from %s", count(n), t.name(m.aimer), t.name(1-m.aimer), m.aim, m.came)
	}
}

// unannounced tells a port of a peer that is not among those which it was introduced with or has moved to.
func (t *trial) unannounced(peer int, from netip.AddrPort) bool {
	return len(t.announced[peer]) > 0 && !t.announced[peer][from.Port()]
}

// tries is how many SYNs a peer has sent.
func (t *trial) tries(peer int) (n int) {
	for _, s := range t.syns {
		if s.from == peer {
			n++
		}
	}
	return n
}

// nearest finds a SYN of a peer's that left a NAT by the endpoint that another one came to, or for where that came
// from; else any that left it for the internet.
func (t *trial) nearest(came *Hop, peer int) *leaving {
	all := t.leavings[door{nat: came.Station, peer: peer}]
	var found *leaving
	for i := range all {
		l := &all[i]
		switch {
		case l.aim.Addr().IsPrivate() && !came.Source.Addr().IsPrivate():
		case l.source == came.Destination:
			return l
		case found == nil || l.aim == came.Source && found.aim != came.Source:
			found = l
		}
	}
	return found
}

// mapper is the NAT of a SYN's sender that gave it the port it came with: the last that changed it, or the outermost.
func (t *trial) mapper(s syn) int {
	j := &t.journeys[s.journey]
	at := outermost(t.network.chains[s.from])
	port := j.first().Source.Port()
	for _, h := range j.Hops {
		if h.Out && h.Side == Outside && h.Source.Port() != port {
			at, port = h.Station, h.Source.Port()
		}
	}
	return at
}
