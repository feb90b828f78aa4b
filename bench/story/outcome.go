package story

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// outcome is what came of a trial, in one sentence.
func (t *trial) outcome() verdict {
	proven := [2]*Event{t.event(0, Proven), t.event(1, Proven)}
	broken := t.event(0, NotUsable) != nil || t.event(1, NotUsable) != nil
	switch {
	case proven[0] != nil && proven[1] != nil && !broken:
		return t.success(proven)
	case t.Start.IsZero():
		return verdict{cause: PeerAbsent, sentence: "the peers were never introduced" + t.absence(), where: none}
	case len(t.syns) == 0 && t.connected() == nil:
		return t.untried()
	}
	if v := t.upAndUseless(broken); v != nil {
		return *v
	}
	v := t.closest()
	lost := 0
	if v.where != none {
		lost = t.lostAt(v.where)
	}
	unseen := slices.ContainsFunc(v.journeys, func(j int) bool { return t.journeys[j].End == Unseen })
	if v.unproved && (lost > 0 || unseen) {
		v.cause = ObservationLost
		v.sentence += "; but the capture lost packets there"
	}
	return v
}

// absence says who was there.
func (t *trial) absence() string {
	for p := range t.network.peers {
		if t.event(p, Introduced) == nil && t.event(1-p, Introduced) != nil {
			return ": " + t.name(p) + " has not read of " + t.name(1-p)
		}
	}
	return ""
}

// untried: no SYN left for the other peer.
func (t *trial) untried() verdict {
	for p := range t.network.peers {
		if e := t.event(p, NothingToDo); e != nil {
			words := "by its forecasts the engine has no way"
			if e.Text != "" {
				words = e.Text
			}
			return verdict{cause: NoWay, sentence: fmt.Sprintf("neither peer sent a SYN: %s", words), where: none}
		}
	}
	words := ""
	for p := range t.network.peers {
		if e := t.event(p, GaveUp); e != nil && e.Err != "" {
			words += fmt.Sprintf("; %s: %s", t.name(p), e.Err)
		}
	}
	words = "the peers were introduced, and neither sent a SYN to the other" + words
	return verdict{cause: PeerAbsent, sentence: words, where: none}
}

// event finds the first of a kind that a peer's engine told of.
func (t *trial) event(peer int, kind Kind) *Event {
	if t.network.peers[peer] == none {
		return nil
	}
	for i := range t.Events {
		if e := &t.Events[i]; e.Station == t.network.peers[peer] && e.Kind == kind {
			return e
		}
	}
	return nil
}

// connected finds the first connection that an engine had, those to the server aside.
func (t *trial) connected() *Event {
	for i := range t.Events {
		e := &t.Events[i]
		has := e.Kind == Established || e.Kind == Accepted || e.Kind == Proven
		if has && t.network.peer(e.Station) != none && !t.network.ofServer(e.Remote) {
			return e
		}
	}
	return nil
}

// upAndUseless: TCP had a connection at one end or at both, and nothing came of it.
func (t *trial) upAndUseless(broken bool) *verdict {
	e := t.connected()
	if e == nil {
		return nil
	}
	v := &verdict{distance: up, cause: NotOne, where: e.Station}
	first := fmt.Sprintf("%s had a connection to %s", t.network.name(e.Station), endpoint(e.Remote))
	switch lost := t.undelivered(e.At); {
	case broken:
		v.sentence = "both peers checked a proof, and what one says the other does not hear: " +
			"they have two connections, or one that carries one way"
	case lost != none:
		j := &t.journeys[lost]
		v.journeys = append(v.journeys, lost)
		if j.Answer != none {
			v.journeys = append(v.journeys, j.Answer)
		}
		whose := t.name(t.sender(j))
		if j.End == LinkLost || j.End == UnderWay || j.End == Unseen {
			v.sentence = fmt.Sprintf("%s; what %s said on it %s", first, whose, t.interruption(j))
			break
		}
		v.sentence = fmt.Sprintf("%s; what %s said on it came to %s, which %s",
			first, whose, t.network.name(j.Where), t.refusal(j))
	default:
		v.sentence = fmt.Sprintf("%s, and no proof was exchanged on it", first)
	}
	return v
}

// undelivered finds the first bytes between the peers that did not arrive, or none.
func (t *trial) undelivered(since time.Time) int {
	for i := range t.journeys {
		j := &t.journeys[i]
		p := t.packet(j)
		if t.sender(j) != none && p.Protocol == TCP && p.Payload > 0 && j.End != Arrived && !j.first().At.Before(since) &&
			!t.network.ofServer(j.first().Destination) && t.sender(j) != none {
			return i
		}
	}
	return none
}

