package bench

import (
	"testing"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/punch"
)

// Two workers take turns: each stays with its lab while that has cells, begins
// one that nobody has begun, and at last helps with what is left.
func TestTheDealKeepsLabsTogether(t *testing.T) {
	nats := profiles(t, "none", "openwrt")
	cells, err := Cells(topology(t, "two-nats"), nats, nats[:1], nil, punch.Strategies())
	if err != nil {
		t.Fatal(err)
	}
	d := newDeal(Plan{Cells: append(cells, cells[0], cells[2], cells[4]), Seed: 1, Trials: 1})
	dealt := map[results.Cell]int{}
	labs := [2]map[results.Cell]bool{{}, {}}
	var piles [2]*pile
	for more := true; more; {
		more = false
		for i := range piles {
			v, from, ok := d.next(piles[i])
			if !ok {
				continue
			}
			more, piles[i] = true, from
			dealt[v.key]++
			labs[i][v.lab()] = true
		}
	}
	if len(dealt) != len(cells) || dealt[cells[0].Key()] != 2 {
		t.Errorf("%d cells were dealt of %d, one that is there twice %d times", len(dealt), len(cells), dealt[cells[0].Key()])
	}
	if len(labs[0])+len(labs[1]) != 3 {
		t.Errorf("the two changed labs: %v, %v; want one for each, and the longer pile shared", labs[0], labs[1])
	}
	if v, _, ok := newDeal(Plan{}).next(nil); ok {
		t.Errorf("%v was dealt out of nothing", v.key)
	}
}

// Every cell has had as many trials as any other, give or take one, at any time but
// within a pass.
func TestTrialsAreSpreadOverTheRun(t *testing.T) {
	nats := profiles(t, "none", "openwrt", "eim-eif")
	auto, err := punch.StrategyNamed("auto")
	if err != nil {
		t.Fatal(err)
	}
	cells, err := Cells(topology(t, "two-nats"), nats, nats, nil, []punch.Strategy{auto})
	if err != nil {
		t.Fatal(err)
	}
	const trials = 10
	plan := Plan{Cells: cells, Trials: trials, Seed: 3}
	for _, labs := range []int{len(cells), 1 + mostParked} {
		passes := plan.passes(labs)
		if want := map[bool]int{true: trials, false: spread}[labs == len(cells)]; passes != want {
			t.Errorf("%d passes for %d labs, want %d", passes, labs, want)
		}
	}
	d, made := newDeal(plan), map[results.Cell]int{}
	for i := range d.visits() {
		v, _, ok := d.next(nil)
		if !ok {
			t.Fatalf("only %d visits", i)
		}
		made[v.key] += v.trials
		if (i+1)%len(cells) > 0 {
			continue
		}
		for c, n := range made {
			if n != made[cells[0].Key()] {
				t.Errorf("after %d visits %s has had %d trials, another cell %d", i+1, c, n, made[cells[0].Key()])
			}
		}
	}
	for c, n := range made {
		if n != trials {
			t.Errorf("%s had %d trials", c, n)
		}
	}
}

// An invalid trial is made again in its place, and a cell of which most are is given up.
func TestASeries(t *testing.T) {
	s := newSeries(Cell{Topology: topology(t, "two-nats"), Strategy: punch.Strategies()[0]}, Plan{Trials: 2})
	for i, step := range []struct {
		outcome            results.Outcome
		slot               int
		wantStory, wantEnd bool
	}{
		{results.Invalid, 0, false, false},
		{results.Failed, 0, true, false},
		{results.Invalid, 1, false, false},
		{results.Failed, 1, false, true},
	} {
		number, slot, _, ok := s.begin()
		if number != i || slot != step.slot || !ok {
			t.Errorf("trial %d has the number %d and place %d, %v", i, number, slot, ok)
		}
		if story, last := s.end(slot, step.outcome, true); story != step.wantStory || last != step.wantEnd {
			t.Errorf("trial %d: story %v, last %v", i, story, last)
		}
	}
	if _, _, _, ok := s.begin(); ok {
		t.Error("a cell that has all its trials gets another")
	}
	spoilt := newSeries(s.Cell, Plan{Trials: 2})
	for range fewestTries {
		_, slot, _, ok := spoilt.begin()
		if !ok {
			t.Fatal("a cell was given up too soon")
		}
		spoilt.end(slot, results.Invalid, false)
	}
	if _, _, _, ok := spoilt.begin(); ok {
		t.Error("a cell was not given up")
	}
}
