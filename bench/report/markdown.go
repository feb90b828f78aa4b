package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/punchlab/punchlab/bench/results"
)

func init() {
	register(Format{Name: "markdown", File: "report.md", About: "tables for a pull request", Write: writeMarkdown})
}

// widestMarkdown is how many columns a table has at most: GitHub takes 65,536
// letters for a comment. A wider one becomes a list of the cells that neither
// always connect nor never.
const widestMarkdown = 10

// mostCauses is how many causes are told one by one.
const mostCauses = 20

func writeMarkdown(w io.Writer, s Subject) error {
	var b strings.Builder
	summaries := s.Run.Summaries()
	fmt.Fprintf(&b, "%s\n", headline(s.Run, summaries))
	markdownVerdicts(&b, s)
	for _, g := range grids(s.Run) {
		fmt.Fprintf(&b, "\n#### %s\n\n", escape(g.title()))
		if len(g.columns) > widestMarkdown || len(g.rows) > 2*widestMarkdown {
			g.markdownList(&b)
		} else {
			g.markdownTable(&b)
		}
		if note := g.invalidNote(); note != "" {
			fmt.Fprintf(&b, "\n%s\n", escape(note))
		}
	}
	markdownWindows(&b, s.Run)
	if note := wideNote(s.Run); note != "" {
		fmt.Fprintf(&b, "\n%s\n", escape(note))
	}
	markdownCauses(&b, summaries)
	if s.Expected != nil {
		b.WriteString("\n")
		if s.Changed != "" {
			fmt.Fprintf(&b, "%s\n\n", escape(s.Changed))
		}
		if err := PopulationsMarkdown(&b, s.Expected); err != nil {
			return err
		}
	}
	m := s.Run.Manifest
	fmt.Fprintf(&b, "\nCells: trials that connected / trials that count, the 95 %% interval of the rate (Wilson), median and "+
		"90th percentile of the time to connect. punchlab %s, Linux %s, seed %d.\n", escape(m.Version), escape(m.Kernel), m.Seed)
	return put(w, b.String())
}

// headline is the run in one line.
func headline(run results.Run, summaries []results.Summary) string {
	always, never, between, unknown := sorts(summaries)
	line := fmt.Sprintf("**%s of %d cells always connected**, %d now and then, %d never", fmt.Sprint(always), len(summaries), between, never)
	if unknown > 0 {
		line += fmt.Sprintf("; %d not run", unknown)
	}
	if !run.Complete() {
		line += ". Incomplete: " + run.Missing()
	}
	return line + "."
}

// sorts counts cells by how often they connected.
func sorts(summaries []results.Summary) (always, never, between, unknown int) {
	for _, s := range summaries {
		switch {
		case s.Trials == 0:
			unknown++
		case s.Successes == s.Trials:
			always++
		case s.Successes == 0:
			never++
		default:
			between++
		}
	}
	return always, never, between, unknown
}

// markdownVerdicts tells first what was expected and does not hold.
func markdownVerdicts(b *strings.Builder, s Subject) {
	missed := 0
	for _, v := range s.Verdicts {
		if !v.Held {
			missed++
			fmt.Fprintf(b, "\n- ❌ %s: %s expects %s; %s", escape(v.String()), escape(v.Where), v.Want, escape(v.Found))
		}
	}
	switch {
	case missed > 0:
		fmt.Fprintf(b, "\n\n%d of %d cells are not as expected.\n", missed, len(s.Verdicts))
	case len(s.Verdicts) > 0:
		fmt.Fprintf(b, "\nAll %d cells that something is expected of are as expected.\n", len(s.Verdicts))
	}
}

func (g grid) markdownTable(b *strings.Builder) {
	header, rule := "| "+g.corner()+" |", "|---|"
	if !g.pairs() {
		header = "| a |" // and a column without a name
	}
	for _, column := range g.columns {
		header += " " + escape(string(column)) + " |"
		rule += "---|"
	}
	b.WriteString(header + "\n" + rule + "\n")
	for _, a := range g.rows {
		fmt.Fprintf(b, "| %s |", escape(cmp.Or(string(a), g.of.topology)))
		for _, column := range g.columns {
			b.WriteString(" " + markdownCell(g.cells[pair{a, column}]) + " |")
		}
		b.WriteString("\n")
	}
}

func markdownCell(s results.Summary) string {
	if s.Trials == 0 {
		return "not run"
	}
	cell := fmt.Sprintf("%s (%s)", count(s), s.Interval)
	if s.Successes == s.Trials {
		cell = fmt.Sprintf("**%s** (%s)", count(s), s.Interval)
	}
	if s.ConnectMedian != nil {
		cell += fmt.Sprintf("<br>%s, %s", milliseconds(s.ConnectMedian), milliseconds(s.ConnectP90))
	}
	return cell
}

// markdownList counts the cells of a large table, and lists those in between.
func (g grid) markdownList(b *strings.Builder) {
	var all, between []results.Summary
	for _, a := range g.rows {
		for _, column := range g.columns {
			if s, known := g.cells[pair{a, column}]; known {
				all = append(all, s)
				if s.Successes > 0 && s.Successes < s.Trials {
					between = append(between, s)
				}
			}
		}
	}
	always, never, _, unknown := sorts(all)
	fmt.Fprintf(b, "%d cells: %d always connected, %d never, %d not run; results.csv has them all. The others:\n\n", len(all), always, never, unknown)
	const most = 200
	b.WriteString("| cell | connected, time |\n|---|---|\n")
	for i, s := range between {
		if i == most {
			fmt.Fprintf(b, "| and %d more | |\n", len(between)-most)
			break
		}
		fmt.Fprintf(b, "| %s | %s |\n", escape(placeOf(s.Cell)), markdownCell(s))
	}
}

// markdownCauses folds the causes of failure away.
func markdownCauses(b *strings.Builder, summaries []results.Summary) {
	causes := allCauses(summaries)
	if len(causes) == 0 {
		return
	}
	total := 0
	for _, c := range causes {
		total += c.times
	}
	fmt.Fprintf(b, "\n<details><summary>Why %d trials failed</summary>\n\n| trials | cause |\n|---:|---|\n", total)
	for i, c := range causes {
		if i == mostCauses {
			fmt.Fprintf(b, "| | and %d other causes |\n", len(causes)-mostCauses)
			break
		}
		fmt.Fprintf(b, "| %d | %s |\n", c.times, escape(c.cause))
	}
	b.WriteString("\n</details>\n")
}

// escape keeps names and causes from being taken for Markdown or HTML.
var escape = strings.NewReplacer(
	"\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "&", "&amp;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "\n", " ",
).Replace

// markdownWindows says where the curves of a sweep are above one half, a line for each.
func markdownWindows(b *strings.Builder, run results.Run) {
	curves := run.Curves()
	if len(curves) == 0 {
		return
	}
	b.WriteString("\n")
	for _, c := range curves {
		fmt.Fprintf(b, "- %s: %s\n", escape(c.Cell.String()), escape(Window(c)))
	}
	fmt.Fprintf(b, "\n%s\n", aboutWindows)
}
