// Package report tells people what a run of the bench found. Whatever it
// shows comes from a [results.Run] and nothing else, so every report can be
// made again from the file.
package report

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/punchlab/punchlab/bench/results"
)

// Terminal writes a run as tables for a terminal: one for each strategy in
// each topology, rows and columns being the profiles a and b in the order in
// which the run planned them. A cell is the number of trials that connected,
// that of all that count, the interval of the rate where there is room for it,
// and the median time until both peers had checked the other's proof. What is missing of a run is said in the titles and at the
// end; trials that were invalid are named below their table. Of a sweep, columns are
// its points and rows pairs, or the other way round where that is narrower; each curve
// is drawn below its table, and its window said in words.
//
// No line is wider than width columns where the text can be broken to fit; 0
// means that there is no limit. Without colour the text holds no escape
// sequences; [Colour] decides.
func Terminal(w io.Writer, run results.Run, width int, colour bool) error {
	p := page{width: width, paint: painter(colour)}
	curves := run.Curves()
	for _, g := range grids(run) {
		p.table(g)
		p.windows(g, curves)
	}
	if p.swept {
		p.paragraph(aboutWindows)
		p.text.WriteString("\n")
	}
	p.techniques(run)
	p.causes(run)
	p.ending(run)
	if _, err := io.WriteString(w, p.text.String()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Colour says whether to colour what goes to a terminal: not where the user
// has set NO_COLOR (https://no-color.org) and not where it is none.
func Colour(terminal bool) bool { return terminal && os.Getenv("NO_COLOR") == "" }

// page collects what Terminal writes.
type page struct {
	text      strings.Builder
	width     int
	paint     painter
	intervals bool // a table had room for them
	swept     bool // a curve was drawn
}

// aboutIntervals says what they are, if there are any.
func (p *page) aboutIntervals() string {
	if !p.intervals {
		return ""
	}
	return "the 95 % interval of the rate, "
}

func (p *page) table(g grid) {
	p.paragraph(p.paint.title(g.title()))
	p.text.WriteString("\n")
	drawn, l := g.render(p.width, p.paint)
	p.intervals = p.intervals || l.interval
	p.text.WriteString(drawn)
	p.text.WriteString("\n\n")
	if note := g.invalidNote(); note != "" {
		p.paragraph(note)
		p.text.WriteString("\n")
	}
}

// ending says what the figures mean, once for all tables, and what is missing.
func (p *page) ending(run results.Run) {
	if len(run.Trials) > 0 {
		p.paragraph("Cells: trials that connected / trials that count, " + p.aboutIntervals() + "median time to connect.")
	} else {
		p.paragraph("No trial was run.")
	}
	if !run.Complete() {
		p.paragraph(p.paint.bad("Incomplete: " + run.Missing() + "."))
	}
	if note := wideNote(run); note != "" {
		p.paragraph(note)
	}
	if run.CutLine > 0 {
		p.paragraph(fmt.Sprintf("Line %d of the results was cut short; its trial is lost.", run.CutLine))
	}
}

// wideNote tells which intervals are wider than the run was to make them, if it was.
func wideNote(run results.Run) string {
	if run.Manifest.Until == 0 {
		return ""
	}
	const named = 10
	goal := fmt.Sprintf("±%.4g %%", 100*run.Manifest.Until)
	wide := run.Wide()
	if len(wide) == 0 {
		return "Every interval is within " + goal + " of its middle."
	}
	var cells []string
	for i, s := range wide {
		if i == named {
			cells = append(cells, fmt.Sprintf("and %d more", len(wide)-named))
			break
		}
		cells = append(cells, fmt.Sprintf("%s %s (%s)", s.Cell, count(s), interval(s)))
	}
	return fmt.Sprintf("Wider than %s, and no cell gets more than %d trials: %s.", goal, run.Manifest.Most, strings.Join(cells, ", "))
}

// paragraph writes a text that is broken between words to fit the width.
func (p *page) paragraph(s string) {
	if p.width > 0 {
		s = text.WrapSoft(s, p.width)
	}
	for line := range strings.Lines(s) {
		p.text.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}
