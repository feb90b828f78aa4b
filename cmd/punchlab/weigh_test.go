package main

import (
	"slices"
	"testing"

	"github.com/punchlab/punchlab/bench/results"
)

func TestAgain(t *testing.T) {
	m := results.Manifest{Options: map[string]string{
		"rtt": "80ms", "patience": "2s", "fault": "transit-a up: drop SYN #1,transit-b up: drop SYN #2", "stagger": "0,5ms", "loss": "",
		"topology": "two-nats", "profiles": "mine/", "trials": "10", "seed": "7",
	}}
	want := []string{"--profiles", "mine/", "--fault", "transit-a up: drop SYN #1", "--fault", "transit-b up: drop SYN #2", "--rtt", "80ms"}
	if got := again(m); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	m.Options = map[string]string{"stagger": "-0.5rtt"}
	if got := again(m); !slices.Equal(got, []string{"--stagger", "-0.5rtt"}) {
		t.Errorf("%q", got)
	}
}
