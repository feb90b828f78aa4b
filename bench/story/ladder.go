package story

import (
	"fmt"
	"slices"
	"time"
)

// row is a line of the ladder before it has a width: a packet or a part of its way, what an engine tells, or what is
// left out.
type row struct {
	at, until time.Time // until: when the packet came to its end; zero elsewhere
	kind      string    // of a packet
	strides   []stride
	note      string // what became of it, or what is told
	station   int    // that the note is about; none: about no station
	matters   bool
	event     bool
	title     string // of a packet, in full
}

// stride is a part of a packet's way on which its endpoints do not change.
type stride struct {
	from, to int   // stations
	past     []int // stations that it passes
	ports    [2]uint16
	fresh    int  // which port is other than before: 0 or 1
	dies     bool // at its end
	halfway  bool // it dies before it comes there
}

// few is how many of one kind are shown one by one.
const few = 3

// class is what packets, or events, have in common that need not be told one by one.
type class struct {
	origin int
	kind   string
	end    End
	where  int
	server bool
	event  Kind
}

// item is a packet or an event, in its place in time.
type item struct {
	at      time.Time
	journey int
	event   int
}

// rows are the lines of a story's ladder. Those that stand for several begin with more, "…".
func (s Story) rows(more string) []row {
	items := s.items()
	registered := s.registered()
	sizes := map[class]int{}
	for _, i := range items {
		sizes[s.class(i)]++
	}
	var rows []row
	seen := map[class]int{}
	left := folds{story: &s, more: more}
	for _, i := range items {
		c := s.class(i)
		seen[c]++
		registers := i.journey != none && slices.Contains(registered[:], i.journey)
		if !registers && !s.shown(i, c, seen[c], sizes[c]) {
			left.add(i.at, c, s.opensToServer(i))
			continue
		}
		rows = append(rows, left.flush()...)
		if i.journey == none {
			rows = append(rows, s.told(&s.trial.Events[i.event]))
			continue
		}
		rows = append(rows, s.packet(i.journey)...)
	}
	return append(rows, left.flush()...)
}

// items are all packets and events in order of time; of one moment, what is told before what is sent.
func (s Story) items() []item {
	t := s.trial
	items := make([]item, 0, len(t.Events)+len(t.journeys))
	for i := range t.Events {
		items = append(items, item{t.Events[i].At, none, i})
	}
	for i := range t.journeys {
		items = append(items, item{t.journeys[i].first().At, i, none})
	}
	slices.SortStableFunc(items, func(a, b item) int { return a.at.Compare(b.at) })
	return items
}

func (s Story) class(i item) class {
	t := s.trial
	if i.journey == none {
		e := &t.Events[i.event]
		return class{origin: e.Station, event: e.Kind}
	}
	j := &t.journeys[i.journey]
	c := class{origin: s.origin(j), kind: t.packet(j).kind(), end: j.End, where: j.Where, server: s.withServer(j)}
	if c.server && c.origin != none {
		c.kind, c.end, c.where = "", "", none
	}
	return c
}

// origin is the station that a packet comes from: a peer, a NAT, or none where somebody else's traffic passes. What is
// said with the rendezvous counts for the peer.
func (s Story) origin(j *Journey) int {
	t := s.trial
	first := j.first()
	switch p := t.sender(j); {
	case p != none:
		return t.network.peers[p]
	case first.Out && first.Station == t.network.server:
		if at, known := t.network.home[j.last().Destination.Addr()]; known {
			return at
		}
		return none
	case first.Out:
		return first.Station
	}
	return none
}

// withServer tells the conversation with the rendezvous.
func (s Story) withServer(j *Journey) bool {
	return s.trial.network.ofServer(j.first().Source) || s.trial.network.ofServer(j.first().Destination)
}

// opensToServer tells a SYN of a peer to the rendezvous.
func (s Story) opensToServer(i item) bool {
	if i.journey == none {
		return false
	}
	j := &s.trial.journeys[i.journey]
	return s.trial.packet(j).opens() && s.withServer(j)
}

// shown tells what has a line of its own: all, if asked for; else what matters, the first of each kind, and those of
// which there are few. It is nothing of the conversation with the rendezvous; and of what the engines tell, nothing
// that its packet tells as well.
func (s Story) shown(i item, c class, nth, of int) bool {
	switch {
	case s.all:
		return true
	case i.journey == none:
		return c.event != SYNSent && (nth == 1 || of <= few)
	case c.server, c.origin == none:
		return false
	}
	return s.isMatter(i.journey) || nth == 1 || of <= few
}

// registered are the SYNs by which the peers came to the rendezvous: the first from the port that a peer was introduced
// by, or its first; none where there is none.
func (s Story) registered() [2]int {
	t := s.trial
	found := [2]int{none, none}
	for i := range t.journeys {
		j := &t.journeys[i]
		p := t.sender(j)
		if p == none || found[p] != none || !t.packet(j).opens() || !t.network.ofServer(j.first().Destination) {
			continue
		}
		if e := t.event(p, Introduced); e == nil || !e.Local.IsValid() || e.Local.Port() == j.first().Source.Port() {
			found[p] = i
		}
	}
	return found
}

// told is the line of an event.
func (s Story) told(e *Event) row {
	words := string(e.Kind)
	switch {
	case e.Kind == Introduced && e.Remote.IsValid():
		words = fmt.Sprintf("introduced: the other is %s", e.Remote)
	case e.Kind == Told && e.Remote.IsValid():
		words = fmt.Sprintf("told: the other is %s too", e.Remote)
	case e.Kind == Established && e.Remote.IsValid(), e.Kind == Accepted && e.Remote.IsValid():
		words = fmt.Sprintf("%s: %d to %s", e.Kind, e.Local.Port(), e.Remote)
	case e.Kind == Noted:
		return row{at: e.At, note: e.Text, station: e.Station, event: true}
	}
	if e.Technique != "" {
		words += ": " + e.Technique
	}
	if e.Err != "" {
		words += ": " + e.Err
	}
	if e.Text != "" {
		words += ": " + e.Text
	}
	return row{at: e.At, note: words, station: e.Station, event: true, matters: e.Kind == Proven || e.Kind == GaveUp}
}
