package rendezvous

import (
	"testing"
	"time"
)

func TestHowLongADialBackIsWaitedFor(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		rtt, patience time.Duration
		enough        bool
	}{
		{0, 500 * ms, true}, // not known
		{40 * ms, 80 * ms, true},
		{586 * ms, 899 * ms, true},
		{600 * ms, 900 * ms, false},
		{20 * time.Second, 900 * ms, false},
	} {
		if patience, enough := silence(c.rtt); patience != c.patience || enough != c.enough {
			t.Errorf("silence(%s) = %s, %t; want %s, %t", c.rtt, patience, enough, c.patience, c.enough)
		}
	}
}
