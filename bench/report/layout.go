package report

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/punchlab/punchlab/bench/results"
)

// layout is a way to fit a grid into a width. Columns are always headed by
// names that are broken at their hyphens.
type layout struct {
	interval  bool // of the rate, between the count and the time
	breakRows bool // break the rows' names as well
	stack     bool // put the time below the count
}

// layouts are tried in this order, from the most legible to the narrowest.
var layouts = []layout{{interval: true}, {}, {breakRows: true}, {breakRows: true, stack: true}}

// nameWidth is the width to which names are broken: hardly a part between
// hyphens is wider.
const nameWidth = 10

// render draws the grid by the first layout that fits, and tells which that was.
// Where none does, the columns are dealt out to several tables, one below the other.
func (g grid) render(width int, paint painter) (string, layout) {
	if len(g.rows) == 1 && g.rows[0] == "" && !g.pairs() {
		return g.cell(pair{}, layouts[0], g.widths(), paint), layouts[0]
	}
	for _, l := range layouts {
		if drawn := g.draw(l, paint); width <= 0 || textWidth(drawn) <= width {
			return drawn, l
		}
	}
	narrowest := layouts[len(layouts)-1]
	tooMany := 2 + sort.Search(len(g.columns)-1, func(n int) bool {
		return textWidth(g.blocks(n+2, narrowest, paint)) > width
	})
	return g.blocks(tooMany-1, narrowest, paint), narrowest
}

// blocks draws n columns at a time.
func (g grid) blocks(n int, l layout, paint painter) string {
	var blocks []string
	for columns := range slices.Chunk(g.columns, n) {
		block := g
		block.columns = columns
		blocks = append(blocks, block.draw(l, paint))
	}
	return strings.Join(blocks, "\n\n")
}

func (g grid) draw(l layout, paint painter) string {
	w := g.widths()
	t := newTable(l)
	t.AppendHeader(g.header(l, w))
	for _, a := range g.rows {
		row := table.Row{g.rowName(a, l)}
		for _, b := range g.columns {
			row = append(row, g.cell(pair{a, b}, l, w, paint))
		}
		t.AppendRow(row)
	}
	configs := []table.ColumnConfig{{Number: 1, Align: text.AlignLeft}}
	for i := range g.columns {
		configs = append(configs, table.ColumnConfig{Number: i + 2, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(configs)
	return t.Render()
}

// newTable is an empty table for a terminal.
func newTable(l layout) table.Writer {
	t := table.NewWriter()
	t.SetStyle(style(l))
	t.SuppressTrailingSpaces()
	return t
}

func style(l layout) table.Style {
	s := table.StyleLight
	s.Options = table.Options{SeparateHeader: true, SeparateRows: l.stack}
	s.Format.Header = text.FormatDefault
	s.Format.HeaderVAlign = text.VAlignBottom
	return s
}

func (g grid) header(l layout, w widths) table.Row {
	if !g.pairs() {
		return table.Row{"a", ""}
	}
	cell := w.count + 1 + w.time
	switch {
	case l.interval:
		cell += w.interval + 1
	case l.stack:
		cell = max(w.count, w.time)
	}
	header := table.Row{g.corner()}
	for _, b := range g.columns {
		header = append(header, breakName(string(b), cell))
	}
	return header
}

func (g grid) rowName(a results.Name, l layout) string {
	if l.breakRows {
		return breakName(string(a), 0)
	}
	return string(a)
}

// breakName breaks a name that is wider than nameWidth and than the room it
// has anyway: behind hyphens and between the names of a pair, and inside a part where
// the part alone is wider.
func breakName(name string, room int) string {
	if text.StringWidth(name) <= max(nameWidth, room) {
		return name
	}
	if a, b, pair := strings.Cut(name, " x "); pair {
		return breakName(a, room) + " x\n" + breakName(b, room)
	}
	var lines []string
	line := ""
	for _, part := range strings.SplitAfter(name, "-") {
		if line != "" && text.StringWidth(line+part) > nameWidth {
			lines = append(lines, line)
			line = ""
		}
		line += part
	}
	lines = append(lines, line)
	for i, line := range lines {
		lines[i] = text.WrapHard(line, nameWidth)
	}
	return strings.Join(lines, "\n")
}

// widths are those of the parts of a cell, so that they align from row to row.
type widths struct{ count, interval, time int }

func (g grid) widths() widths {
	var w widths
	for _, s := range g.cells {
		w.count = max(w.count, len(count(s)))
		w.interval = max(w.interval, text.StringWidth(interval(s)))
		w.time = max(w.time, text.StringWidth(median(s)))
	}
	return w
}

func (g grid) cell(p pair, l layout, w widths, paint painter) string {
	s, known := g.cells[p]
	if !known || s.Trials == 0 {
		return paint.faint("not run")
	}
	words := fmt.Sprintf("%*s ", w.count, count(s))
	switch {
	case l.stack:
		words = count(s) + "\n" + median(s)
	case l.interval:
		words += text.AlignRight.Apply(interval(s), w.interval) + " "
		fallthrough
	default:
		words += text.AlignRight.Apply(median(s), w.time)
	}
	switch s.Successes {
	case s.Trials:
		return paint.good(words)
	case 0:
		return paint.bad(words)
	}
	return paint.mixed(words)
}

func count(s results.Summary) string { return fmt.Sprintf("%d/%d", s.Successes, s.Trials) }

// interval is that of the rate, with 95 % confidence.
func interval(s results.Summary) string {
	if s.Interval == nil {
		return "–"
	}
	return s.Interval.String()
}

func median(s results.Summary) string { return milliseconds(s.ConnectMedian) }

// milliseconds is a time for people: two digits that mean something, at least.
func milliseconds(of *float64) string {
	if of == nil {
		return "–"
	}
	switch ms := *of; {
	case ms < 9.95:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 999.5:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.2f s", ms/1000)
	}
}

// textWidth is that of the widest line, without escape sequences.
func textWidth(s string) int {
	width := 0
	for line := range strings.Lines(s) {
		width = max(width, text.StringWidthWithoutEscSequences(strings.TrimRight(line, "\n")))
	}
	return width
}
