package rendezvous

import (
	"net/netip"
	"testing"
	"time"
)

// drain takes as many dial-backs as there are, up to most.
func drain(a *allowance, to string, now time.Time, most int) (n int) {
	for n < most && a.take(netip.MustParseAddr(to), now) {
		n++
	}
	return n
}

func TestAllowanceOfOneAddress(t *testing.T) {
	var a allowance
	now := time.Unix(1_000, 0)
	for _, c := range []struct {
		after time.Duration
		to    string
		want  int
	}{
		{0, "203.0.113.7", 64},
		{0, "203.0.113.8", 64},
		{100 * time.Millisecond, "203.0.113.7", 0},
		{25 * time.Millisecond, "203.0.113.7", 1},
		{time.Second, "203.0.113.7", 8},
		{time.Hour, "203.0.113.7", 64},
		{0, "2001:db8::1", 64},
		{0, "2001:db8::2", 0}, // the same subscriber
		{0, "2001:db8:0:1::1", 64},
	} {
		now = now.Add(c.after)
		if got := drain(&a, c.to, now, 1_000); got != c.want {
			t.Errorf("%s at %s: %d dial-backs, want %d", c.to, now, got, c.want)
		}
	}
}

func TestAllowanceOfAll(t *testing.T) {
	var a allowance
	now := time.Unix(1_000, 0)
	spend := func() (n int) {
		for i := range byte(100) {
			n += drain(&a, netip.AddrFrom4([4]byte{198, 51, 100, i}).String(), now, 20)
		}
		return n
	}
	if got := spend(); got != 1000 {
		t.Errorf("%d at once, want 1000", got)
	}
	now = now.Add(100 * time.Millisecond)
	if got := spend(); got != 100 {
		t.Errorf("%d after a tenth of a second, want 100", got)
	}
	a.forget()
	if got := spend(); got != 1000 {
		t.Errorf("%d after a new start, want 1000", got)
	}
}

// However many addresses come, only those are remembered whose buckets are not full.
func TestAllowanceForgets(t *testing.T) {
	var a allowance
	now := time.Unix(1_000, 0)
	for i := range 100_000 {
		now = now.Add(time.Millisecond)
		if !a.take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now) {
			t.Fatalf("address %d is refused", i)
		}
	}
	// Each bucket is full again after an eighth of a second.
	if got := len(a.each); got > serverRate {
		t.Errorf("%d buckets are remembered", got)
	}
}
