package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
)

// curve is a cell at so many points of a parameter, each with a link and a timer of its own.
func curve(t *testing.T, parameter string, points int) (all []Cell) {
	t.Helper()
	for i := range points {
		scaled, err := topology(t, "two-nats").WithRTT(time.Duration(i+1) * 20 * time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		nat := profiles(t, "openwrt")
		if parameter == results.SweepSYNSent {
			nat[0].TCP.Timeouts.SYNSent = natprofiles.Timeout(i+1) * natprofiles.Timeout(time.Second)
		}
		cells, err := Cells(scaled, nat, nat, nil, punch.Strategies()[:2])
		if err != nil {
			t.Fatal(err)
		}
		for j := range cells {
			cells[j].Point = Point{
				Point:    results.Point{Parameter: parameter, Value: fmt.Sprint(i)},
				Staggers: []time.Duration{time.Duration(i)}, CrossTraffic: float64(10 * i),
			}
		}
		all = append(all, cells...)
	}
	return all
}

// Points are dealt like strategies: in one lab where links are all that differs, each
// of them once before any of them twice, and not in their order.
func TestPointsTakeTurns(t *testing.T) {
	const points, trials = 9, 4
	for parameter, labs := range map[string]int{results.SweepStagger: 1, results.SweepRTT: 1, results.SweepSYNSent: points} {
		cells := curve(t, parameter, points)
		d := newDeal(Plan{Cells: cells, Trials: trials, Seed: 5})
		if got := len(d.piles); got != trials*labs {
			t.Errorf("%s: %d piles, want %d", parameter, got, trials*labs)
		}
		made, order := map[results.Cell]int{}, []string{}
		for i, p := range d.piles {
			for _, v := range p.visits {
				made[v.key] += v.trials
				order = append(order, v.key.Point.Value)
			}
			if (i+1)%labs > 0 {
				continue // in the middle of a pass
			}
			for _, c := range cells {
				if pass := i/labs + 1; made[c.Key()] != pass {
					t.Errorf("%s: %s has had %d trials after pass %d", parameter, c.Key(), made[c.Key()], pass)
				}
			}
		}
		if slices.IsSorted(order[:len(cells)]) || slices.Equal(order[:len(cells)], order[len(cells):2*len(cells)]) {
			t.Errorf("%s: the points come in the order %v", parameter, order)
		}
	}
}

func TestPointsHaveTheirLabs(t *testing.T) {
	links := curve(t, results.SweepRTT, 2)
	near, far := links[0], links[2]
	if !near.sameLab(far) {
		t.Error("a lab is not used again for links that it can be told")
	}
	far.Topology.Nodes = far.Topology.Nodes[:len(far.Topology.Nodes)-1]
	if near.sameLab(far) {
		t.Error("a lab is used for another topology")
	}
	if timers := curve(t, results.SweepSYNSent, 2); timers[0].sameLab(timers[2]) {
		t.Error("a lab is used for NATs with another timer")
	}
}

// What a point says goes before what the plan says; the manifest has what is swept as
// the first point has it.
func TestAPlanOfPoints(t *testing.T) {
	cells := curve(t, results.SweepSYNSent, 3)
	sweep := &results.Sweep{Parameter: results.SweepSYNSent, Unit: results.UnitSeconds}
	p := Plan{Cells: cells, Trials: 1, Staggers: []time.Duration{7}, CrossTraffic: 7, Sweep: sweep}
	for i, want := range []int{0, 0, 1, 1, 2, 2} {
		if p.stagger(cells[i], 3) != time.Duration(want) || p.crossTraffic(cells[i]) != float64(10*want) {
			t.Errorf("cell %d has stagger %d and %v flows", i, p.stagger(cells[i], 3), p.crossTraffic(cells[i]))
		}
	}
	plain := Cell{}
	if p.stagger(plain, 3) != 7 || p.crossTraffic(plain) != 7 {
		t.Error("a cell without a point has not what the plan says")
	}
	m := p.Manifest("v0.1.0", nil)
	if m.Sweep != sweep || len(m.Cells) != len(cells) || m.Profiles["openwrt"] != fingerprint(cells[0].NATs["a"]) {
		t.Errorf("%+v", m)
	}
	if seed := p.seed(cells[0].Key(), 1); seed == p.seed(cells[2].Key(), 1) {
		t.Error("two points draw alike")
	}
}
