package specs

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness"
)

// TestSoak measures the whole matrix again and again, PUNCHLAB_SOAK times,
// every other time with all processors busy with other work: the same matrix
// must come out each time. `make soak` calls it.
func TestSoak(t *testing.T) {
	rounds, _ := strconv.Atoi(os.Getenv("PUNCHLAB_SOAK"))
	if rounds == 0 {
		t.Skip("PUNCHLAB_SOAK is not set to a number of rounds: see make soak")
	}
	harness.Need(t)
	for round := range rounds {
		soak(t, round, round%2 == 1)
	}
}

func soak(t *testing.T, round int, busy bool) {
	if busy {
		defer keepBusy(t)()
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
	for _, s := range m.short() {
		t.Errorf("round %d, busy %t: too few valid trials: %s", round, busy, s)
	}
	t.Logf("round %d, busy %t: %d trials and %d invalid ones in %s", round, busy, m.trials, m.spoilt, time.Since(began).Round(time.Second))
}

// spinning makes a process of this binary that does nothing but keep a
// processor busy.
const spinning = "PUNCHLAB_SPIN"

func spin() {
	for { //nolint:staticcheck // being busy is all that it is for
	}
}

// keepBusy starts a busy process for each processor; the function that it
// returns ends them.
func keepBusy(t *testing.T) (stop func()) {
	var all []*exec.Cmd
	for range runtime.NumCPU() {
		c := exec.Command("/proc/self/exe")
		c.Env = append(os.Environ(), spinning+"=1")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return func() {
		for _, c := range all {
			_ = c.Process.Kill()
			_ = c.Wait() // it was killed
		}
	}
}
