package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/harness/verify"
	"github.com/punchlab/punchlab/natprofiles"
)

// verifyFlags are those of nat verify.
type verifyFlags struct {
	all, timers, verbose bool
	parallel             int
}

func newNATVerify(c *common) *cobra.Command {
	var v verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [PROFILE | SET]...",
		Short: "Prove NAT profiles by probing",
		Long: `verify puts each profile into a lab and finds out every field that it declares,
for TCP and UDP, with packets alone: from hosts behind the NAT, from observers
outside with several addresses and ports, and from a stranger. It reads neither
rules nor connection tracking. A profile is named by its name, an alias, the path
of its file, or a set of profiles.

It prints what one profile declares of each field, and what was measured. Of
several it prints a line each, and below it the fields that are not as declared
or that could not be measured; with -v it prints all fields of all.

--timers proves the timers as well: each on a copy of the profile in which it
alone is short. That takes some ten seconds.

The exit status is 1 if a field of any profile is not as declared.`,
		Example: `  punchlab nat verify openwrt
  punchlab nat verify ./my-router.yaml --timers
  punchlab nat verify classes --json
  punchlab nat verify --all`,
		RunE: func(_ *cobra.Command, args []string) error {
			profiles, err := v.choose(c, args)
			if err != nil {
				return err
			}
			inLab(func(ctx context.Context) error { return v.prove(ctx, profiles, c.json) })
			return nil
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&v.all, "all", false, "prove every profile that there is")
	flags.BoolVar(&v.timers, "timers", false, "prove timers as well")
	flags.IntVar(&v.parallel, "parallel", 0, fmt.Sprintf("profiles side by side; 0: %d on this machine", verify.DefaultParallel()))
	flags.BoolVarP(&v.verbose, "verbose", "v", false, "print all fields of all profiles")
	return cmd
}

// choose finds the profiles that a command line names.
func (v *verifyFlags) choose(c *common, args []string) ([]natprofiles.Profile, error) {
	catalogue, _, err := c.catalogues()
	if err != nil {
		return nil, err
	}
	var p problems
	if v.parallel < 0 {
		p.addf("--parallel", "%d is not 0 or more", v.parallel)
	}
	var chosen []natprofiles.Profile
	switch {
	case v.all && len(args) > 0:
		p.addf("--all", "means every profile; leave out %s", strings.Join(args, ", "))
	case v.all:
		chosen = catalogue.All()
	case len(args) == 0:
		p.addf("profile", "missing: name a profile, a file or a set, or say --all (punchlab nat list lists them)")
	default:
		chosen, err = catalogue.Select(args...)
		p.add("profile", err)
	}
	return chosen, p.err()
}

// prove verifies the profiles and tells of each.
func (v *verifyFlags) prove(ctx context.Context, profiles []natprofiles.Profile, asJSON bool) error {
	tell := &verdicts{total: len(profiles), verbose: v.verbose || len(profiles) == 1, asJSON: asJSON, began: time.Now()}
	tell.progress()
	err := verify.All(ctx, profiles, verify.Options{Timers: v.timers, Parallel: v.parallel}, tell.report)
	tell.clear()
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		err = failed(fmt.Errorf("interrupted: %d of %d profiles are done: %w", tell.done, tell.total, context.Cause(ctx)))
	case err != nil:
		err = failed(fmt.Errorf("%w\n%s", advised(err), askDoctor))
	}
	return errors.Join(tell.err, tell.summary(), err, tell.outcome(err))
}

// verdicts tells of verifications as they end.
type verdicts struct {
	total, done, wrong int
	verbose, asJSON    bool
	began              time.Time
	err                error // of writing
}

func (t *verdicts) report(r verify.Report) {
	t.done++
	if !r.OK {
		t.wrong++
	}
	t.clear()
	if t.asJSON {
		line, err := json.Marshal(r)
		t.err = errors.Join(t.err, err, write(os.Stdout, string(line)+"\n"))
	} else {
		t.err = errors.Join(t.err, write(os.Stdout, verdict(r, t.verbose, pageWidth(os.Stdout))))
	}
	t.progress()
}

// progress writes how far it is to a terminal, on a line that is overwritten.
func (t *verdicts) progress() {
	if terminalWidth(os.Stderr) > 0 && t.done < t.total {
		fmt.Fprintf(os.Stderr, "\rprofiles %d/%d, %d not as declared", t.done, t.total, t.wrong)
	}
}

// clear takes the line of progress away.
func (t *verdicts) clear() {
	if terminalWidth(os.Stderr) > 0 {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}

// summary says what came of all: below the lines about profiles, and to those
// who want them for machines on stderr.
func (t *verdicts) summary() error {
	to := os.Stdout
	if t.asJSON {
		to = os.Stderr
	}
	return write(to, fmt.Sprintf("%d of %d profiles proved, %d not as declared, in %s\n",
		t.done-t.wrong, t.total, t.wrong, time.Since(t.began).Round(100*time.Millisecond)))
}

// outcome is the error of a profile that is not as declared, which was told,
// unless there is a greater one.
func (t *verdicts) outcome(err error) error {
	if err == nil && t.wrong > 0 {
		return errTold
	}
	return nil
}

// verdict is a line about a profile, and below it a table of the fields that are
// not as declared, or of all.
func verdict(r verify.Report, verbose bool, width int) string {
	wrong := 0
	var rows [][]string
	for _, f := range r.Fields {
		mark := "✓"
		if !f.OK {
			wrong++
			mark = "✗"
		}
		if verbose || !f.OK {
			rows = append(rows, []string{mark, f.Field, dash(f.Protocol), f.Declared, f.Measured})
		}
	}
	line := fmt.Sprintf("✓ %s: all %d fields are as declared\n", r.Profile, len(r.Fields))
	if wrong > 0 {
		line = fmt.Sprintf("✗ %s: %d of %d fields are not as declared\n", r.Profile, wrong, len(r.Fields))
	}
	if len(rows) == 0 {
		return line
	}
	return line + indented(list([]string{"", "field", "protocol", "declared", "measured"}, rows, max(width-4, 0)))
}
