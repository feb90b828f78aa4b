package report

import (
	"html/template"

	"github.com/punchlab/punchlab/bench/results"
)

// htmlSweep is one curve of a sweep: what a pair comes to by one strategy at each
// point.
type htmlSweep struct {
	Drawing template.HTML
	Words   string
}

func htmlSweeps(run results.Run) (all []htmlSweep) {
	for _, c := range run.Curves() {
		all = append(all, htmlSweep{
			Drawing: template.HTML(SweepSVG(c)), //nolint:gosec // our own, whose texts are escaped
			Words:   c.Cell.String() + ": " + Window(c) + ".",
		})
	}
	return all
}
