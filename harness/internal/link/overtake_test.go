package link

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/fate"
	"github.com/punchlab/punchlab/links"
)

// Where packets overtake each other, each has a verdict of its own: one for all
// up to a number would let go those that are held longer. What is dropped is
// dropped at once.
func TestPacketsOvertakeEachOther(t *testing.T) {
	q, kernel := fakeQueue(t, 10*ms)
	var rules []fate.Rule
	for _, text := range []string{"t up: delay any #1 by 20ms", "t up: drop any #3"} {
		f, err := links.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, fate.Rule{Fault: f})
	}
	q.line.SetRules(rules)
	now := time.Now()
	head := append([]byte{0x45, 0, 0, 20}, make([]byte, 16)...)
	for id := range uint32(4) {
		if _, err := unix.Write(kernel, shownPacket(queueUp, id+1, now, head)); err != nil {
			t.Fatal(err)
		}
	}
	take(t, q, now, 0)
	for _, c := range []struct {
		now  time.Duration
		want []verdict
	}{{0, []verdict{{3, nfDrop}}}, {10 * ms, []verdict{{2, nfAccept}, {4, nfAccept}}}, {30 * ms, []verdict{{1, nfAccept}}}} {
		if _, err := q.release(at(c.now)); err != nil {
			t.Fatal(err)
		}
		got, kinds := verdictsOfKinds(t, kernel)
		if diff := cmp.Diff(c.want, got); diff != "" || slices.Contains(kinds, msgVerdictBatch) {
			t.Errorf("at %v (-want +got)\n%sby messages %x", c.now, diff, kinds)
		}
	}
	// Once nothing is held, packets keep their order again.
	q.line.SetRules(nil)
	tell(t, kernel, now, 5, 6)
	take(t, q, now, 30*ms)
	if _, err := q.release(at(time.Hour)); err != nil {
		t.Fatal(err)
	}
	got, kinds := verdictsOfKinds(t, kernel)
	if diff := cmp.Diff([]verdict{{6, nfAccept}}, got); diff != "" || kinds[0] != msgVerdictBatch {
		t.Errorf("(-want +got)\n%sby messages %x", diff, kinds)
	}
}
