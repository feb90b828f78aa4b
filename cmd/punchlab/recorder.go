package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/report"
	"github.com/punchlab/punchlab/bench/results"
)

// runBench carries out a plan, keeps what it finds, and tells it.
func runBench(ctx context.Context, b *benchFlags, plan bench.Plan, m results.Manifest, c *common) error {
	if b.before != nil {
		b.before.tell()
	}
	if err := rehearse(ctx, plan); err != nil {
		return err
	}
	file, err := b.file()
	if err != nil {
		return misuse(err)
	}
	fmt.Fprintf(os.Stderr, "punchlab: %s; results in %s\n", b.intent(plan), file.Name())
	run, err := b.record(ctx, plan, m, file)
	err = errors.Join(err, file.Close())
	if !run.Complete() {
		if err == nil {
			err = errors.New("some cells are short of trials")
		}
		err = advised(fmt.Errorf("the run is incomplete: %w: %s; kept in %s\n  punchlab bench --resume %s goes on with it",
			err, run.Missing(), file.Name(), filepath.Dir(file.Name())))
	}
	tellIdleFaults(run.Trials)
	about := report.Subject{Run: run, Path: file.Name()}
	return errors.Join(err, c.weigh(&about, nil), tellRun(about, filepath.Dir(file.Name()), c.json))
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

// file is the results file of a new run, or of the one that goes on.
func (b *benchFlags) file() (*os.File, error) {
	if b.before != nil {
		return reopen(b.before)
	}
	return createResults(b.output)
}

// intent says what is going to be run.
func (b *benchFlags) intent(plan bench.Plan) string {
	text := fmt.Sprintf("%s, %s of each, seed %d", counted(len(plan.Cells), "cell"), counted(plan.Trials, "trial"), plan.Seed)
	if plan.Until > 0 {
		text = fmt.Sprintf("%s, %d to %d trials of each until ±%s, seed %d", counted(len(plan.Cells), "cell"), plan.Trials, plan.Most, &b.until, plan.Seed)
	}
	if plan.Sweep != nil {
		text += fmt.Sprintf(", %s at %s", plan.Sweep.Parameter, counted(len(plan.Sweep.Values), "point"))
	}
	if b.mine.of > 0 {
		text += fmt.Sprintf(", shard %s (%s)", b.mine, b.mine.from)
	}
	if b.before != nil {
		text += fmt.Sprintf(", after %s of before", counted(len(b.before.run.Trials), "trial"))
	}
	return text
}

// record runs the plan. Whatever ends it, it returns what was measured, before and now.
func (b *benchFlags) record(ctx context.Context, plan bench.Plan, m results.Manifest, file *os.File) (results.Run, error) {
	run, writer, err := b.begin(m, file)
	if err != nil || len(plan.Cells) == 0 { // all was done before
		return run, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	planned := run.Manifest.Planned() - run.Done()
	if plan.Until > 0 {
		planned = 0 // nobody knows
	}
	progress := report.NewProgress(os.Stderr, terminalWidth(os.Stderr), len(plan.Cells), planned)
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
		Seen: b.keep(),
	})
	return run, err
}

// begin writes the head of a new file, or takes up what an old one has.
func (b *benchFlags) begin(m results.Manifest, file *os.File) (results.Run, *results.Writer, error) {
	if b.before != nil {
		run := b.before.run
		run.CutLine = 0 // it was taken away
		return run, results.Resume(file), nil
	}
	writer, err := results.NewWriter(file, m)
	return results.Run{Manifest: m}, writer, err
}
