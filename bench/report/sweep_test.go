package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/internal/goldentest"
)

// sweep is a run of ten trials a point, in which a pair connects within a round trip of
// stagger, and half of the time a quarter further out; every pair a quarter later than
// the one before.
func sweep(pairs, points int) results.Run {
	axis := &results.Sweep{Parameter: results.SweepStagger, Unit: results.UnitRounds}
	run := results.Run{Manifest: results.Manifest{Trials: 10, Sweep: axis, Version: "v0.1.0", Kernel: "6.12.0", Seed: 7}}
	for i := range points {
		n := -2 + 4*float64(i)/float64(points-1)
		axis.Values = append(axis.Values, results.Value{Text: fmt.Sprintf("%.4grtt", n), Number: n})
	}
	for pair := range pairs {
		for _, v := range axis.Values {
			cell := results.Cell{
				Topology: "two-nats", NATA: shipped[pair%len(shipped)], NATB: shipped[3], Strategy: "simultaneous-open",
				Point: results.Point{Parameter: axis.Parameter, Value: v.Text},
			}
			run.Manifest.Cells = append(run.Manifest.Cells, cell)
			successes := 0
			switch off := v.Number - float64(pair)/4; {
			case off >= -1 && off <= 1:
				successes = 10
			case off >= -1.25 && off <= 1.25:
				successes = 5
			}
			of := trials(cell, 10, successes, 61+10*v.Number*v.Number)
			for i := range of {
				if of[i].Outcome == results.Failed {
					of[i].Cause = "refused"
				}
			}
			run.Trials = append(run.Trials, of...)
		}
	}
	return run
}

func TestTerminalDrawsSweeps(t *testing.T) {
	cut := sweep(1, 17)
	cut.Trials = cut.Trials[:114]
	tests := []struct {
		name   string
		run    results.Run
		width  int
		colour bool
	}{
		{name: "sweep", run: sweep(2, 17), width: 80},
		{name: "sweep-pairs", run: sweep(5, 3), width: 80},
		{name: "sweep-colours", run: sweep(1, 5), width: 60, colour: true},
		{name: "sweep-narrow", run: spoil(sweep(1, 33), 3, 5), width: 32},
		{name: "sweep-incomplete", run: cut, width: 80},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Terminal(&out, test.run, test.width, test.colour); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, filepath.Join("testdata", test.name+".txt"), out.String())
			if widest := textWidth(out.String()); widest > test.width {
				t.Errorf("a line is %d columns wide", widest)
			}
		})
	}
}

func TestFormatsKnowPoints(t *testing.T) {
	for _, f := range Formats() {
		if f.Name == "benchstat" || f.Name == "html" { // a line for each trial; a page with its scripts
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			s := Subject{Run: sweep(2, 3), Path: "results/results.jsonl"}
			goldentest.Compare(t, filepath.Join("testdata", "formats", "sweep-"+f.File), written(t, f.Name, s))
		})
	}
	page := written(t, "html", Subject{Run: sweep(2, 3)})
	for _, c := range sweep(2, 3).Curves() {
		if !strings.Contains(page, SweepSVG(c)) {
			t.Errorf("the page has no drawing of %s", c.Cell)
		}
	}
	text := written(t, "benchstat", Subject{Run: sweep(1, 3)})
	if line := "\nBenchmarkPunch/topology=two-nats/a=none/b=openwrt/stagger=0rtt/strategy=simultaneous-open 10 1 connected\n"; !strings.Contains(text, line) {
		t.Errorf("%s\nhas not %s", text, line)
	}
}

func TestWindow(t *testing.T) {
	low, high := 1.25, 1.5
	tests := []struct {
		edge   results.Edge
		begins bool
		want   string
	}{
		{results.Edge{At: 1.3333, Outside: &low, Inside: &high}, true, "1.33 (between 1.25 and 1.5)"},
		{results.Edge{At: 1.3333, Outside: &high, Inside: &low}, false, "1.33 (between 1.25 and 1.5)"},
		{results.Edge{At: 1.4, Inside: &high}, true, "1.4 (below 1.5)"},
		{results.Edge{At: 1.4, Inside: &low}, false, "1.4 (above 1.25)"},
		{results.Edge{At: 1.4, Outside: &low}, true, "1.4 (above 1.25)"},
		{results.Edge{At: 1.4}, true, "1.4 (uncertain)"},
		{results.Edge{At: -2, Open: true, Inside: &low}, true, "-2 or less"},
		{results.Edge{At: 2, Open: true, Inside: &low}, false, "2 or more"},
	}
	for _, test := range tests {
		if got := edge(test.edge, test.begins); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
	for n, want := range map[float64]string{0: "0", -0.25: "-0.25", 100: "100", 1234.5: "1234", 0.001: "0.001", 12.345: "12.3", 99.99: "100"} {
		if got := tick(n); got != want {
			t.Errorf("%v is written %s, want %s", n, got, want)
		}
	}
	if got := Window(results.Curve{}); got != "was measured at no point" {
		t.Error(got)
	}
}

// The drawing of every curve is a whole document, which says in words what it shows.
func TestSweepSVG(t *testing.T) {
	all := sweep(2, 17)
	goldentest.Compare(t, filepath.Join("testdata", "sweep.svg"), SweepSVG(all.Curves()[0]))
	holes := sweep(1, 5)
	holes.Trials = holes.Trials[20:30]
	nothing := sweep(1, 2)
	nothing.Trials = nil
	for _, run := range []results.Run{all, holes, nothing} {
		for _, c := range run.Curves() {
			text := SweepSVG(c)
			titles := 0
			for d := xml.NewDecoder(strings.NewReader(text)); ; {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				if e, is := token.(xml.StartElement); is && e.Name.Local == "title" {
					titles++
				}
			}
			measured := slices.DeleteFunc(slices.Clone(c.Spots), func(s results.Spot) bool { return s.Trials == 0 })
			if titles != 1+len(measured) || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
				t.Errorf("%d titles for %d points\n%s", titles, len(measured), text)
			}
		}
	}
}

func TestFolderHasDrawings(t *testing.T) {
	dir := t.TempDir()
	run := sweep(2, 5)
	run.Manifest.Cells[7].NATA = "../&é" // is no name of a profile, and cannot leave the folder
	if err := Folder(dir, Subject{Run: run}); err != nil {
		t.Fatal(err)
	}
	var got []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "sweep-") {
			got = append(got, e.Name())
		}
	}
	want := []string{
		"sweep-1-two-nats-none-x-openwrt-by-simultaneous-open.svg",
		"sweep-2-two-nats-linux-masquerade-x-openwrt-by-simultaneous-open.svg",
		"sweep-3-two-nats-..----x-openwrt-by-simultaneous-open.svg",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
