package story

import (
	"fmt"
	"time"
)

// distance is how close an attempt came to a connection.
type distance int

// The distances, from the farthest.
const (
	opened       distance = iota // it was only to open the way for the other peer's
	strayed                      // it ended on the way, where no hole awaited it
	unasked                      // it came to a NAT that nothing had left towards it
	held                         // it never left its own NATs, and so made no hole
	elsewhere                    // it or its counterpart went by another endpoint
	interrupted                  // it was on its way to a hole that was open
	late                         // it came to a hole before that was there, or after that had been closed for this
	refusedThere                 // it came to the hole, which did not let it in
	atHost                       // it came to the host, which did not take it
	answered                     // it came to the host, and the answer came to nothing
	up                           // a connection came up
)

// verdict is what ended an attempt.
type verdict struct {
	distance distance
	cause    Cause
	margin   time.Duration // by which it missed; of equals the smaller is closer
	sentence string
	journeys []int // that the sentence speaks of
	where    int   // station where it is decided
	unproved bool  // it is argued from something that was not seen there
}

// closest is the verdict on the attempt that came closest.
func (t *trial) closest() verdict {
	best := verdict{
		distance: -1, cause: Unknown, where: none, sentence: "no SYN from peer to peer came to anything that is known",
	}
	tried := t.before(t.quit)
	if len(tried) == 0 {
		tried = t.syns
	}
	for _, s := range tried {
		v := t.judge(s)
		if v.distance > best.distance || v.distance == best.distance && v.margin < best.margin {
			best = v
		}
	}
	if best.distance == opened {
		best.cause, best.unproved = Unknown, true
	}
	return best
}

// before are the SYNs that left before a peer had given up.
func (t *trial) before(quit time.Time) []syn {
	if quit.IsZero() {
		return t.syns
	}
	var all []syn
	for _, s := range t.syns {
		if t.journeys[s.journey].first().At.Before(quit) {
			all = append(all, s)
		}
	}
	return all
}

// judge says what ended one SYN.
func (t *trial) judge(s syn) verdict {
	j := &t.journeys[s.journey]
	v := verdict{distance: strayed, cause: Unknown, journeys: []int{s.journey}, where: j.Where}
	own := t.ownNAT(s.from, j)
	switch {
	case j.End == Arrived:
		t.judgeArrived(s, j, &v)
	case j.End == TTLExpired:
		t.judgeExpired(s, j, &v)
	case j.End == LinkLost, j.End == UnderWay, j.End == Unseen:
		t.judgeInterrupted(s, j, &v)
	case t.network.host(j.Where):
		t.judgeRefusedByHost(s, j, &v)
	case own:
		t.judgeHeld(s, j, &v)
	case t.network.isNAT(j.Where) && j.last().Side == Outside:
		t.judgeAtDoor(s, j, &v)
	default:
		t.judgeAstray(s, j, &v)
	}
	return v
}

// ownNAT tells that a SYN ended at the inside of one of its sender's NATs.
func (t *trial) ownNAT(from int, j *Journey) bool {
	last := j.last()
	return !last.Out && last.Side == Inside && j.Where == last.Station && t.network.isNAT(last.Station) &&
		contains(t.network.chains[from], last.Station)
}

// judgeAstray: it ended in the internet, which drops private addresses, or on another network.
func (t *trial) judgeAstray(s syn, j *Journey, v *verdict) {
	last := j.last()
	switch {
	case last.Destination.Addr().IsPrivate():
		v.cause = WrongPort
		v.sentence = fmt.Sprintf("%s to the private endpoint %s came to %s, which %s",
			t.the(s), last.Destination, t.network.name(j.Where), t.refusal(j))
	case last.Source.Addr().IsPrivate():
		v.sentence = fmt.Sprintf("%s came to %s untranslated, from %s, and went no further",
			t.the(s), t.network.name(j.Where), last.Source)
	default:
		v.cause, v.unproved = Lost, true
		if t.awaited(j) {
			v.distance = interrupted
		}
		v.sentence = fmt.Sprintf("%s came to %s, which %s", t.the(s), t.network.name(j.Where), t.refusal(j))
	}
}

