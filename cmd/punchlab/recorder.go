package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/report"
	"github.com/punchlab/punchlab/bench/results"
)

// runBench carries out a plan, keeps what it finds, and tells it.
func runBench(ctx context.Context, b *benchFlags, plan bench.Plan, asJSON bool) error {
	if err := rehearse(ctx, plan); err != nil {
		return err
	}
	plan.Seed = b.seedOrRandom()
	dir := b.output
	if dir == "" {
		dir = timestamped(time.Now())
	}
	file, err := createResults(dir)
	if err != nil {
		return misuse(err)
	}
	fmt.Fprintf(os.Stderr, "punchlab: %s, %s of each, seed %d; results in %s\n",
		counted(len(plan.Cells), "cell"), counted(plan.Trials, "trial"), plan.Seed, file.Name())
	run, err := record(ctx, plan, plan.Manifest(version(), b.options(plan.Seed, dir)), file)
	err = errors.Join(err, file.Close())
	if !run.Complete() {
		if err == nil {
			err = errors.New("some cells are short of trials")
		}
		err = advised(fmt.Errorf("the run is incomplete: %w: %d of %d trials are done, and kept in %s",
			err, run.Done(), run.Manifest.Planned(), file.Name()))
	}
	tellIdleFaults(run.Trials)
	return errors.Join(tellRun(run, file.Name(), asJSON), err)
}

// tellIdleFaults tells of faults that met no packet, in how many trials: they
// have tested nothing there.
func tellIdleFaults(trials []results.Trial) {
	idle := map[string]int{}
	for _, t := range trials {
		for _, f := range t.Faults {
			if f.Acted == 0 {
				idle[f.Rule]++
			}
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(idle)) {
		fmt.Fprintf(os.Stderr, "punchlab: fault %s: acted on no packet in %d of %s\n", rule, idle[rule], counted(len(trials), "trial"))
	}
}

// record runs the plan. Whatever ends it, it returns what was measured.
func record(ctx context.Context, plan bench.Plan, m results.Manifest, file *os.File) (results.Run, error) {
	run := results.Run{Manifest: m}
	writer, err := results.NewWriter(file, m)
	if err != nil {
		return run, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	progress := report.NewProgress(os.Stderr, terminalWidth(os.Stderr), len(plan.Cells), m.Planned())
	defer progress.Stop()
	err = bench.Run(ctx, plan, bench.Observer{
		Trial: func(t results.Trial) {
			if err := writer.Write(t); err != nil {
				stop(err)
				return
			}
			run.Trials = append(run.Trials, t)
			progress.Trial(t.Outcome)
		},
		Cell: func(results.Cell) { progress.Cell() },
	})
	return run, err
}

// summary is a run for machines.
type summary struct {
	Results   string            `json:"results"` // the path of the file
	Seed      uint64            `json:"seed"`
	Complete  bool              `json:"complete"`
	Planned   int               `json:"planned"` // trials
	Done      int               `json:"done"`
	Summaries []results.Summary `json:"summaries"`
}

// tellRun prints what a run has found.
func tellRun(run results.Run, path string, asJSON bool) error {
	if asJSON {
		return printJSON(os.Stdout, summary{
			Results: path, Seed: run.Manifest.Seed, Complete: run.Complete(),
			Planned: run.Manifest.Planned(), Done: run.Done(), Summaries: run.Summaries(),
		})
	}
	err := report.Terminal(os.Stdout, run, pageWidth(os.Stdout), report.Colour(terminalWidth(os.Stdout) > 0))
	if err != nil {
		return err
	}
	return write(os.Stdout, fmt.Sprintf("The trials are in %s.\n", filepath.Clean(path)))
}
