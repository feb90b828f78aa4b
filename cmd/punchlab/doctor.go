package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/harness"
)

func newDoctor(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Try what this kernel and this user can do",
		Long: `doctor tries everything that labs need of this kernel and this user, and says
what to do about what is missing. It changes nothing of the machine's.

The exit status is 1 if something is missing that labs cannot do without.`,
		Example: `  punchlab doctor
  sudo punchlab doctor
  punchlab doctor --json`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			within(func(ctx context.Context) error { return examine(ctx, c.json) })
			return nil
		},
	}
}

// examine makes all checks and tells them.
func examine(ctx context.Context, asJSON bool) error {
	checks := harness.Doctor(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := tellChecks(checks, asJSON); err != nil {
		return err
	}
	for _, check := range checks {
		if check.Err != nil && !check.Optional {
			return errTold
		}
	}
	return nil
}

func tellChecks(checks []harness.Check, asJSON bool) error {
	if asJSON {
		return printJSON(os.Stdout, diagnosis(checks))
	}
	return write(os.Stdout, findings(checks))
}

// findings tells the checks to people: a line for each, and below the ones that
// failed why, and what to do.
func findings(checks []harness.Check) string {
	var pairs [][2]string
	for _, check := range checks {
		mark := "✓ "
		purpose := check.Purpose
		if check.Err != nil {
			mark = "✗ "
		}
		if check.Optional {
			purpose += " (optional)"
		}
		pairs = append(pairs, [2]string{mark + check.Name, purpose})
	}
	var b strings.Builder
	for i, line := range strings.SplitAfter(strings.TrimSuffix(entries("", pairs), "\n"), "\n") {
		b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		if err := checks[i].Err; err != nil {
			b.WriteString(indented(err.Error()))
			b.WriteString(indented(checks[i].Advice))
		}
	}
	return b.String()
}

// indented sets a text off below the line that it belongs to.
func indented(s string) string {
	if s == "" {
		return ""
	}
	return "    " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n    ") + "\n"
}

// finding is a check for machines.
type finding struct {
	Name     string `json:"name"`
	Purpose  string `json:"purpose"`
	OK       bool   `json:"ok"`
	Optional bool   `json:"optional"`
	Error    string `json:"error,omitempty"`
	Advice   string `json:"advice,omitempty"`
}

func diagnosis(checks []harness.Check) []finding {
	all := []finding{}
	for _, check := range checks {
		f := finding{Name: check.Name, Purpose: check.Purpose, OK: check.Err == nil, Optional: check.Optional}
		if check.Err != nil {
			f.Error, f.Advice = check.Err.Error(), check.Advice
		}
		all = append(all, f)
	}
	return all
}
