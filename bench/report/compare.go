package report

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/punchlab/punchlab/bench/results"
)

// Comparison writes what changed from one run to another, for a terminal: a table of
// the cells that did, what could not be compared, and what the figures mean. Width
// and colour are those of [Terminal].
func Comparison(w io.Writer, c results.Comparison, width int, colour bool) error {
	p := page{width: width, paint: painter(colour)}
	if len(c.Differences) > 0 {
		p.paragraph("The runs themselves differ:")
		for _, d := range c.Differences {
			p.paragraph("  " + d.String())
		}
		p.text.WriteString("\n")
	}
	p.changes(c)
	p.only("Only in the old run", c.OnlyOld)
	p.only("Only in the new run", c.OnlyNew)
	p.compared(c)
	return put(w, p.text.String())
}

// changes draws the cells that changed.
func (p *page) changes(c results.Comparison) {
	t := newTable(layout{})
	t.AppendHeader(table.Row{"cell", "", "old", "new", "p"})
	for _, change := range c.Changes {
		cell := change.Cell.String()
		if p.width > 0 {
			cell = text.WrapSoft(cell, max(p.width-changeWidth, 2*nameWidth))
		}
		if change.Rate != results.Same {
			t.AppendRow(table.Row{cell, p.direction("rate", change.Rate), rated(change.Old), rated(change.New), probability(change.RateP)})
			cell = ""
		}
		if change.Time != results.Same {
			t.AppendRow(table.Row{cell, p.direction("time", change.Time), median(change.Old), median(change.New), probability(change.TimeP)})
		}
	}
	if t.Length() > 0 {
		p.text.WriteString(t.Render() + "\n\n")
	}
}

// changeWidth is what the columns beside the cell's name need.
const changeWidth = 64

func (p *page) direction(of string, d results.Direction) string {
	words := of + " " + string(d)
	if d == results.Worse {
		return p.paint.bad(words)
	}
	return p.paint.good(words)
}

func rated(s results.Summary) string { return count(s) + " " + interval(s) }

// probability is a p-value for people.
func probability(p float64) string {
	if p < 0.0001 {
		return "< 0.0001"
	}
	return fmt.Sprintf("%.4f", p)
}

// only names cells that cannot be compared.
func (p *page) only(where string, cells []results.Cell) {
	if len(cells) == 0 {
		return
	}
	p.paragraph(where + ":")
	for _, c := range cells {
		p.paragraph("  " + c.String())
	}
	p.text.WriteString("\n")
}

// compared says how many cells were, what was found, and what that means.
func (p *page) compared(c results.Comparison) {
	worse, better := 0, 0
	for _, change := range c.Changes {
		switch {
		case change.Regressed():
			worse++
		case change.Changed():
			better++
		}
	}
	verdict := fmt.Sprintf("%d of %d cells are worse, %d better.", worse, len(c.Changes), better)
	if worse+better == 0 {
		verdict = fmt.Sprintf("No difference found in %d cells.", len(c.Changes))
	}
	p.paragraph(p.paint.title(verdict))
	p.paragraph(fmt.Sprintf("The chance that anything is named although nothing changed is at most %v. Rates: Fisher's exact test; "+
		"cells that could show a change: %d. Times: the rank test of Mann and Whitney, for changes of more than a quarter of the "+
		"round trip; cells: %d. p by Holm's correction. docs/comparing.md says how small a change can be found.",
		c.Significance, c.RateTests, c.TimeTests))
}
