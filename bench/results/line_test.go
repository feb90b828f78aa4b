package results_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/bench/results"
)

// TestLine finds every trial of a file where Read does, and nothing beside them.
func TestLine(t *testing.T) {
	var file bytes.Buffer
	w, err := results.NewWriter(&file, results.Manifest{Version: "v1.2.3", Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	const trials = 3
	for n := range trials {
		c := results.Cell{Topology: "open", Strategy: "direct"}
		if err := w.Write(results.Trial{Cell: c, Number: n, Outcome: results.Failed}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range trials {
		m, got, err := results.Line(bytes.NewReader(file.Bytes()), n+2)
		if err != nil || got.Number != n || m.Version != "v1.2.3" || m.Seed != 7 {
			t.Errorf("line %d: trial %d of %+v: %v", n+2, got.Number, m, err)
		}
	}
	for _, number := range []int{-1, 0, 1, trials + 2} {
		if _, _, err := results.Line(bytes.NewReader(file.Bytes()), number); err == nil {
			t.Errorf("line %d is a trial", number)
		}
	}
	// What is broken elsewhere does not matter; a line of a newer version is refused.
	text := strings.Replace(file.String(), `"outcome":"failed"`, `"outcome":"drowned"`, 1)
	text = strings.Replace(text, `"trial":2`, `"trial":2,"tide":"high"`, 1)
	if _, got, err := results.Line(strings.NewReader(text), 3); err != nil || got.Number != 1 {
		t.Errorf("line 3: %v, %v", got, err)
	}
	var at *results.LineError
	for number, want := range map[int]string{2: "drowned", 4: "tide"} {
		if _, _, err := results.Line(strings.NewReader(text), number); !errors.As(err, &at) || at.Line != number || !strings.Contains(err.Error(), want) {
			t.Errorf("line %d: %v", number, err)
		}
	}
}
