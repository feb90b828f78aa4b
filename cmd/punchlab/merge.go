package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/bench/report"
	"github.com/punchlab/punchlab/bench/results"
)

// mergeFlags are those of merge.
type mergeFlags struct {
	output  string
	partial bool
}

const aboutMerge = `merge joins the shards of a run (punchlab bench --shard) to one results folder, as
if there had been one run. Each part is a results folder, in any order. Parts of
different runs are refused, and so are a shard that is given twice and shards that
are missing, unless --partial allows that.`

func newMerge(c *common) *cobra.Command {
	var f mergeFlags
	cmd := &cobra.Command{
		Use:   "merge PART... -o DIR",
		Short: "Join the shards of a run",
		Long:  aboutMerge,
		Example: `  punchlab merge shards/* -o results/
  punchlab merge shard-1 shard-3 --partial -o results/`,
		Args: folders(1, 0, "the results folders of the shards"),
		RunE: func(_ *cobra.Command, args []string) error { return f.merge(c, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.output, "output", "o", "", "`folder` for the results, which must not have any yet")
	flags.BoolVar(&f.partial, "partial", false, "shards may be missing")
	return cmd
}

func (f *mergeFlags) merge(c *common, args []string) error {
	var p problems
	if f.output == "" {
		p.addf("--output", "missing: name a folder for the results")
	} else {
		p.add("--output", probeFolder(f.output))
	}
	if err := p.err(); err != nil {
		return err
	}
	all, err := loadAll(args...)
	if err != nil {
		return err
	}
	var parts []results.Part
	var broken error
	for _, l := range all {
		parts = append(parts, results.Part{Name: l.path, Run: l.run})
		broken = firstOf(broken, l.broken)
	}
	run, err := results.Merge(parts, f.partial)
	if err != nil {
		return misuse(err)
	}
	path, err := f.keep(run)
	if err != nil {
		return err
	}
	about := report.Subject{Run: run, Path: path}
	if err := c.weigh(&about, nil); err != nil {
		return err
	}
	return firstOf(tellRun(about, f.output, c.json), broken)
}

// keep writes the merged run. Where that fails, nothing is left of it: the parts
// are there still.
func (f *mergeFlags) keep(run results.Run) (string, error) {
	file, err := createResults(f.output)
	if err != nil {
		return "", misuse(err)
	}
	w, err := results.NewWriter(file, run.Manifest)
	for _, t := range run.Trials {
		if err != nil {
			break
		}
		err = w.Write(t)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return "", failed(errors.Join(err, os.Remove(file.Name())))
	}
	return file.Name(), nil
}