// judgeArrived: the SYN came to a host. What counts is what became of the answer.
func (t *trial) judgeArrived(s syn, j *Journey, v *verdict) {
	if j.Answer == none {
		v.distance, v.unproved = atHost, true
		v.sentence = fmt.Sprintf("%s reached %s, whose host did not answer", t.the(s), t.network.name(j.Where))
		return
	}
	v.distance, v.journeys = answered, append(v.journeys, j.Answer)
	a := &t.journeys[j.Answer]
	v.where = a.Where
	whose := t.network.name(j.Where) + "'s SYN-ACK"
	switch a.End {
	case Arrived:
		v.distance, v.cause = up, NotOne
		v.sentence = fmt.Sprintf("%s was answered, and no connection came of it that both peers took", t.the(s))
	case HostReset:
		v.cause, v.sentence = t.late(s, j, a, whose)
	case Dropped, NATReset, Unreachable:
		v.cause = AnswerRefused
		if last := a.last(); !t.network.isNAT(a.Where) && last.Source.Addr().IsPrivate() {
			v.sentence = fmt.Sprintf("%s reached %s; %s passed its NAT untranslated, from %s, and %s dropped it",
				t.the(s), t.network.name(j.Where), whose, last.Source, t.network.name(a.Where))
			return
		}
		v.sentence = fmt.Sprintf("%s reached %s; %s came to %s, which %s",
			t.the(s), t.network.name(j.Where), whose, t.network.name(a.Where), t.refusal(a))
	default:
		v.cause = interruption(a.End)
		v.unproved = a.End == Unseen || a.End == LinkLost && a.Why == ""
		v.sentence = fmt.Sprintf("%s reached %s; %s %s", t.the(s), t.network.name(j.Where), whose, t.interruption(a))
	}
}

// late tells why a host refused the answer to its own SYN: it came from somebody whom the SYN was not sent to, as where
// a NAT hands a SYN round with its inside source and the answer does not pass it; or the socket was gone.
func (t *trial) late(s syn, j, answer *Journey, whose string) (Cause, string) {
	if answer.last().Source != j.first().Destination {
		return HairpinRefused, fmt.Sprintf("%s was turned round with its inside source: %s came from %s and not from %s, "+
			"and %s's host answered RST", t.the(s), whose, answer.last().Source, j.first().Destination, t.name(s.from))
	}
	if ago, gone := t.givenUp(answer); gone {
		return OutOfTime, fmt.Sprintf("%s reached %s; %s came to %s, who had given up %s before",
			t.the(s), t.network.name(j.Where), whose, t.name(s.from), ago)
	}
	return ResetByHost, fmt.Sprintf("%s reached %s; %s came to %s %s later, whose socket was gone: the host answered RST",
		t.the(s), t.network.name(j.Where), whose, t.name(s.from), milliseconds(answer.last().At.Sub(j.first().At)))
}

// givenUp tells that a packet was refused by the host of a peer that had given up when it came, and how long before.
func (t *trial) givenUp(j *Journey) (ago string, gone bool) {
	p := t.network.peer(j.Where)
	if p == none {
		return "", false
	}
	e := t.event(p, GaveUp)
	if e == nil || e.At.After(j.last().At) {
		return "", false
	}
	return milliseconds(j.last().At.Sub(e.At)), true
}

func (t *trial) judgeRefusedByHost(s syn, j *Journey, v *verdict) {
	v.distance, v.cause = atHost, ResetByHost
	v.journeys = append(v.journeys, j.Answer)
	v.sentence = fmt.Sprintf("%s reached %s, whose host %s%s",
		t.the(s), t.network.name(j.Where), t.refusal(j), t.aftermath(s, j))
	if ago, gone := t.givenUp(j); gone {
		v.cause = OutOfTime
		v.sentence = fmt.Sprintf("%s reached %s, who had given up %s before", t.the(s), t.network.name(j.Where), ago)
	}
}

