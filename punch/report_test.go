package punch

import (
	"errors"
	"testing"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

func TestHandshakeRTT(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name                           string
		kernel, handshake, bound, want time.Duration
	}{
		{"an ordinary handshake", 40 * ms, 40 * ms, 40 * ms, 40 * ms},
		{"noticed late", 40 * ms, 55 * ms, 40 * ms, 40 * ms},
		{"noticed late, and the bound is a bit too large", 40 * ms, 55 * ms, 40*ms + ms/2, 40 * ms},
		{"the server is far off", 20 * ms, 20*ms + ms/2, 100 * ms, 20 * ms},
		{"crossed in the middle", 20 * ms, 40 * ms, 40 * ms, 40 * ms},
		{"crossed in the middle, noticed late", 20 * ms, 55 * ms, 40 * ms, 40 * ms},
		{"crossed near us", 1 * ms, 41 * ms, 42 * ms, 41 * ms},
		{"crossed near the peer", 39 * ms, 40 * ms, 40 * ms, 39 * ms},
		{"crossed on a detour of the server", 20 * ms, 40 * ms, 60 * ms, 40 * ms},
		{"the peer's SYN came late", 40 * ms, 100 * ms, 45 * ms, 40 * ms},
		{"nothing known of the path", 30 * ms, 40 * ms, 0, 30 * ms},
		{"late, nothing known of the path", 40 * ms, 100 * ms, 0, 40 * ms},
		{"the kernel does not tell", 0, 40 * ms, 41 * ms, 40 * ms},
		{"on loopback, noticed late", 30 * time.Microsecond, 5 * ms, 60 * time.Microsecond, 30 * time.Microsecond},
	} {
		if got := handshakeRTT(c.kernel, c.handshake, c.bound); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWhatWasSeenInWords(t *testing.T) {
	for want, r := range map[string]Report{
		"0 SYNs, 0 refused, 0 replaced unanswered":                               {},
		"1 SYN, 1 refused, 0 replaced unanswered; 1 connection to somebody else": {SYNs: 1, Refusals: 1, Strangers: 1},
		"3 SYNs, 0 refused, 2 replaced unanswered; 2 connections to somebody else; the peer left the server (bye); last: no": {
			SYNs: 3, Silences: 2, Strangers: 2, PeerLeft: rendezvous.SaidBye, LastError: errors.New("no")},
	} {
		if got := r.seen(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
