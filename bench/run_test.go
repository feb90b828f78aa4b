package bench_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

// cells are those of a strategy between some NATs.
func cells(t *testing.T, by string, names ...string) []bench.Cell {
	t.Helper()
	harness.Need(t)
	topology, err := topologies.Get("two-nats")
	if err != nil {
		t.Fatal(err)
	}
	s, err := punch.StrategyNamed(by)
	if err != nil {
		t.Fatal(err)
	}
	var nats []natprofiles.Profile
	for _, name := range names {
		p, err := natprofiles.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		nats = append(nats, p)
	}
	all, err := bench.Cells(topology, nats, nats, nil, []punch.Strategy{s})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRunMakesEveryTrialAndTellsOfIt(t *testing.T) {
	plan := bench.Plan{Cells: cells(t, "relay", "none", "linux-random"), Trials: 3, Patience: 2 * time.Second, Seed: 1}
	var trials []results.Trial
	var dumped bytes.Buffer
	finished := map[results.Cell]bool{}
	err := bench.Run(t.Context(), plan, bench.Observer{
		Trial: func(r results.Trial) { trials = append(trials, r) },
		Cell:  func(c results.Cell) { finished[c] = true },
		Lab: func(_ results.Trial, lab *harness.Lab) {
			if dumped.Len() == 0 {
				if err := lab.Dump(&dumped); err != nil {
					t.Error(err)
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range results.Summarise(trials) {
		if s.Successes != 3 || !finished[s.Cell] {
			t.Errorf("%s, finished %t, causes %v", s, finished[s.Cell], s.Causes)
		}
	}
	if len(finished) != 4 || dumped.Len() == 0 {
		t.Errorf("%d cells finished, %d bytes dumped", len(finished), dumped.Len())
	}
	stories := map[results.Cell]int{}
	for _, r := range trials {
		if strings.Contains(r.Story, "alice") && strings.Contains(r.Story, "bob") && strings.Contains(r.Story, "both proofs were checked") {
			stories[r.Cell]++
		}
		if r.Outcome == results.Connected && (r.Packets < 10 || *r.RTTMS < 40 || r.Seed == 0) {
			t.Errorf("%+v", r)
		}
	}
	if len(stories) != 4 {
		t.Errorf("stories of %d cells", len(stories))
	}
	for c, n := range stories {
		if n != 1 {
			t.Errorf("%s has %d stories of a success", c, n)
		}
	}
}

// During the trials others use both NATs, and none of it is left with the lab.
func TestRunWithCrossTraffic(t *testing.T) {
	plan := bench.Plan{
		Cells: cells(t, "relay", "openwrt", "eim-eif"), Trials: 2, Patience: 2 * time.Second, Seed: 1, CrossTraffic: 500,
	}
	const toNobody = "dst=198.18.255.1"
	err := bench.Run(t.Context(), plan, bench.Observer{Lab: func(trial results.Trial, lab *harness.Lab) {
		var dump strings.Builder
		if err := lab.Dump(&dump); err != nil {
			t.Error(err)
		}
		for _, node := range strings.Split(dump.String(), "\n== ") {
			is := strings.HasPrefix(node, "nat-a ") || strings.HasPrefix(node, "nat-b ")
			if has := strings.Contains(node, toNobody); has != is {
				t.Errorf("%v: cross traffic %v, want %v, in\n%s", trial, has, is, node)
			}
		}
		if trial.Outcome == results.Failed {
			t.Errorf("%+v", trial)
		}
	}})
	if err != nil {
		t.Error(err)
	}
	plan.CrossTraffic = -1
	want := "plan: cross traffic: -1 flows per second are not from 0.001 to 4000"
	if err := bench.Run(t.Context(), plan, bench.Observer{}); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestAFailureHasAStoryToo(t *testing.T) {
	plan := bench.Plan{Cells: cells(t, "direct", "linux-masquerade"), Trials: 2, Patience: 200 * time.Millisecond}
	var stories []string
	err := bench.Run(t.Context(), plan, bench.Observer{Trial: func(r results.Trial) {
		if r.Story != "" {
			stories = append(stories, r.Story)
		}
	}})
	if err != nil || len(stories) != 1 || strings.Contains(stories[0], "proven") || !strings.Contains(stories[0], "nothing inside had asked for it") {
		t.Errorf("%v, stories %q", err, stories)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	plan := bench.Plan{Cells: cells(t, "direct", "linux-masquerade"), Trials: 1000, Patience: 300 * time.Millisecond, Parallel: 1}
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	made := 0
	err := bench.Run(ctx, plan, bench.Observer{Trial: func(results.Trial) {
		if made++; made == 2 {
			cancel(stop)
		}
	}})
	if !errors.Is(err, stop) || made != 2 {
		t.Errorf("%d trials, %v", made, err)
	}
}
