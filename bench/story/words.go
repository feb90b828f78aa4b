package story

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// the names a SYN by its sender: "alice's SYN".
func (t *trial) the(s syn) string { return t.possessive(s.from) }

func (t *trial) possessive(peer int) string { return possessed(t.name(peer)) + " SYN" }

func possessed(name string) string { return name + "'s" }

// refusal says what the station where a journey ended did with it.
func (t *trial) refusal(j *Journey) string {
	if j.Answer == none {
		return "dropped it"
	}
	return "answered " + t.packet(&t.journeys[j.Answer]).what()
}

// passive is the same of the packet.
func (t *trial) passive(j *Journey) string {
	if j.Answer == none {
		return "was dropped"
	}
	return "was answered " + t.packet(&t.journeys[j.Answer]).what()
}

// aftermath says what the sender of a SYN heard of its refusal.
func (t *trial) aftermath(s syn, j *Journey) string {
	if j.Answer == none {
		return ""
	}
	answer := &t.journeys[j.Answer]
	station := t.network.peers[s.from]
	if answer.End != Arrived || answer.Where != station {
		return fmt.Sprintf(", which %s did not hear", t.name(s.from))
	}
	first := j.first()
	for _, e := range t.Events {
		if e.Station == station && (e.Kind == SYNRefused || e.Kind == ICMPHeard) && !e.At.Before(answer.last().At) &&
			e.Local.Port() == first.Source.Port() && e.Remote == first.Destination {
			return fmt.Sprintf("; %s socket was refused", possessed(t.name(s.from)))
		}
	}
	return ""
}

// interruption is the cause of what ended a packet under way.
func interruption(e End) Cause {
	switch e {
	case LinkLost:
		return Lost
	case UnderWay:
		return OutOfTime
	case TTLExpired:
		return TTLRanOut
	}
	return Unknown
}

// interruption says it in words.
func (t *trial) interruption(j *Journey) string {
	at := t.network.name(j.Where)
	switch j.End {
	case LinkLost:
		if j.Why != "" {
			return fmt.Sprintf("was lost behind %s (%s)", at, j.Why)
		}
		return fmt.Sprintf("left %s and never came any further", at)
	case UnderWay:
		return fmt.Sprintf("was under way, last seen at %s, when watching ended", at)
	case TTLExpired:
		return fmt.Sprintf("died of its TTL at %s", at)
	}
	return fmt.Sprintf("was not seen any further than %s", at)
}

// milliseconds is a duration as stories have it.
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Round(100*time.Microsecond).Microseconds())/1000)
}

// count writes a number with commas: 1,022.
func count(n int) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// plural is a number with its noun.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}

func contains(all []int, one int) bool { return slices.Contains(all, one) }
