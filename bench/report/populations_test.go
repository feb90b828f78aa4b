package report

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/bench/populations"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/internal/goldentest"
	"github.com/punchlab/punchlab/natprofiles"
)

// town is a population over the profiles of plan whose weights are assumed, and
// village one of counted weights.
var (
	town    = peopled("town", natprofiles.Assumed, 0.1, 0.3, 0.2, 0.2, 0.2)
	village = peopled("village", natprofiles.Measured, 0, 0.5, 0, 0.5)
)

func peopled(name string, says natprofiles.Claim, weights ...float64) populations.Population {
	p := populations.Population{Name: name}
	for i, weight := range weights {
		if weight > 0 {
			p.Groups = append(p.Groups, populations.Group{
				Name: string(shipped[i]), Weight: weight, Source: populations.Source{Says: says},
				Members: []populations.Member{{Profile: string(shipped[i]), Weight: 1}},
			})
		}
	}
	return p
}

// expectations are those of two strategies whose plans differ, so that not all
// notes are the same.
func expectations(a, b populations.Population) []populations.Expectation {
	cells := append(plan("two-nats", shipped, shipped, "auto").Summaries(), plan("two-nats", shipped[:3], shipped[1:], "direct").Summaries()...)
	single := plan("one-nat", shipped, []results.Name{""}, "reversal").Summaries()
	return populations.Expect(append(cells, single...), a, b, func(topology string) bool { return topology == "two-nats" })
}

func TestPopulations(t *testing.T) {
	tests := []struct {
		name     string
		expected []populations.Expectation
		width    int
		colour   bool
	}{
		{name: "population", expected: expectations(town, town), width: 80},
		{name: "population-sides", expected: expectations(village, town)[:1], width: 80},
		{name: "population-counted", expected: expectations(village, village)[:1], width: 100, colour: true},
		{name: "population-narrow", expected: expectations(town, town)[:2], width: 40},
		{name: "population-none", width: 80},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Populations(&out, test.expected, test.width, test.colour); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, filepath.Join("testdata", test.name+".txt"), out.String())
			if widest := textWidth(out.String()); widest > test.width {
				t.Errorf("a line is %d columns wide", widest)
			}
			if strings.Contains(out.String(), "\x1b") != test.colour {
				t.Errorf("escape sequences are there: %t", !test.colour)
			}
		})
	}
}

func TestPopulationsMarkdown(t *testing.T) {
	var out bytes.Buffer
	if err := PopulationsMarkdown(&out, expectations(town, town)); err != nil {
		t.Fatal(err)
	}
	goldentest.Compare(t, filepath.Join("testdata", "population.md"), out.String())
	out.Reset()
	if err := PopulationsMarkdown(&out, nil); err != nil || !strings.Contains(out.String(), nothingToWeigh) {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// What was measured in part must not look whole, nor what is nearly never never.
func TestShare(t *testing.T) {
	for of, want := range map[float64]string{
		0: "0 %", 1e-9: "<0.1 %", 0.0005: "0.1 %", 0.123: "12.3 %", 0.9994: "99.9 %", 0.99996: ">99.9 %", 1: "100 %",
	} {
		if got := share(of); got != want {
			t.Errorf("%v: %s, want %s", of, got, want)
		}
	}
	for ends, want := range map[[2]float64]string{{0.5, 0.5}: "50.0 %", {0.5, 1}: "50.0–100 %", {0, 0.25}: "0–25.0 %"} {
		if got := span(ends[0], ends[1]); got != want {
			t.Errorf("%v: %s, want %s", ends, got, want)
		}
	}
}

func TestPopulationsReturnWriteErrors(t *testing.T) {
	full := errors.New("full")
	broken := writer(func([]byte) (int, error) { return 0, full })
	if err := Populations(broken, nil, 80, false); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	if err := PopulationsMarkdown(broken, nil); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}
