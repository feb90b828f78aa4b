package specs

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/internal/busytest"
)

// TestSoak measures the whole matrix again and again, PUNCHLAB_SOAK times,
// every other time with all processors busy with other work: the same matrix
// must come out each time. `make soak` calls it.
func TestSoak(t *testing.T) {
	rounds, _ := strconv.Atoi(os.Getenv("PUNCHLAB_SOAK"))
	if rounds == 0 {
		// In CI too: it is minutes of all processors, for whoever asks for them.
		t.Skip("PUNCHLAB_SOAK is not set to a number of rounds: see make soak")
	}
	harness.Need(t)
	for round := range rounds {
		soak(t, round, round%2 == 1)
	}
}

func soak(t *testing.T, round int, busy bool) {
	if busy {
		defer busytest.Keep(t)()
	}
	began := time.Now()
	m, err := measure(t.Context(), matrix(), trialsPerCell, int64(round))
	if err != nil {
		t.Fatalf("round %d, busy %t: %v", round, busy, err)
	}
	for _, s := range m.surprises() {
		t.Errorf("round %d, busy %t: %s", round, busy, s)
	}
	for _, dump := range m.dumps {
		t.Log(dump)
	}
	for _, story := range m.kept {
		t.Log(story)
	}
	for _, s := range m.short() {
		t.Errorf("round %d, busy %t: too few valid trials: %s", round, busy, s)
	}
	t.Logf("round %d, busy %t: %d trials and %d invalid ones in %s", round, busy, m.trials, m.spoilt, time.Since(began).Round(time.Second))
}
