package report

import (
	"fmt"
	"strings"

	"github.com/punchlab/punchlab/bench/results"
)

// grid is one table: all cells of a strategy in a topology.
type grid struct {
	of            heading
	rows, columns []results.Name // profiles a and b; the empty name where there is no such slot
	cells         map[pair]results.Summary
	incomplete    bool // a planned cell lacks trials
}

type heading struct {
	topology, strategy string
	slots              results.Slots
}

type pair struct{ a, b results.Name }

// grids sorts a run's cells into tables. Tables, rows and columns stand in
// the order in which the plan first names them.
func grids(run results.Run) []grid {
	planned := map[results.Cell]bool{}
	for _, cell := range run.Manifest.Cells {
		planned[cell] = true
	}
	var all []grid
	index := map[heading]int{}
	for _, s := range run.Summaries() {
		of := heading{s.Topology, s.Strategy, s.Slots}
		i, known := index[of]
		if !known {
			i = len(all)
			index[of] = i
			all = append(all, grid{of: of, cells: map[pair]results.Summary{}})
		}
		all[i].add(s)
		if planned[s.Cell] && !run.Manifest.Goal().Ended(s.Tally()) {
			all[i].incomplete = true
		}
	}
	return all
}

func (g *grid) add(s results.Summary) {
	g.rows = appendNew(g.rows, s.NATA)
	g.columns = appendNew(g.columns, s.NATB)
	g.cells[pair{s.NATA, s.NATB}] = s
}

func appendNew(names []results.Name, name results.Name) []results.Name {
	for _, known := range names {
		if known == name {
			return names
		}
	}
	return append(names, name)
}

func (g grid) title() string {
	title := g.of.strategy + " on " + g.of.topology
	if slots := g.of.slots.String(); slots != "" {
		title += " [" + slots + "]"
	}
	if g.incomplete {
		title += " (incomplete)"
	}
	return title
}

// pairs says whether the topology has a slot b, and so columns that have names.
func (g grid) pairs() bool { return len(g.columns) > 1 || g.columns[0] != "" }

// invalidNote names the cells whose trials the lab spoiled.
func (g grid) invalidNote() string {
	const named = 5
	total, cells := 0, []string{}
	for _, a := range g.rows {
		for _, b := range g.columns {
			if n := g.cells[pair{a, b}].Invalid; n > 0 {
				total += n
				cells = append(cells, strings.TrimSpace(fmt.Sprintf("%s %d", pair{a, b}, n)))
			}
		}
	}
	if total == 0 {
		return ""
	}
	if more := len(cells) - named; more > 0 {
		cells = append(cells[:named], fmt.Sprintf("%d more cells", more))
	}
	return fmt.Sprintf("Invalid trials, not counted: %d (%s).", total, strings.Join(cells, ", "))
}

func (p pair) String() string {
	if p.b == "" {
		return string(p.a)
	}
	return string(p.a) + " x " + string(p.b)
}
