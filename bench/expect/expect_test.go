package expect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/bench/results"
)

// run has three pairs between two NATs, and one behind a carrier.
func run() (r results.Run) {
	cell := func(topology string, a, b results.Name, successes, trials int) {
		c := results.Cell{Topology: topology, NATA: a, NATB: b, Strategy: "auto"}
		if topology == "double-nat" {
			c.Slots = results.SlotsOf(map[string]string{"carrier": "openwrt"})
		}
		r.Manifest.Cells = append(r.Manifest.Cells, c)
		for i := range trials {
			t := results.Trial{Cell: c, Number: i, Outcome: results.Failed}
			if i < successes {
				t.Outcome, t.ConnectMS = results.Connected, new(60.0)
			}
			r.Trials = append(r.Trials, t)
		}
	}
	cell("two-nats", "openwrt", "openwrt", 20, 20)
	cell("two-nats", "linux-random", "openwrt", 14, 20)
	cell("two-nats", "linux-random", "linux-random", 0, 20)
	cell("double-nat", "openwrt", "openwrt", 0, 0)
	return r
}

func TestJudge(t *testing.T) {
	tests := map[string]struct {
		rules string
		held  []string // cell: want held
		err   string
	}{
		"the last rule decides": {
			rules: `
  - {topology: two-nats, expect: connects}
  - {nat-a: linux-*, expect: 90%}
  - {nat-a: linux-*, nat-b: [linux-*, eim-*], expect: cannot}`,
			held: []string{
				"two-nats openwrt x openwrt by auto: connects true",
				"two-nats linux-random x openwrt by auto: 90% false",
				"two-nats linux-random x linux-random by auto: cannot true",
			},
		},
		"a least rate that chance may have missed": {
			rules: `
  - {nat-a: linux-random, nat-b: openwrt, expect: 85%}`,
			held: []string{"two-nats linux-random x openwrt by auto: 85% true"}, // 14 of 20: up to 85.45 %
		},
		"a least rate that is missed": {
			rules: `
  - {nat-a: linux-random, nat-b: openwrt, expect: 85.5%}`,
			held: []string{"two-nats linux-random x openwrt by auto: 85.5% false"},
		},
		"what was not run does not hold": {
			rules: `
  - {slots: {carrier: open*}, expect: cannot}`,
			held: []string{"double-nat openwrt x openwrt [carrier=openwrt] by auto: cannot false"},
		},
		"a rule about nothing": {
			rules: `
  - {expect: 1%}
  - {strategy: relay, expect: connects}
  - {slots: {carier: openwrt}, expect: connects}`,
			err: "e.yaml:3:5: no cell of the run is like this|e.yaml:4:5: no cell of the run is like this",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := Parse("e.yaml", []byte("cells:"+test.rules+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			verdicts, err := e.Judge(run())
			if test.err != "" {
				for want := range strings.SplitSeq(test.err, "|") {
					if !strings.Contains(fmt.Sprint(err), want) {
						t.Errorf("%v\nhas not %s", err, want)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range verdicts {
				got = append(got, fmt.Sprintf("%s: %s %t", v.Cell, v.Want, v.Held))
			}
			if diff := cmp.Diff(test.held, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A rule that names points is about those alone, and one that names none about all.
func TestRulesKnowPoints(t *testing.T) {
	swept := run()
	for i, value := range []string{"-1rtt", "0rtt", "1rtt"} {
		was := swept.Manifest.Cells[i]
		swept.Manifest.Cells[i].Point = results.Point{Parameter: results.SweepStagger, Value: value}
		for j, trial := range swept.Trials {
			if trial.Cell == was {
				swept.Trials[j].Cell = swept.Manifest.Cells[i]
			}
		}
	}
	for rules, want := range map[string]int{
		"{expect: connects}": 4,
		"{point: {stagger: [-1rtt, 1rtt]}, expect: connects}":   2,
		"{point: {stagger: '*rtt'}, expect: connects}":          3,
		"{point: {loss: '*'}, expect: connects}":                -1,
		"{point: {stagger: 0rtt, loss: '*'}, expect: connects}": -1,
	} {
		e, err := Parse("e.yaml", []byte("cells:\n  - "+rules+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		verdicts, err := e.Judge(swept)
		if want < 0 && err == nil || want >= 0 && (err != nil || len(verdicts) != want) {
			t.Errorf("%s: %d verdicts, %v", rules, len(verdicts), err)
		}
	}
}

func TestVerdictsSayWhereAndWhat(t *testing.T) {
	e, err := Parse("ci/expect.yaml", []byte("# what must hold\ncells:\n  - {nat-b: linux-random, expect: connects}\n"))
	if err != nil {
		t.Fatal(err)
	}
	verdicts, err := e.Judge(run())
	if err != nil {
		t.Fatal(err)
	}
	want := []Verdict{{
		Cell: run().Manifest.Cells[2], Want: Connects, Where: "ci/expect.yaml:3", Found: "0 of 20 trials connected (0–16 %)",
	}}
	if diff := cmp.Diff(want, verdicts); diff != "" {
		t.Error(diff)
	}
}

func TestParseTellsEverything(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"a slip of the pen": {
			"cells:\n  - {nat-a: openwrt, expect: connect}\n",
			`e.yaml:2:30: expect: "connect" is not one of connects (every trial), cannot (none), or a least rate such as 95%; did you mean connects?`,
		},
		"a rate of nothing":  {"cells:\n  - {expect: 0%}\n", `e.yaml:2:14: expect: "0%" is not one of`},
		"a rate without %":   {"cells:\n  - {expect: 0.95}\n", `e.yaml:2:14: expect: "0.95" is not one of`},
		"more than all":      {"cells:\n  - {expect: 101%}\n", `e.yaml:2:14: expect: "101%" is not one of`},
		"no number":          {"cells:\n  - {expect: NaN%}\n", `e.yaml:2:14: expect: "NaN%" is not one of`},
		"nothing expected":   {"cells:\n  - {nat-a: openwrt}\n", "e.yaml:2:5: field expect is required: connects"},
		"an unknown field":   {"cells:\n  - {nat_a: openwrt, expect: cannot}\n", "e.yaml:2:6: field nat_a not found; did you mean nat-a?"},
		"a broken pattern":   {"cells:\n  - {nat-a: 'linux-[', expect: cannot}\n", `e.yaml:2:13: nat-a: "linux-[" is not a pattern`},
		"no rules":           {"cells: []\n", "e.yaml:1:1: cells: empty; want a list of rules"},
		"something else":     {"summary: A router\n", "e.yaml:1:1: field summary not found"},
		"an empty file":      {"", "e.yaml:1:1: empty: want a mapping of fields"},
		"rules without list": {"cells: connects\n", "e.yaml:1:8: cells: want a list"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("e.yaml", []byte(test.text))
			if !strings.Contains(fmt.Sprint(err), test.want) {
				t.Errorf("%v\nwant %s", err, test.want)
			}
		})
	}
}
