package results

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// swept is a run of a sweep with so many successes of ten at the staggers 0, 1, 2 and
// so on; less than none is a point without a trial.
func swept(successes ...int) (run Run) {
	sweep := &Sweep{Parameter: SweepStagger, Unit: UnitRounds}
	run.Manifest = Manifest{Sweep: sweep, Trials: 10}
	for i, n := range successes {
		value := fmt.Sprintf("%drtt", i)
		sweep.Values = append(sweep.Values, Value{value, float64(i)})
		c := Cell{Topology: "two-nats", NATA: "openwrt", NATB: "none", Strategy: "direct", Point: Point{SweepStagger, value}}
		run.Manifest.Cells = append(run.Manifest.Cells, c)
		for trial := range 10 {
			t := Trial{Cell: c, Number: trial, Outcome: Failed}
			if trial < n {
				t.Outcome, t.ConnectMS = Connected, new(60.0+float64(i))
			}
			if n >= 0 {
				run.Trials = append(run.Trials, t)
			}
		}
	}
	return run
}

func TestWindows(t *testing.T) {
	number := func(n float64) *float64 { return &n }
	tests := map[string]struct {
		successes []int
		want      []Window
	}{
		"nothing":    {nil, nil},
		"nowhere":    {[]int{0, 2, 4, 0}, nil},
		"unmeasured": {[]int{-1, -1}, nil},
		"everywhere": {[]int{10, 10, 9}, []Window{{
			Edge{At: 0, Open: true, Inside: number(0)}, Edge{At: 2, Open: true, Inside: number(2)},
		}}},
		"in the middle": {[]int{0, 0, 10, 10, 0}, []Window{{
			Edge{At: 1.5, Outside: number(1), Inside: number(2)}, Edge{At: 3.5, Outside: number(4), Inside: number(3)},
		}}},
		// 4 and 6 of 10 may be either: the edge is somewhere between those that may not.
		"slowly": {[]int{0, 4, 6, 10, 6, 4}, []Window{{
			Edge{At: 1.5, Outside: number(0), Inside: number(3)}, Edge{At: 4.5, Inside: number(3)},
		}}},
		"two": {[]int{10, 0, 5, 0}, []Window{
			{Edge{At: 0, Open: true, Inside: number(0)}, Edge{At: 0.5, Outside: number(1), Inside: number(0)}},
			{Edge{At: 2, Outside: number(1)}, Edge{At: 2, Outside: number(3)}},
		}},
		"over a point without trials": {[]int{0, -1, 10}, []Window{{
			Edge{At: 1, Outside: number(0), Inside: number(2)}, Edge{At: 2, Open: true, Inside: number(2)},
		}}},
		// What begins behind another window says nothing of this one.
		"a doubtful gap": {[]int{10, 4, 10, 0}, []Window{
			{Edge{At: 0, Open: true, Inside: number(0)}, Edge{At: 5.0 / 6, Inside: number(0)}},
			{Edge{At: 7.0 / 6, Inside: number(2)}, Edge{At: 2.5, Outside: number(3), Inside: number(2)}},
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []Window
			for _, c := range swept(test.successes...).Curves() {
				got = c.Windows()
			}
			if diff := cmp.Diff(test.want, got, cmp.Comparer(func(x, y float64) bool { return x-y < 1e-9 && y-x < 1e-9 })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Points are placed by their numbers, whatever order the file has, and what the
// manifest does not know is on no curve.
func TestCurves(t *testing.T) {
	run := swept(0, 10, 0)
	cells := run.Manifest.Cells
	cells[0], cells[2] = cells[2], cells[0]
	stray := run.Trials[0]
	stray.Point.Value = "9rtt"
	run.Trials = append(run.Trials, stray)
	all := run.Curves()
	if len(all) != 1 || all[0].Point.Swept() || len(all[0].Spots) != 3 {
		t.Fatalf("%+v", all)
	}
	for i, s := range all[0].Spots {
		if s.Number != float64(i) || s.Point.Value != fmt.Sprintf("%drtt", i) {
			t.Errorf("spot %d is %v at %v", i, s.Point, s.Number)
		}
	}
	if curves := (Run{Trials: run.Trials}).Curves(); curves != nil {
		t.Errorf("a run without a sweep has %v", curves)
	}
}

// A point is part of the cell, in its name, in the file and in the identity of the run;
// a run without a sweep has nothing of it in its file.
func TestPointsAreKept(t *testing.T) {
	run := swept(3, 10)
	var file bytes.Buffer
	w, err := NewWriter(&file, run.Manifest)
	for _, trial := range run.Trials {
		if err == nil {
			err = w.Write(trial)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if line := `"strategy":"direct","point":{"parameter":"stagger","value":"1rtt"},`; strings.Count(file.String(), line) != 10 {
		t.Errorf("not ten trials have %s", line)
	}
	read, err := Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(run.Summaries(), read.Summaries()); diff != "" || len(read.Unknown) > 0 {
		t.Errorf("%v\n%s", read.Unknown, diff)
	}
	if diff := cmp.Diff(run.Manifest.Sweep, read.Manifest.Sweep); diff != "" {
		t.Error(diff)
	}
	if got := run.Manifest.Cells[1].String(); got != "two-nats openwrt x none by direct at stagger 1rtt" {
		t.Error(got)
	}
	if begun := read.Begun()[run.Manifest.Cells[0]]; begun.Tally != (Tally{3, 10}) {
		t.Errorf("%v has begun", begun)
	}
	other := read.Manifest
	other.Cells = other.Cells[:1]
	if other.Identity() == read.Manifest.Identity() {
		t.Error("a run with fewer points is the same")
	}
	plain, _ := plan()
	file.Reset()
	if _, err := NewWriter(&file, plain); err != nil || strings.Contains(file.String(), "point") || strings.Contains(file.String(), "sweep") {
		t.Errorf("%v %s", err, file.String())
	}
}

// All points of a pair are in one shard, so that one machine measures a curve.
func TestShareKeepsCurvesTogether(t *testing.T) {
	m := swept(1, 2, 3).Manifest
	for _, c := range swept(1, 2, 3).Manifest.Cells {
		c.NATA = "none"
		m.Cells = append(m.Cells, c)
	}
	for number := 1; number <= 2; number++ {
		share := m.Share(number, 2)
		if len(share.Cells) != 3 || share.Cells[0].NATA != share.Cells[2].NATA || share.Sweep != m.Sweep {
			t.Errorf("shard %d has %v", number, share.Cells)
		}
	}
}

// Two runs are compared point by point.
func TestCompareKnowsPoints(t *testing.T) {
	c := Compare(swept(10, 10, 10), swept(10, 0), Significance)
	if len(c.Changes) != 2 || c.Changes[0].Changed() || c.Changes[1].Rate != Worse || len(c.OnlyOld) != 1 || c.OnlyOld[0].Point.Value != "2rtt" {
		t.Errorf("%+v", c)
	}
}
