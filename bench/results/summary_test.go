package results

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	tests := []struct {
		figures []float64
		want    *float64
	}{
		{nil, nil},
		{[]float64{5}, new(5.0)},
		{[]float64{9, 1}, new(5.0)},
		{[]float64{30, 10, 20}, new(20.0)},
		{[]float64{40, 10, 30, 20}, new(25.0)},
		{[]float64{1, 1, 1, 1000}, new(1.0)},
		{[]float64{0, 0}, new(0.0)},
	}
	for _, test := range tests {
		given := slices.Clone(test.figures)
		if diff := cmp.Diff(test.want, Median(test.figures)); diff != "" {
			t.Errorf("median of %v: %s", given, diff)
		}
		if !slices.Equal(given, test.figures) {
			t.Errorf("median of %v sorted its caller's slice", given)
		}
	}
}

func TestSummarise(t *testing.T) {
	blocked := cell
	blocked.NATA = "linux-random"
	unproven := failed(cell, 4, "proof missing")
	unproven.EstablishedMS = new(1.0)
	spoiled := invalid(cell, 5)
	spoiled.EstablishedMS, spoiled.ConnectMS = new(999.0), new(999.0)
	unmeasured := connected(cell, 6, 0, 80)
	unmeasured.EstablishedMS, unmeasured.RTTMS = nil, nil

	tests := map[string]struct {
		trials []Trial
		want   []Summary
	}{
		"no trials": {nil, []Summary{}},
		"all connected": {
			[]Trial{connected(cell, 1, 44, 70), connected(cell, 2, 42, 66)},
			[]Summary{{Cell: cell, Successes: 2, Trials: 2, EstablishedMedian: new(43.0), ConnectMedian: new(68.0), ConnectP90: new(70.0), ConnectP99: new(70.0),
				RoundsMedian: new((70/40.5 + 66/40.5) / 2), RoundsP90: new(70 / 40.5), RoundsP99: new(70 / 40.5), Causes: map[string]int{}}},
		},
		"none connected": {
			[]Trial{failed(cell, 1, "silence"), failed(cell, 2, "refused"), failed(cell, 3, "silence")},
			[]Summary{{Cell: cell, Trials: 3, Causes: map[string]int{"silence": 2, "refused": 1}}},
		},
		"failed and invalid trials have no say in the medians": {
			[]Trial{connected(cell, 1, 44, 66), unproven, spoiled},
			[]Summary{{Cell: cell, Successes: 1, Trials: 2, Invalid: 1, EstablishedMedian: new(44.0), ConnectMedian: new(66.0), ConnectP90: new(66.0), ConnectP99: new(66.0),
				RoundsMedian: new(66 / 40.5), RoundsP90: new(66 / 40.5), RoundsP99: new(66 / 40.5), Causes: map[string]int{"proof missing": 1}}},
		},
		"a time that was not measured is not zero": {
			[]Trial{connected(cell, 1, 44, 66), unmeasured},
			[]Summary{{Cell: cell, Successes: 2, Trials: 2, EstablishedMedian: new(44.0), ConnectMedian: new(73.0), ConnectP90: new(80.0), ConnectP99: new(80.0),
				RoundsMedian: new(66 / 40.5), RoundsP90: new(66 / 40.5), RoundsP99: new(66 / 40.5), Causes: map[string]int{}}},
		},
		"only invalid": {
			[]Trial{invalid(cell, 1)},
			[]Summary{{Cell: cell, Invalid: 1, Causes: map[string]int{}}},
		},
		"two cells, in the order of their names": {
			[]Trial{failed(cell, 1, "x"), failed(blocked, 1, "y"), failed(cell, 2, "x")},
			[]Summary{
				{Cell: blocked, Trials: 1, Causes: map[string]int{"y": 1}},
				{Cell: cell, Trials: 2, Causes: map[string]int{"x": 2}},
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for i := range test.want {
				test.want[i] = sent(test.want[i], test.trials)
			}
			if diff := cmp.Diff(test.want, Summarise(test.trials)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// sent adds what follows from the counts, and what every connected trial of these
// tests has sent and won by.
func sent(s Summary, trials []Trial) Summary {
	s.Via = map[string]int{}
	if s.Trials > 0 {
		s.Rate, s.Interval = new(float64(s.Successes)/float64(s.Trials)), new(s.Tally().Interval())
	}
	if s.Successes > 0 {
		s.SYNsMedian, s.PacketsMedian = new(float64(trials[0].SYNs)), new(float64(trials[0].Packets))
		s.Via[trials[0].Via] = s.Successes
	}
	return s
}

// Two carriers are two experiments: their trials must not be pooled.
func TestSummariseKeepsSlotsApart(t *testing.T) {
	carried := func(profile string) Cell {
		c := cell
		c.Slots = SlotsOf(map[string]string{"carrier": profile})
		return c
	}
	got := Summarise([]Trial{failed(carried("none"), 1, ""), failed(carried("openwrt"), 1, ""), failed(carried("none"), 2, "")})
	if len(got) != 2 || got[0].Trials != 2 || got[1].Trials != 1 {
		t.Errorf("%v", got)
	}
}

func TestRunFollowsThePlan(t *testing.T) {
	first, second, extra := cell, cell, cell
	first.NATA, second.NATA, extra.NATA = "none", "linux-masquerade", "aaa"
	run := Run{
		Manifest: manifest(2, first, second),
		Trials: []Trial{
			failed(extra, 1, "x"), connected(first, 1, 44, 66), invalid(first, 2),
			connected(first, 3, 44, 66), connected(first, 4, 44, 66),
		},
	}
	var order []Cell
	for _, s := range run.Summaries() {
		order = append(order, s.Cell)
	}
	if diff := cmp.Diff([]Cell{first, second, extra}, order); diff != "" {
		t.Error(diff)
	}
	// Neither the surplus of the first cell, nor its invalid trial, nor a
	// cell that nobody planned replaces what the second cell lacks.
	if run.Done() != 2 || run.Complete() {
		t.Errorf("%d of %d done, complete: %t", run.Done(), run.Manifest.Planned(), run.Complete())
	}
	run.Trials = append(run.Trials, failed(second, 1, "x"), failed(second, 2, "x"))
	if run.Done() != 4 || !run.Complete() {
		t.Errorf("%d of %d done, complete: %t", run.Done(), run.Manifest.Planned(), run.Complete())
	}
}

func TestSlots(t *testing.T) {
	empty := SlotsOf(nil)
	if empty != SlotsOf(map[string]string{}) || empty.String() != "" || len(empty.Map()) != 0 {
		t.Errorf("no slots: %q", empty)
	}
	two := SlotsOf(map[string]string{"exit": "none", "carrier": "linux-random"})
	if two.String() != "carrier=linux-random, exit=none" {
		t.Errorf("%s", two)
	}
	if SlotsOf(two.Map()) != two {
		t.Errorf("%s is not what its map makes", two)
	}
}

func TestMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]float64{
		0:                            0,
		43*time.Millisecond + 1499:   43.001,
		1500 * time.Nanosecond:       0.002,
		-20 * time.Millisecond:       -20,
		2*time.Second + 1_000_000/10: 2000.1,
	} {
		if got := Milliseconds(d); got != want {
			t.Errorf("%v is %v ms, want %v", d, got, want)
		}
	}
}
