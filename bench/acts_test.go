package bench_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/bench/story"
	"github.com/punchlab/punchlab/links"
)

// Of a packet that a link has dropped the story says which link, and by which rule;
// what another rule delays has a line. The capture says so at its last sight.
func TestAStoryKnowsWhyALinkDroppedAPacket(t *testing.T) {
	cell := cells(t, "direct", "none")[0]
	for _, text := range []string{
		"transit-a up: drop SYN every to bob", "transit-b up: drop SYN every to alice", "transit-b down: delay data #1 by 3ms to bob",
	} {
		f, err := links.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		cell.Faults = append(cell.Faults, f)
	}
	a, err := bench.Try(t.Context(), cell, bench.TryOptions{Patience: 300 * time.Millisecond, Observe: true})
	if err != nil {
		t.Fatal(err)
	}
	told := a.Seen.Story()
	if a.Outcome == results.Connected || told.Cause != story.Lost || !strings.Contains(told.Sentence, "drop SYN every to ") {
		t.Errorf("%s because of %s: %s", a.Outcome, told.Cause, told.Sentence)
	}
	if text := told.Text(200); !strings.Contains(text, "transit-b down: delay data #1 by 3ms to bob acts on ") {
		t.Errorf("no rule is told of:\n%s", text)
	}
	var file bytes.Buffer
	if err := a.Seen.WritePCAPNG(&file); err != nil {
		t.Fatal(err)
	}
	if want := "was lost behind nat-a (transit-a up: drop SYN every to bob)"; !strings.Contains(file.String(), want) {
		t.Errorf("the capture does not say %q", want)
	}
}
