package bench_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/bench/story"
)

// What each pair fails of is told by the packets, in one word.
func TestFailuresHaveTheirCauses(t *testing.T) {
	for by, pairs := range map[string]map[[2]string]story.Cause{
		"direct": {
			{"linux-masquerade", "linux-masquerade"}: story.Filtered,
			{"openwrt", "openwrt"}:                   story.ResetByNAT,
		},
		"simultaneous-open": {
			{"linux-random", "linux-random"}:                   story.Remapped,
			{"eim-crossed-syn-reset", "eim-crossed-syn-reset"}: story.HoleRefused,
		},
		"auto": {
			{"linux-random", "linux-random"}: story.NoWay,
		},
	} {
		for pair, want := range pairs {
			c := cells(t, by, pair[0], pair[1])[1]
			if pair[0] == pair[1] {
				c = cells(t, by, pair[0])[0]
			}
			a, err := bench.Try(t.Context(), c, bench.TryOptions{Patience: 500 * time.Millisecond, Observe: true})
			if err != nil {
				t.Fatal(err)
			}
			if a.Outcome == results.Invalid {
				continue
			}
			if a.Outcome != results.Failed || a.Cause != string(want) || a.Why == "" {
				t.Errorf("%s: %s, because of %s: %s, want %s\n%s", c.Key(), a.Outcome, a.Cause, a.Why, want, a.Seen.Story().Text(120))
			}
		}
	}
}

// A run observes what may fail, and hands out what was seen; the packets can be kept.
func TestARunObservesWhatMayFail(t *testing.T) {
	plan := bench.Plan{Cells: cells(t, "simultaneous-open", "linux-masquerade", "linux-random"), Trials: 3,
		Patience: 300 * time.Millisecond, Seed: 1}
	seen, failed := map[results.Cell]int{}, 0
	err := bench.Run(t.Context(), plan, bench.Observer{
		Trial: func(r results.Trial) {
			if r.Outcome == results.Failed {
				failed++
				if r.Cause == string(story.Unknown) || r.Cause == "" || r.Why == "" {
					t.Errorf("%v", r)
				}
			}
		},
		Seen: func(r results.Trial, o *bench.Observation) error {
			if r.Outcome != results.Invalid {
				seen[r.Cell]++
			}
			var file bytes.Buffer
			if err := o.WritePCAPNG(&file); err != nil {
				return err
			}
			for _, part := range []string{"\x0a\x0d\x0d\x0a", "nat-a outside (wan, towards transit-a)", "nat-b: "} {
				if !strings.Contains(file.String(), part) {
					return fmt.Errorf("a capture file without %q", part)
				}
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for c, n := range seen {
		sure := c.NATA == "linux-masquerade" && c.NATB == "linux-masquerade"
		if want := map[bool]int{true: 1, false: 3}[sure]; n != want {
			t.Errorf("%s: %d trials were observed, want %d", c, n, want)
		}
	}
	if len(seen) != 4 || failed < 6 {
		t.Errorf("%d cells were observed, %d trials failed", len(seen), failed)
	}
	full := errors.New("the disk is full")
	plan.Observe = bench.ObserveAll
	err = bench.Run(t.Context(), plan, bench.Observer{Seen: func(results.Trial, *bench.Observation) error { return full }})
	if !errors.Is(err, full) || !strings.Contains(err.Error(), "simultaneous-open") {
		t.Errorf("%v", err)
	}
}
