package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench/results"
)

func TestSweepValues(t *testing.T) {
	tests := []struct{ text, unit, words, numbers string }{
		{"stagger=-2rtt..2rtt", "rtt", "-2rtt -1.75rtt -1.5rtt -1.25rtt -1rtt -0.75rtt -0.5rtt -0.25rtt 0rtt 0.25rtt 0.5rtt 0.75rtt 1rtt 1.25rtt 1.5rtt 1.75rtt 2rtt",
			"-2 -1.75 -1.5 -1.25 -1 -0.75 -0.5 -0.25 0 0.25 0.5 0.75 1 1.25 1.5 1.75 2"},
		{"stagger=1rtt..0/3", "rtt", "0rtt 0.5rtt 1rtt", "0 0.5 1"},
		{"stagger=0..25ms/3", "ms", "0s 12.5ms 25ms", "0 12.5 25"},
		{"stagger=1rtt,0,-5ms", "ms", "-5ms 0 1rtt", "-5 0 40"},
		{"rtt=10ms..1s/4", "ms", "10ms 340ms 670ms 1s", "10 340 670 1000"},
		{"jitter=normal:0s..normal:4ms/3", "ms", "normal:0s normal:2ms normal:4ms", "0 2 4"},
		{"loss=0, 1%,p=1% r=25%", "%", "0 1% p=1% r=25%", "0 1 3.846154"},
		{"loss=0%..1%/4", "%", "0% 0.333333% 0.666667% 1%", "0 0.333333 0.666667 1"},
		{"cross-traffic=0..100/3", "flows/s", "0 50 100", "0 50 100"},
		{"syn-sent=1s..2m/3", "s", "1s 1m1s 2m", "1 61 120"}, // 60.5 seconds are none
		{"syn-sent=1s..4s", "s", "1s 2s 3s 4s", "1 2 3 4"},
	}
	for _, test := range tests {
		s, err := parseSweep(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		axis, err := s.axis(40 * time.Millisecond)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
		}
		var words, numbers []string
		for _, v := range axis.Values {
			words, numbers = append(words, v.Text), append(numbers, fmt.Sprint(v.Number))
		}
		if axis.Unit != test.unit || strings.Join(words, " ") != test.words || strings.Join(numbers, " ") != test.numbers {
			t.Errorf("%s: %s in %s are %s", test.text, words, axis.Unit, numbers)
		}
	}
}

// Every parameter has a scale, and each value that a range makes is one that its own
// flag would take.
func TestScales(t *testing.T) {
	ends := map[string]string{
		results.SweepStagger: "-1.7rtt..0.3rtt", results.SweepRTT: "7ms..33ms", results.SweepJitter: "0s..7ms",
		results.SweepLoss: "0%..33%", results.SweepCrossTraffic: "0.1..7", results.SweepSYNSent: "1s..720h",
	}
	for _, name := range results.SweepParameters() {
		s, err := parseSweep(name + "=" + ends[name] + "/14")
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := s.axis(time.Millisecond); err != nil {
			t.Error(err)
		}
		for _, w := range s.words {
			if err := s.set(&setting{}, &place{}, w); err != nil {
				t.Errorf("%s: %s: %v", name, w, err)
			}
		}
	}
	if len(scales) != len(results.SweepParameters()) {
		t.Errorf("%d scales for %d parameters", len(scales), len(results.SweepParameters()))
	}
}
