package story

import (
	"fmt"
	"slices"
	"time"
)

// Story is what a recording tells.
type Story struct {
	Cause    Cause
	Sentence string    // in plain words, without a full stop
	Journeys []Journey // in the order of their first sights
	// Missing says what observation itself has lost, so that what seems not to have been may have been all the same;
	// empty if nothing.
	Missing []string

	trial   *trial
	matters []int // journeys that the sentence speaks of
	all     bool
}

// Tell makes the story of a recording. It reads the recording and keeps it; the caller must not change it afterwards.
func Tell(r Recording) Story {
	t := newTrial(&r)
	v := t.outcome()
	return Story{
		Cause: v.cause, Sentence: v.sentence, Journeys: t.journeys, Missing: t.missing(),
		trial: t, matters: v.journeys,
	}
}

// Everything is the same story with a ladder that leaves nothing out: every packet, also those to the rendezvous.
func (s Story) Everything() Story {
	s.all = true
	return s
}

// Comments says of every packet of the recording, in its order, what the station where it was seen did with it. Where
// there is nothing to say, it is empty.
func (s Story) Comments() []string { return s.trial.comments() }

// missing says what observation has lost.
func (t *trial) missing() (all []string) {
	for i, s := range t.Stations {
		if n := t.lostAt(i); n > 0 {
			all = append(all, fmt.Sprintf("the capture lost %s at %s", plural(n, "packet"), s.Name))
		}
		if n := t.LostFlows[i]; n > 0 {
			all = append(all, fmt.Sprintf("the capture lost %s of connection tracking at %s", plural(n, "event"), s.Name))
		}
	}
	if n := t.unusable(); n > 0 {
		all = append(all, fmt.Sprintf("%s came from no leg of the recording", plural(n, "packet")))
	}
	return all
}

// unusable counts packets of no known leg.
func (t *trial) unusable() (n int) {
	for i := range t.Packets {
		if !t.network.usable(&t.Packets[i]) {
			n++
		}
	}
	return n
}

// since is a moment as the ladder has it.
func (t *trial) since(at time.Time) time.Duration { return at.Sub(t.zero()) }

// isMatter tells what the sentence speaks of.
func (s Story) isMatter(journey int) bool { return slices.Contains(s.matters, journey) }
