// Same holds a run that was made in shards, killed and merged against one that was made
// in one piece: are they the same run, is each whole, and is there no trial twice?
//
//	go run ./ci/slurm/same MERGED WHOLE
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/punchlab/punchlab/bench/results"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: same MERGED WHOLE")
		os.Exit(2)
	}
	if err := same(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func same(merged, whole string) error {
	m, err := read(merged)
	w, other := read(whole)
	if err := errors.Join(err, other); err != nil {
		return err
	}
	if m.Manifest.Run != w.Manifest.Run {
		err = fmt.Errorf("%s is run %s, and %s is %s: %v", merged, m.Manifest.Run, whole, w.Manifest.Run, m.Manifest.Differences(w.Manifest))
	}
	if !slices.Equal(m.Manifest.Cells, w.Manifest.Cells) {
		err = errors.Join(err, fmt.Errorf("%s and %s have other cells", merged, whole))
	}
	if err := errors.Join(err, sound(merged, m), sound(whole, w)); err != nil {
		return err
	}
	fmt.Printf("run %s: %d cells, %d valid trials of each; lines: %d merged, %d in one piece\n",
		m.Manifest.Run, len(m.Manifest.Cells), m.Manifest.Trials, len(m.Trials), len(w.Trials))
	return nil
}

func read(dir string) (results.Run, error) {
	f, err := os.Open(filepath.Join(dir, "results.jsonl"))
	if err != nil {
		return results.Run{}, err
	}
	defer f.Close()
	run, err := results.Read(f)
	if err != nil {
		err = fmt.Errorf("%s: %w", dir, err)
	}
	return run, err
}

// sound tells what a whole run of a fixed number of trials must not have.
func sound(name string, run results.Run) error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(name+": "+format, args...)) }
	if run.Manifest.Shard != nil {
		wrong("shard %s, and not the whole", run.Manifest.Shard)
	}
	if run.CutLine > 0 {
		wrong("line %d was cut short", run.CutLine)
	}
	type mark struct {
		results.Cell
		number int
	}
	seen, valid := map[mark]bool{}, map[results.Cell]int{}
	for _, t := range run.Trials {
		if key := (mark{t.Cell, t.Number}); seen[key] {
			wrong("twice: %s, trial %d", t.Cell, t.Number)
		} else {
			seen[key] = true
		}
		if t.Outcome != results.Invalid {
			valid[t.Cell]++
		}
	}
	for _, c := range run.Manifest.Cells {
		if valid[c] != run.Manifest.Trials {
			wrong("%s: %d valid trials instead of %d", c, valid[c], run.Manifest.Trials)
		}
		delete(valid, c)
	}
	for c := range valid {
		wrong("%s was not planned", c)
	}
	return errors.Join(errs...)
}
