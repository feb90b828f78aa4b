package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/bench/report"
	"github.com/punchlab/punchlab/bench/results"
)

// compareFlags are those of compare.
type compareFlags struct {
	fail         bool
	significance float64
}

const aboutCompare = `compare says what changed from one run to another beyond chance: which pairs
connect less often or more often, and which later or sooner by more than a quarter
of the round trip. Cells that only one of the runs has are named, and so is what
the runs were told differently.

--significance is the chance that anything at all is named although nothing
changed. Small changes need many trials: ten points in a pair that always connected
are found with 200 trials, and with 10 trials nothing less than a collapse is
(docs/comparing.md has a table). "No difference found" is not "no difference".

The exit status is 0 whatever changed, unless --fail is given.`

func newCompare(c *common) *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Tell what changed between two runs beyond chance",
		Long:  aboutCompare,
		Example: `  punchlab compare results/main results/branch
  punchlab compare --fail results/main results/branch
  punchlab compare --json results/main results/branch`,
		Args: folders(2, 2, "two results folders, the old one and the new one"),
		RunE: func(_ *cobra.Command, args []string) error { return f.compare(c, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.fail, "fail", false, "exit with status 1 if a pair connects less often, or later")
	flags.Float64Var(&f.significance, "significance", results.Significance, "the `chance` that anything is named where nothing changed")
	return cmd
}

func (f *compareFlags) compare(c *common, args []string) error {
	if !(f.significance > 0 && f.significance < 1) { // nor NaN
		return misuse(fmt.Errorf("--significance: %v is not between 0 and 1", f.significance))
	}
	both, err := loadAll(args...)
	if err != nil {
		return err
	}
	found := results.Compare(both[0].run, both[1].run, f.significance)
	if c.json {
		err = printJSON(os.Stdout, found)
	} else {
		err = failed(report.Comparison(os.Stdout, found, pageWidth(os.Stdout), report.Colour(terminalWidth(os.Stdout) > 0)))
	}
	return firstOf(err, both[0].broken, both[1].broken, f.regressed(found))
}

// regressed is an error if something got worse and that is to be one.
func (f *compareFlags) regressed(found results.Comparison) error {
	for _, change := range found.Changes {
		if f.fail && change.Regressed() {
			return errTold
		}
	}
	return nil
}
