package main

import (
	"slices"
	"strings"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
)

// What --observe takes.
const (
	observeDoubtful = "doubtful"
	observeAll      = "all"
	observeNone     = "none"
)

var observations = []string{observeDoubtful, observeAll, observeNone}

// checkObserve checks --observe and --pcap.
func (b *benchFlags) checkObserve(c *choice) {
	captured := b.flags.Changed("pcap")
	switch {
	case !slices.Contains(observations, b.observe):
		c.addf("--observe", "%q is not one of %s", b.observe, strings.Join(observations, ", "))
	case captured && b.flags.Changed("observe") && b.observe != observeAll:
		c.addf("--pcap", "has all trials observed, and --observe has not")
	}
	if captured {
		c.add("--pcap", probeWriting(b.pcap))
	}
}

// watched is which trials are observed.
func (b *benchFlags) watched() bench.Observe {
	switch {
	case b.pcap != "" || b.observe == observeAll:
		return bench.ObserveAll
	case b.observe == observeNone:
		return bench.ObserveNone
	}
	return bench.ObserveDoubtful
}

// keep writes the packets of each trial, if that is wanted. What cannot be written
// ends the run: captures and trials that are there stay.
func (b *benchFlags) keep() func(results.Trial, *bench.Observation) error {
	if b.pcap == "" {
		return nil
	}
	return func(t results.Trial, seen *bench.Observation) error {
		_, err := captures(b.pcap).write(t, seen)
		return err
	}
}