// success tells by which way the connection came up.
func (t *trial) success(proven [2]*Event) verdict {
	v := verdict{distance: up, cause: Connected, where: none}
	won := t.winners(proven)
	both := milliseconds(latest(proven[0].At, proven[1].At).Sub(t.zero()))
	tail := fmt.Sprintf("; both proofs were checked %s after the start", both)
	for _, s := range won {
		v.journeys = append(v.journeys, s.journey)
	}
	switch {
	case len(won) == 0 && t.relayed(proven):
		v.sentence = "the peers talk through " + t.network.name(t.network.server) + tail
	case len(won) == 0:
		v.sentence = "the peers are connected, by a SYN that was not seen" + tail
	case len(won) > 1 && won[0].from != won[1].from:
		v.sentence = fmt.Sprintf("the SYNs crossed: %s, and %s%s", t.entry(won[0], &v), t.entry(won[1], &v), tail)
	default:
		v.sentence = t.entry(won[0], &v) + tail
	}
	for _, s := range won {
		if answer := t.journeys[s.journey].Answer; answer != none {
			v.journeys = append(v.journeys, answer)
		}
	}
	return v
}

// winners are the SYNs that the proven connection came of: one, or one of each peer where they crossed.
func (t *trial) winners(proven [2]*Event) (won []syn) {
	until := latest(proven[0].At, proven[1].At)
	for p := range t.network.peers {
		best := none
		for _, s := range t.syns {
			j := &t.journeys[s.journey]
			if s.from == p && j.End == Arrived && j.CopyOf == none && !j.last().At.After(until) && t.matches(j, proven, p) {
				best = s.journey
			}
		}
		if best != none {
			won = append(won, syn{best, p})
		}
	}
	if len(won) == 2 && !t.crossed(won) {
		slices.SortFunc(won, func(a, b syn) int { return t.came(b).Compare(t.came(a)) })
		won = won[:1] // of two that did not cross the later one: who had sent the earlier one gave it up
	}
	return won
}

// crossed tells SYNs of which each left before the other had come.
func (t *trial) crossed(won []syn) bool {
	a, b := &t.journeys[won[0].journey], &t.journeys[won[1].journey]
	return a.first().At.Before(b.last().At) && b.first().At.Before(a.last().At)
}

func (t *trial) came(s syn) time.Time { return t.journeys[s.journey].last().At }

// matches tells whether a SYN is of the connection that a peer has proved, by the endpoints at either end, where they
// are told.
func (t *trial) matches(j *Journey, proven [2]*Event, from int) bool {
	sent, got := proven[from], proven[1-from]
	if !sent.Remote.IsValid() && !got.Remote.IsValid() {
		return true
	}
	return ends(sent, j.first().Source, j.first().Destination) || ends(got, j.last().Destination, j.last().Source)
}

// ends tells whether an event's connection has these endpoints; a wildcard address of a listener is any.
func ends(e *Event, local, remote netip.AddrPort) bool {
	return e.Remote == remote && (e.Local == local || e.Local.Port() == local.Port())
}

// relayed tells a connection that goes to the server.
func (t *trial) relayed(proven [2]*Event) bool {
	return t.network.server != none && len(t.syns) == 0 ||
		slices.ContainsFunc(proven[:], func(e *Event) bool { return e.Remote.IsValid() && t.network.ofServer(e.Remote) })
}

// entry tells how a SYN that arrived came in.
func (t *trial) entry(s syn, v *verdict) string {
	j := &t.journeys[s.journey]
	other := t.name(1 - s.from)
	for _, nat := range slices.Backward(t.network.chains[1-s.from]) {
		came, seen := j.entered(nat)
		if !seen {
			continue
		}
		at := t.network.name(nat)
		before, _ := t.hole(hole{nat, came.Destination, came.Source}, came.At)
		if before != nil {
			v.journeys = append(v.journeys, before.journey)
			return fmt.Sprintf("%s passed %s by the hole that %s had made %s before",
				t.the(s), at, t.possessive(1-s.from), milliseconds(came.At.Sub(before.at)))
		}
		if t.inUse(nat, came.Destination, came.At) {
			return fmt.Sprintf("%s passed %s by an endpoint that %s uses towards others", t.the(s), at, other)
		}
		return fmt.Sprintf("%s passed %s, which lets it in unasked", t.the(s), at)
	}
	return fmt.Sprintf("%s reached %s past no NAT of %s own", t.the(s), other, possessed(other))
}

// zero is what times count from.
func (t *trial) zero() time.Time {
	if !t.Start.IsZero() {
		return t.Start
	}
	var first time.Time
	for _, at := range t.moments() {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// moments are the first times of each kind.
func (t *trial) moments() (all []time.Time) {
	if len(t.journeys) > 0 {
		all = append(all, t.journeys[0].first().At)
	}
	if len(t.Events) > 0 {
		all = append(all, t.Events[0].At)
	}
	return all
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
