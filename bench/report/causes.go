package report

import (
	"cmp"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/bench/story"
)

// cause is why so many trials failed.
type cause struct {
	cause string
	times int
}

// sortedCauses has the most frequent first.
func sortedCauses(of map[string]int) (all []cause) {
	for c, n := range of {
		all = append(all, cause{c, n})
	}
	slices.SortFunc(all, func(x, y cause) int {
		return cmp.Or(cmp.Compare(y.times, x.times), cmp.Compare(x.cause, y.cause))
	})
	return all
}

// allCauses are those of all cells together.
func allCauses(summaries []results.Summary) []cause {
	together := map[string]int{}
	for _, s := range summaries {
		for c, n := range s.Causes {
			if c != "" { // as of runs that knew none
				together[c] += n
			}
		}
	}
	return sortedCauses(together)
}

// causes writes why trials failed, if any did, in how many of the cells: what to work
// on.
func (p *page) causes(run results.Run) {
	summaries := run.Summaries()
	all := allCauses(summaries)
	if len(all) == 0 {
		return
	}
	p.paragraph(p.paint.title("Why trials failed"))
	p.text.WriteString("\n")
	t := newTable(layout{})
	room := p.width == 0 || p.width >= causeWidth+nameWidth
	header := table.Row{"cause", "trials", "cells"}
	if room {
		header = append(header, "that is")
	}
	t.AppendHeader(header)
	for _, c := range all {
		cells := 0
		for _, s := range summaries {
			if s.Causes[c.cause] > 0 {
				cells++
			}
		}
		row := table.Row{c.cause, c.times, cells}
		if meaning := story.Cause(c.cause).Meaning(); room {
			if p.width > 0 {
				meaning = text.WrapSoft(meaning, p.width-causeWidth)
			}
			row = append(row, meaning)
		} else {
			row[0] = text.WrapSoft(c.cause, max(p.width-countsWidth, 1))
		}
		t.AppendRow(row)
	}
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, Align: text.AlignRight, AlignHeader: text.AlignRight},
		{Number: 3, Align: text.AlignRight, AlignHeader: text.AlignRight},
	})
	p.text.WriteString(t.Render() + "\n\n")
}

// causeWidth is what the columns before the meaning need, and countsWidth those of
// counts.
const causeWidth, countsWidth = 44, 20
