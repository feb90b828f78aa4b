package main

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/populations"
	"github.com/punchlab/punchlab/bench/report"
	"github.com/punchlab/punchlab/bench/results"
)

// weigh adds to a report what follows from the run by the profiles, topologies and
// populations that there are now. Words name the populations that were asked for:
// one for both sides, or two; none where nobody asked.
func (c *common) weigh(about *report.Subject, words []string) error {
	profiles, layouts, err := c.catalogues()
	if err != nil {
		return err
	}
	all, err := populations.Open(profiles)
	if err != nil {
		return misuse(err)
	}
	symmetric := func(name string) bool {
		t, err := layouts.Get(name)
		return err == nil && t.Symmetric()
	}
	summaries := about.Run.Summaries()
	if len(words) > 0 {
		a, b, err := all.Sides(words...)
		if err != nil {
			return misuse(fmt.Errorf("--population: %w", err))
		}
		about.Expected = append([]populations.Expectation{}, populations.Expect(summaries, a, b, symmetric)...)
	}
	for _, p := range all.All() {
		about.Shipped = append(about.Shipped, populations.Expect(summaries, p, p, symmetric)...)
	}
	about.Changed = changed(bench.Changed(about.Run.Manifest, profiles))
	about.Again = again(about.Run.Manifest)
	return nil
}

// changed tells of profiles that are not what was run.
func changed(otherwise, unknown []string) string {
	var told []string
	if len(otherwise) > 0 {
		told = append(told, "not what they were when the run was made: "+few(otherwise))
	}
	if len(unknown) > 0 {
		told = append(told, "not known here: "+few(unknown))
	}
	if len(told) == 0 {
		return ""
	}
	return "Profiles of this run are " + strings.Join(told, "; and ") +
		". The figures are those of the run; what is said of these names elsewhere, and weights, may not fit them."
}

// few names some and counts the rest.
func few(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// again gives the flags of punchlab trial with which a trial is like those of a run,
// beside those that name a cell.
func again(m results.Manifest) (words []string) {
	ownOfCell := []string{"topology", "slot", "nat-a", "nat-b", "strategy", "seed"}
	cmd, _, err := newRoot().Find([]string{"trial"})
	if err != nil {
		panic(fmt.Sprintf("there is such a verb: %v", err))
	}
	add := func(f *pflag.Flag) {
		value := m.Options[f.Name]
		if value == "" || value == f.DefValue || slices.Contains(ownOfCell, f.Name) {
			return
		}
		values := []string{value}
		if _, list := f.Value.(pflag.SliceValue); list {
			if read, err := csv.NewReader(strings.NewReader(value)).Read(); err == nil { // as pflag wrote it
				values = read
			}
		}
		if f.Name == "stagger" && strings.Contains(value, ",") {
			return // each trial has one of several
		}
		for _, v := range values {
			words = append(words, "--"+f.Name, v)
		}
	}
	cmd.InheritedFlags().VisitAll(add)
	cmd.LocalNonPersistentFlags().VisitAll(add)
	return words
}
