package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/punchlab/punchlab/bench/populations"
	"github.com/punchlab/punchlab/bench/results"
)

// Populations writes what strategies are worth to random pairs of a population
// as a section for a terminal: a table for each topology, what was not measured,
// which assumed weights the figures hang on, and below all of them what others
// have published, with what that counts. Width and colour are as [Terminal] has
// them. Where there is no expectation it says so.
func Populations(w io.Writer, expected []populations.Expectation, width int, colour bool) error {
	p := page{width: width, paint: painter(colour)}
	for _, d := range draws(expected) {
		p.draw(d)
	}
	if len(expected) > 0 {
		p.paragraph(legend)
	} else {
		p.paragraph(nothingToWeigh)
	}
	p.text.WriteString("\n")
	p.figures(populations.Published())
	if _, err := io.WriteString(w, p.text.String()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// draw is a way to draw a pair, and what each strategy is worth to it.
type draw struct {
	topology string
	slots    results.Slots
	point    results.Point
	a, b     string
	all      []populations.Expectation
}

// draws sorts expectations by the topology that pairs meet in, in their order.
func draws(expected []populations.Expectation) []*draw {
	var all []*draw
	for _, e := range expected {
		i := slices.IndexFunc(all, func(d *draw) bool {
			return d.topology == e.Topology && d.slots == e.Slots && d.point == e.Point && d.a == e.A && d.b == e.B
		})
		if i < 0 {
			i = len(all)
			all = append(all, &draw{topology: e.Topology, slots: e.Slots, point: e.Point, a: e.A, b: e.B})
		}
		all[i].all = append(all[i].all, e)
	}
	return all
}

// title says who meets whom where.
func (d *draw) title() string {
	title := "A random pair of " + d.a
	switch d.b {
	case "":
		title = "A random NAT of " + d.a
	case d.a:
	default:
		title += " x " + d.b
	}
	title += " on " + d.topology
	if slots := d.slots.String(); slots != "" {
		title += " [" + slots + "]"
	}
	if d.point.Swept() {
		title += " at " + d.point.String()
	}
	return title
}

func (p *page) draw(d *draw) {
	p.paragraph(p.paint.title(d.title()))
	p.text.WriteString("\n")
	header, rows := d.rows()
	p.rows(header, rows)
	for _, n := range d.notes() {
		if len(n.told) == 1 {
			p.paragraph(n.about + ": " + n.told[0])
		} else {
			p.paragraph(n.about + ":")
			for _, told := range n.told {
				p.paragraph("- " + told)
			}
		}
		p.text.WriteString("\n")
	}
}

// figures writes what was published.
func (p *page) figures(all []populations.Figure) {
	p.paragraph(p.paint.title("Published, which is not the same"))
	p.text.WriteString("\n")
	var rows [][]string
	for _, f := range all {
		rows = append(rows, []string{f.Study, f.Value(), figureOf(f), f.Protocol})
	}
	p.rows([]string{"study", "figure", "of", "protocol"}, rows)
	for _, f := range all {
		p.paragraph(f.Name + ": " + f.Meaning() + ".")
	}
}

// rows writes a table whose first column is text and whose others are figures; a
// sentence for each row where the table is wider than the page.
func (p *page) rows(header []string, rows [][]string) {
	t := newTable(layout{})
	t.AppendHeader(tableRow(header))
	var right []table.ColumnConfig
	for column := 2; column <= len(header); column++ {
		right = append(right, table.ColumnConfig{Number: column, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	for _, row := range rows {
		t.AppendRow(tableRow(row))
	}
	if drawn := t.Render(); p.width <= 0 || textWidth(drawn) <= p.width {
		p.text.WriteString(drawn + "\n\n")
		return
	}
	for _, row := range rows {
		var told []string
		for i, cell := range row[1:] {
			told = append(told, header[i+1]+" "+cell)
		}
		p.paragraph(row[0] + ": " + strings.Join(told, ", ") + ".")
	}
	p.text.WriteString("\n")
}

func tableRow(words []string) table.Row {
	row := make(table.Row, len(words))
	for i, w := range words {
		row[i] = w
	}
	return row
}
