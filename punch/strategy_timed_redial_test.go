package punch

import (
	"testing"
	"time"
)

func TestTimedRedialHangsOnAnswers(t *testing.T) {
	foresees(t, timedRedial{}, []foreseen{
		{"whoever is early waits", portCone, portCone, 1, 1.5},
		{"a reset on one side: the other one's SYN waits for the next", resetCone, portCone, 1, 1.5},
		{"resets on both: neither waits", resetCone, resetCone, unforgiven, 1.5},
		{"ICMP leaves a hole by which a listener is met", icmpCone, portCone, unforgiven, 1.5},
		{"a firewall tracks connections too", icmpCone, firewall, unforgiven, 1.5},
		{"who is not filtered is met at once", icmpCone, noNAT, 1, 1.5},
		{"who is open is met at once", resetCone, fullCone, 1, 1.5},
		{"one SYN comes in by its address", addrCone, symmetric, 1, 2},
		{"and is refused half of the time", addrCone, withAnswer(symmetric, Reset), unforgiven, 2},
		{"but not where the filter that lets it in answers", withAnswer(addrCone, Reset), symmetric, 1, 2},
		{"neither SYN meets a hole", symmetric, symmetric, 0, 0},
	})
}

// A SYN that is replaced sooner would be closed before its answer came; two constant intervals would never meet.
func TestIntervals(t *testing.T) {
	for _, rtt := range []time.Duration{0, time.Millisecond, 40 * time.Millisecond, time.Second} {
		seen := map[time.Duration]bool{}
		for range 100 {
			i := interval(rtt)
			seen[i] = true
			if i < rtt+rtt/2+redialSlack || i < shortestInterval || i > 4*max(rtt, shortestInterval)+unknownInterval {
				t.Fatalf("an interval of %s at a round trip of %s", i, rtt)
			}
		}
		if len(seen) < 10 {
			t.Errorf("intervals at a round trip of %s: %v", rtt, seen)
		}
	}
}
