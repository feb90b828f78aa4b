package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/punchlab/punchlab/bench/populations"
)

// PopulationsMarkdown writes what [Populations] does as a section of Markdown,
// with the documents that figures and weights are from.
func PopulationsMarkdown(w io.Writer, expected []populations.Expectation) error {
	var b strings.Builder
	b.WriteString("## Populations\n")
	for _, d := range draws(expected) {
		header, rows := d.rows()
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", d.title(), markdownRows(header, rows, 2))
		for _, n := range d.notes() {
			separator := "\n- "
			if len(n.told) == 1 {
				separator = " "
			}
			b.WriteString("\n" + n.about + ":" + separator + strings.Join(n.told, separator) + "\n")
		}
	}
	closing := legend
	if len(expected) == 0 {
		closing = nothingToWeigh
	}
	fmt.Fprintf(&b, "\n%s\n\n### Published, which is not the same\n\n", closing)
	var rows [][]string
	for _, f := range populations.Published() {
		rows = append(rows, []string{f.Study, f.Value(), figureOf(f), f.Protocol, f.Meaning(), f.Ref})
	}
	b.WriteString(markdownRows([]string{"study", "figure", "of", "protocol", "what it counts", "source"}, rows, 0) + "\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// markdownRows is a table whose columns from the given one on, counted from 1,
// are figures, which stand at the right; 0 if none are.
func markdownRows(header []string, rows [][]string, figures int) string {
	t := table.NewWriter()
	t.AppendHeader(tableRow(header))
	if figures > 0 {
		var right []table.ColumnConfig
		for column := figures; column <= len(header); column++ {
			right = append(right, table.ColumnConfig{Number: column, Align: text.AlignRight})
		}
		t.SetColumnConfigs(right)
	}
	for _, row := range rows {
		t.AppendRow(tableRow(row))
	}
	return t.RenderMarkdown()
}