// judgeExpired: it was meant to, where its TTL was small and it has left its own NATs.
func (t *trial) judgeExpired(s syn, j *Journey, v *verdict) {
	switch meant := t.shortLived(s, j); {
	case t.ownNAT(s.from, j):
		v.distance, v.cause = held, TTLRanOut
		v.sentence = fmt.Sprintf("the TTL of %s, %d, ran out in %s, which it never left",
			t.the(s), j.first().TTL, t.network.name(j.Where))
	case meant:
		v.distance = opened
		v.sentence = fmt.Sprintf("the TTL of %s ran out at %s, as it was to, and no SYN came into its hole",
			t.the(s), t.network.name(j.Where))
	default:
		v.cause = TTLRanOut
		if t.awaited(j) {
			v.distance = interrupted
		}
		v.sentence = fmt.Sprintf("the TTL of %s, %d, ran out at %s", t.the(s), j.first().TTL, t.network.name(j.Where))
	}
}

// meantTTL is below every TTL that a stack begins with: 64 at the least (RFC 1700; Linux, net.ipv4.ip_default_ttl), and
// no path that a packet is meant to live on takes half of that.
const meantTTL = 32

// shortLived tells a SYN that was to die on its way.
func (t *trial) shortLived(s syn, j *Journey) bool {
	return j.first().Out && j.first().Station == t.network.peers[s.from] && j.first().TTL < meantTTL
}

// judgeInterrupted: a link lost it, time was up, or it was not seen any further.
func (t *trial) judgeInterrupted(s syn, j *Journey, v *verdict) {
	v.cause = interruption(j.End)
	v.unproved = j.End == Unseen || j.End == LinkLost && j.Why == ""
	v.sentence = t.the(s) + " " + t.interruption(j)
	switch _, out := j.left(outermost(t.network.chains[s.from])); {
	case t.awaited(j):
		v.distance = interrupted
		v.sentence += ", on its way to a hole that was open"
	case !out && len(t.network.chains[s.from]) > 0:
		v.distance = held
	}
}

// awaited tells that the other peer had opened all its NATs for a SYN that ended on its way, or had when it would have
// come there.
func (t *trial) awaited(j *Journey) bool {
	last := j.last()
	from := t.sender(j)
	chain := t.network.chains[1-from]
	if len(chain) == 0 {
		return true
	}
	before, _ := t.hole(hole{outermost(chain), last.Destination, last.Source}, last.At.Add(t.longest))
	return before != nil
}

func outermost(chain []int) int {
	if len(chain) == 0 {
		return none
	}
	return chain[len(chain)-1]
}

// judgeHeld: it came to the inside of one of its own NATs and not out of it.
func (t *trial) judgeHeld(s syn, j *Journey, v *verdict) {
	v.distance, v.cause, v.unproved = held, PortsExhausted, j.End == Dropped
	nat, last := t.network.name(j.Where), j.last()
	_, hairpin := t.network.external[last.Destination.Addr()]
	switch {
	case hairpin && t.network.shared(t.network.external[last.Destination.Addr()]):
		v.cause = HairpinRefused
		v.sentence = fmt.Sprintf("%s to %s was not turned round by %s, which %s",
			t.the(s), last.Destination, nat, t.refusal(j))
	case j.End == Unreachable:
		v.cause = ICMPByNAT
		v.sentence = fmt.Sprintf("%s did not leave %s, which %s", t.the(s), nat, t.refusal(j))
	case last.Destination.Addr().IsPrivate():
		v.distance, v.cause = strayed, WrongPort
		v.sentence = fmt.Sprintf("%s to the private endpoint %s did not leave %s, which %s",
			t.the(s), last.Destination, nat, t.refusal(j))
	case t.mapped(j):
		v.cause, v.unproved = Unknown, true
		v.sentence = fmt.Sprintf("%s got a mapping of %s and was not seen to leave it", t.the(s), nat)
	default:
		v.sentence = fmt.Sprintf("%s came to %s and got no mapping: it %s", t.the(s), nat, t.refusal(j))
	}
}

// mapped tells whether connection tracking has heard of a packet that a NAT was not seen to pass on: it hears of a new
// one only when it leaves (nf_conntrack_confirm of net/netfilter/nf_conntrack_core.c).
func (t *trial) mapped(j *Journey) bool {
	last := j.last()
	for _, f := range t.Flows {
		if f.Station == last.Station && f.Change == New && !f.At.Before(last.At) &&
			f.Original == (Tuple{last.Source, last.Destination}) {
			return true
		}
	}
	return false
}
