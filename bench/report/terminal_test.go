package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/internal/goldentest"
)

// Where the locale is Chinese, Japanese or Korean, dashes are as wide as two
// letters, and the golden texts are not.
func TestMain(m *testing.M) {
	text.OverrideRuneWidthEastAsianWidth(false)
	os.Exit(m.Run())
}

var shipped = []results.Name{"none", "linux-masquerade", "linux-open-input", "openwrt", "linux-random"}

// plan is a run of ten trials a cell in which linux-random never connects,
// and openwrt pairs connect seven times.
func plan(topology string, as, bs []results.Name, strategies ...string) results.Run {
	run := results.Run{Manifest: results.Manifest{Trials: 10}}
	for _, strategy := range strategies {
		for row, a := range as {
			for column, b := range bs {
				cell := results.Cell{Topology: topology, NATA: a, NATB: b, Strategy: strategy}
				run.Manifest.Cells = append(run.Manifest.Cells, cell)
				successes := 10
				switch {
				case a == "linux-random" || b == "linux-random":
					successes = 0
				case a == "openwrt" && b == a:
					successes = 7
				}
				run.Trials = append(run.Trials, trials(cell, 10, successes, float64(64+5*row+column))...)
			}
		}
	}
	return run
}

func trials(cell results.Cell, n, successes int, connect float64) []results.Trial {
	all := make([]results.Trial, n)
	for i := range all {
		all[i] = results.Trial{Cell: cell, Number: i, Outcome: results.Failed}
		if i < successes {
			all[i].Outcome, all[i].ConnectMS = results.Connected, &connect
		}
	}
	return all
}

func spoil(run results.Run, numbers ...int) results.Run {
	for _, i := range numbers {
		run.Trials[i].Outcome = results.Invalid
	}
	return run
}

func TestTerminal(t *testing.T) {
	one := []results.Name{""}
	slow := results.Cell{Topology: "open", Strategy: "direct"}
	carried := func(carrier string) results.Run {
		run := plan("double-nat", shipped[:2], shipped[1:3], "simultaneous-open")
		slots := results.SlotsOf(map[string]string{"carrier": carrier})
		for i := range run.Manifest.Cells {
			run.Manifest.Cells[i].Slots = slots
		}
		for i := range run.Trials {
			run.Trials[i].Slots = slots
		}
		return run
	}
	both := carried("openwrt")
	both.Manifest.Cells = append(both.Manifest.Cells, carried("linux-masquerade").Manifest.Cells...)
	both.Trials = append(both.Trials, carried("linux-masquerade").Trials...)

	cut := plan("two-nats", shipped, shipped, "direct")
	cut.Trials = cut.Trials[:117]
	cut.CutLine = 119

	until := func(most int) results.Run {
		run := plan("two-nats", shipped[2:], shipped[2:], "auto")
		run.Manifest.Until, run.Manifest.Most = 0.15, most
		return run
	}

	tests := []struct {
		name   string
		run    results.Run
		width  int
		colour bool
	}{
		{name: "80-columns", run: plan("two-nats", shipped, shipped, "direct", "simultaneous-open"), width: 80},
		{name: "120-columns", run: plan("two-nats", shipped, shipped, "direct"), width: 120},
		{name: "60-columns", run: plan("two-nats", shipped, shipped, "direct"), width: 60},
		{name: "30-columns", run: plan("two-nats", shipped, shipped, "direct"), width: 30},
		{name: "unlimited", run: plan("two-nats", shipped, shipped, "direct")},
		{name: "colours", run: plan("two-nats", shipped[2:], shipped[2:], "direct"), width: 60, colour: true},
		{name: "no-pairs", run: plan("same-nat", shipped, one, "simultaneous-open"), width: 80},
		{name: "no-slots", run: plan("open", one, one, "direct", "relay"), width: 80},
		{name: "further-slots", run: both, width: 80},
		{name: "incomplete", run: cut, width: 80},
		{name: "invalid", run: spoil(plan("two-nats", shipped, shipped, "direct"), 0, 1, 30, 55, 100, 120, 140, 160), width: 80},
		{name: "until-not-reached", run: until(10), width: 80},
		{name: "until-not-ended", run: until(20), width: 80},
		{name: "nothing-run", run: results.Run{Manifest: plan("two-nats", shipped[:2], shipped[:2], "direct").Manifest}, width: 80},
		{name: "fast-and-slow", run: results.Run{Trials: append(trials(slow, 3, 3, 0.84), trials(results.Cell{Topology: "open", Strategy: "relay"}, 3, 3, 2345)...)}, width: 80},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Terminal(&out, test.run, test.width, test.colour); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, filepath.Join("testdata", test.name+".txt"), out.String())
			if widest := textWidth(out.String()); test.width > 0 && widest > test.width {
				t.Errorf("a line is %d columns wide", widest)
			}
			if strings.Contains(out.String(), "\x1b") != test.colour {
				t.Errorf("escape sequences are there: %t", !test.colour)
			}
		})
	}
}

// A long name that nobody can break at a hyphen must not push a line over the
// width, nor may many columns: 30 profiles are what a population has.
func TestTerminalKeepsItsWidth(t *testing.T) {
	var many []results.Name
	for i := range 30 {
		many = append(many, results.Name(fmt.Sprintf("somebodys-extraordinarilylongprofile%d", i)))
	}
	run := plan("two-nats", many, many, "direct")
	for width := 30; width <= 200; width += 17 {
		var out bytes.Buffer
		if err := Terminal(&out, run, width, false); err != nil {
			t.Fatal(err)
		}
		if widest := textWidth(out.String()); widest > width {
			t.Errorf("at %d columns a line is %d wide", width, widest)
		}
		if cells := strings.Count(out.String(), "10/10"); cells != 900 {
			t.Errorf("at %d columns %d of 900 cells are there", width, cells)
		}
	}
}

func TestTerminalReturnsWriteErrors(t *testing.T) {
	full := errors.New("full")
	err := Terminal(writer(func([]byte) (int, error) { return 0, full }), results.Run{}, 80, false)
	if !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

func TestColour(t *testing.T) {
	tests := []struct {
		noColor  string
		terminal bool
		want     bool
	}{
		{"", true, true},
		{"", false, false},
		{"1", true, false},
		{"0", true, false}, // any value that is not empty
	}
	for _, test := range tests {
		t.Setenv("NO_COLOR", test.noColor)
		if got := Colour(test.terminal); got != test.want {
			t.Errorf("NO_COLOR=%q, terminal %t: %t", test.noColor, test.terminal, got)
		}
	}
}

func TestBreakName(t *testing.T) {
	tests := []struct {
		name string
		room int
		want string
	}{
		{"none", 0, "none"},
		{"linux-masquerade", 0, "linux-\nmasquerade"},
		{"linux-masquerade", 16, "linux-masquerade"},
		{"linux-open-input", 11, "linux-\nopen-input"},
		{"a-b-c-d-e-f-g-h", 0, "a-b-c-d-e-\nf-g-h"},
		{"carriergradenat", 0, "carriergra\ndenat"},
		{"eim-apdf x openwrt", 11, "eim-apdf x\nopenwrt"},
		{"", 0, ""},
	}
	for _, test := range tests {
		if got := breakName(test.name, test.room); got != test.want {
			t.Errorf("%q in %d: %q, want %q", test.name, test.room, got, test.want)
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
