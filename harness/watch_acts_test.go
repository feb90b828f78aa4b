package harness

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/recording"
)

// A recording has what a link dropped, which no leg shows, at the time when it was
// dropped: after it had left the host in front, and before what the host sends next.
func TestWatchTellsWhatLinksDoOnPurpose(t *testing.T) {
	lab := build(t, "open", nil)
	script(t, lab, "transit-a up: drop UDP #2 to bob", "transit-b down: delay UDP #1 by 5ms to bob")
	r := watched(t, lab, func() {
		err := lab.Host("alice").Do(func() error {
			to := &net.UDPAddr{IP: lab.Host("bob").Addrs()[0].AsSlice(), Port: 4321}
			for _, word := range []string{"one", "two", "three"} {
				conn, err := net.DialUDP("udp4", nil, to)
				if err != nil {
					return err
				}
				t.Cleanup(func() { conn.Close() })
				if _, err := conn.Write([]byte(word)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		acted(t, lab, 0)
		acted(t, lab, 1)
	})
	deeds := map[string]recording.Act{}
	for _, a := range r.Acts {
		deeds[a.String()] = a
	}
	drop, delay := deeds["transit-a up: drop UDP #2 to bob"], deeds["transit-b down: delay UDP #1 by 5ms to bob"]
	if len(r.Acts) != 2 || drop.Did != recording.Dropped || delay.Did != recording.Delayed {
		t.Fatalf("%v", r.Acts)
	}
	for word, a := range map[string]recording.Act{"two": drop, "one": delay} {
		if got := string(a.Data[ipv4Header+udpHeader:]); got != word || a.Length != len(a.Data) {
			t.Errorf("%v of %q, want %q", a, got, word)
		}
	}
	var sent []recording.Packet
	for _, p := range r.Packets {
		if p.Data[9] == unix.IPPROTO_UDP && r.Legs[p.Leg].Node == "alice" {
			sent = append(sent, p)
		}
	}
	if len(sent) != 3 || drop.At.Before(sent[1].At) {
		t.Errorf("%d datagrams left; the second one %v before it was dropped", len(sent), drop.At.Sub(sent[1].At))
	}
	if again := watched(t, lab, func() {}); len(again.Acts) > 0 {
		t.Errorf("a recording of nothing has %v", again.Acts)
	}
}
