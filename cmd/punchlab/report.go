package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/bench/expect"
	"github.com/punchlab/punchlab/bench/report"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// reportFlags are those of report.
type reportFlags struct {
	expected, format, output string
	populations              []string
}

const aboutReport = `report derives the files of a results folder again, from results.jsonl alone, and
prints the tables. A sweep has a drawing for each curve, sweep-….svg. What it writes:

`

const aboutExpectations = `
--format prints one of them on stdout instead, and writes nothing.

--expect holds the run against a file that says what must hold of which cells. A
cell that is not as expected is a failure in junit.xml, and the exit status is 1.
The last rule that matches a cell decides; names may be patterns, and what a rule
does not name may be anything:

  cells:
    - {strategy: auto, expect: connects}            # every trial
    - {nat-a: linux-random, nat-b: [linux-random, "apdm-*"], expect: cannot}
    - {topology: double-nat, slots: {carrier: rfc6888-cgn}, expect: 95%}
    - {point: {stagger: [-1rtt, 0rtt, 1rtt]}, expect: connects}   # of a sweep

A least rate is missed where the whole 95 % interval of what was measured lies
below it. Lines of results.jsonl that are no trials are named and left out.

--population tells what each strategy is worth to two random members of a
population, or to one of each of two (punchlab population list): on the terminal, in
report.md, report.html and summary.json. Cells are weighed by the names of their
profiles; where one is another now than when the run was made, report says so.
report.html has the shipped populations of which half was measured in any case.`

func newReport(c *common) *cobra.Command {
	var r reportFlags
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Make the reports of a run again, and judge it",
		Long:  aboutReport + strings.TrimRight(formatList(), "\n") + "\n" + aboutExpectations,
		Example: `  punchlab report punchlab-results/20250301T120000.000Z
  punchlab report results/ --expect ci/expect.yaml
  punchlab report results/ --population mobile,home-today
  punchlab report results/ --format markdown >> "$GITHUB_STEP_SUMMARY"`,
		Args: folders(1, 1, "one results folder"),
		RunE: func(_ *cobra.Command, args []string) error { return r.report(c, args[0]) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&r.expected, "expect", "", "`file` that says what must hold of which cells")
	flags.StringSliceVar(&r.populations, "population", nil, "tell what the run is worth to a `population`, or to one of each of two: names, or paths of YAML files")
	flags.StringVar(&r.format, "format", "", "print this `format` on stdout, and write nothing: "+strings.Join(formatNames(), ", "))
	flags.StringVarP(&r.output, "output", "o", "", "`folder` for the derived files (default DIR)")
	return cmd
}

func (r *reportFlags) report(c *common, where string) error {
	var p problems
	format, err := formatNamed(r.format)
	p.add("--format", err)
	if r.format != "" && r.output != "" {
		p.addf("--output", "is for files, and --format prints one on stdout")
	}
	expected, err := expectations(r.expected)
	p.add("--expect", err)
	if err := p.err(); err != nil {
		return err
	}
	all, err := loadAll(where)
	if err != nil {
		return err
	}
	l := all[0]
	about := report.Subject{Run: l.run, Path: l.path}
	if expected != nil {
		if about.Verdicts, err = expected.Judge(l.run); err != nil {
			return misuse(fmt.Errorf("--expect: %w", err))
		}
	}
	if err := c.weigh(&about, r.populations); err != nil {
		return err
	}
	if about.Changed != "" && len(r.populations) > 0 {
		fmt.Fprintf(os.Stderr, "punchlab: %s: %s\n", about.Path, about.Changed)
	}
	switch {
	case c.json:
		format, _ = formatNamed("json")
		fallthrough
	case r.format != "":
		err = failed(format.Write(os.Stdout, about))
	default:
		err = r.files(about)
	}
	return firstOf(err, l.broken, missed(about))
}

// files writes the derived files where they are to be, and prints the tables.
func (r *reportFlags) files(about report.Subject) error {
	dir := filepath.Dir(about.Path)
	if r.output != "" {
		dir = r.output
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return misuse(fmt.Errorf("--output: %s: %w", dir, cause(err)))
		}
	}
	return tellRun(about, dir, false)
}

// firstOf is the first error of all: those behind it are less important.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// expectations reads the file of --expect; nil if there is none.
func expectations(file string) (*expect.Expectations, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, cause(err))
	}
	return expect.Parse(file, text)
}

// missed tells the cells that are not as expected, on stderr, and is an error if
// there are any.
func missed(about report.Subject) error {
	wrong := 0
	for _, v := range about.Verdicts {
		if !v.Held {
			wrong++
			fmt.Fprintf(os.Stderr, "punchlab: %s: %s expects %s: %s\n", v.Cell, v.Where, v.Want, v.Found)
		}
	}
	if wrong == 0 {
		return nil
	}
	return failed(fmt.Errorf("%d of %s that something is expected of are not as expected", wrong, counted(len(about.Verdicts), "cell")))
}

// tellRun writes what is derived from a run to a folder, prints what the run has
// found, and where its files are.
func tellRun(about report.Subject, dir string, asJSON bool) error {
	derived := failed(report.Folder(dir, about))
	if asJSON {
		format, _ := formatNamed("json")
		return errors.Join(failed(format.Write(os.Stdout, about)), derived)
	}
	err := report.Terminal(os.Stdout, about.Run, pageWidth(os.Stdout), report.Colour(terminalWidth(os.Stdout) > 0))
	if about.Expected != nil {
		err = errors.Join(err, report.Populations(os.Stdout, about.Expected, pageWidth(os.Stdout), report.Colour(terminalWidth(os.Stdout) > 0)))
	}
	files := fmt.Sprintf("The trials are in %s.\n", filepath.Clean(about.Path))
	if derived == nil {
		files += fmt.Sprintf("Derived from it, in %s: %s.\n", filepath.Clean(dir), fileNames(about))
	}
	return errors.Join(failed(err), write(os.Stdout, files), derived)
}

// fileNames are those of all derived files, for people.
func fileNames(about report.Subject) string {
	var files []string
	for _, f := range report.Formats() {
		files = append(files, f.File)
	}
	switch drawn := report.Drawings(about.Run); len(drawn) {
	case 0:
	case 1:
		files = append(files, drawn[0].File)
	default:
		files = append(files, fmt.Sprintf("%d drawings sweep-*.svg", len(drawn)))
	}
	last := len(files) - 1
	return strings.Join(files[:last], ", ") + " and " + files[last]
}

func formatNamed(name string) (report.Format, error) {
	for _, f := range report.Formats() {
		if f.Name == name {
			return f, nil
		}
	}
	if name == "" {
		return report.Format{}, nil
	}
	return report.Format{}, fmt.Errorf("%s is not one of %s%s", strictyaml.Quote(name),
		strings.Join(formatNames(), ", "), strictyaml.DidYouMean(name, formatNames()))
}

func formatNames() (names []string) {
	for _, f := range report.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// formatList tells what formats there are, and in which files.
func formatList() string {
	var pairs [][2]string
	for _, f := range report.Formats() {
		pairs = append(pairs, [2]string{f.File, f.About + " (--format " + f.Name + ")"})
	}
	return entries("  ", pairs)
}
