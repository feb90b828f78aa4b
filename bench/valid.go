package bench

import (
	"fmt"
	"time"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/topologies"
)

// LatenessBound is by how much a packet may be held longer than it should be
// in a trial that counts: an eighth of the round trip between the peers, by
// way of the server. Two peers whose SYNs are to cross may start half a round
// trip apart; an eighth on each side leaves half of that. For pairs that are
// closer than 16 milliseconds it is 2, which a quiet machine keeps.
func LatenessBound(rtt time.Duration) time.Duration {
	return max(rtt/8, 2*time.Millisecond)
}

// HostLatenessBound is how long the hosts of a lab may be kept from the processors
// in a trial that counts: two round trips, up to which the engine minds no stagger.
// Below 20 milliseconds there is no bound that a busy machine keeps.
func HostLatenessBound(rtt time.Duration) time.Duration {
	return max(2*rtt, 20*time.Millisecond)
}

// roundAbout is the round trip between the peers by way of the server.
func roundAbout(t topologies.Topology) time.Duration {
	return t.RTT(topologies.Alice, topologies.Rendezvous) + t.RTT(topologies.Bob, topologies.Rendezvous)
}

// spoilt is why a trial does not count.
type spoilt struct{ cause, why string }

// spoiled says why a trial does not count, if it does not.
func spoiled(rtt, hosts time.Duration, links harness.LinkStats) *spoilt {
	if bound := HostLatenessBound(rtt); hosts > bound {
		return &spoilt{results.CauseLate, fmt.Sprintf("the hosts were kept from the processors for %s; up to %s counts",
			hosts.Round(time.Millisecond), bound)}
	}
	switch bound := LatenessBound(rtt); {
	case links.Lost > 0:
		return &spoilt{results.CauseLabLost, fmt.Sprintf("the lab lost %d packets", links.Lost)}
	case links.Lateness > bound:
		return &spoilt{results.CauseLate, fmt.Sprintf("the lab held a packet %s too long; up to %s counts",
			links.Lateness.Round(10*time.Microsecond), bound)}
	}
	return nil
}

// guessing is from how many SYNs on a trial keeps the processors busy by itself, for
// longer than anybody may wait.
const guessing = 100

// waitingShare is which part of [LatenessBound] the hosts of a trial may wait on average
// for a processor, each time they have something to do: that is some four times until both
// have a connection that has proved itself, which is then late by half of the bound.
const waitingShare = 8

// waited says whether the hosts of a trial have waited for a processor so long that it
// shows in its times, and not for their own sockets. What counts is the mean: that they
// were kept from it once, for longer, does no harm to medians, and building labs does
// that to them all the time.
func (a Attempt) waited(rtt time.Duration) bool {
	return a.SYNs < guessing && a.hosts.mean > LatenessBound(rtt)/waitingShare
}
