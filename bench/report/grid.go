package report

import (
	"fmt"
	"strings"

	"github.com/punchlab/punchlab/bench/results"
)

// grid is one table: all cells of a strategy in a topology. Its rows are profiles a and
// its columns profiles b, the empty name where there is no such slot. Of a sweep they
// are pairs and points.
type grid struct {
	of            heading
	rows, columns []results.Name
	cells         map[pair]results.Summary // by row and column
	turned        bool                     // rows are points, and columns pairs
	incomplete    bool                     // a planned cell lacks trials
}

type heading struct {
	topology, strategy string
	slots              results.Slots
	parameter          string // that is swept; empty where none is
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
		of := heading{s.Topology, s.Strategy, s.Slots, s.Point.Parameter}
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
	for i, g := range all {
		if g.of.parameter != "" && len(g.columns) > len(g.rows) {
			all[i] = g.turn() // narrower
		}
	}
	return all
}

func (g *grid) add(s results.Summary) {
	at := pair{s.NATA, s.NATB}
	if s.Point.Swept() {
		at = pair{results.Name(pairName(s.Cell)), results.Name(s.Point.Value)}
	}
	g.rows = appendNew(g.rows, at.a)
	g.columns = appendNew(g.columns, at.b)
	g.cells[at] = s
}

// turn makes rows of the columns.
func (g grid) turn() grid {
	turned := grid{of: g.of, rows: g.columns, columns: g.rows, cells: map[pair]results.Summary{}, incomplete: g.incomplete, turned: !g.turned}
	for at, s := range g.cells {
		turned.cells[pair{at.b, at.a}] = s
	}
	return turned
}

// corner says what the rows and the columns are.
func (g grid) corner() string {
	switch {
	case g.of.parameter == "":
		return "a \\ b"
	case g.turned:
		return g.of.parameter + " \\ pair"
	}
	return "pair \\ " + g.of.parameter
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
				cells = append(cells, strings.TrimSpace(fmt.Sprintf("%s %d", placeOf(g.cells[pair{a, b}].Cell), n)))
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

// pairName is the pair of a cell, or its topology where that has no slots.
func pairName(c results.Cell) string {
	if own := (pair{c.NATA, c.NATB}).String(); own != "" {
		return own
	}
	return c.Topology
}

// placeOf tells a cell apart from the others of its table.
func placeOf(c results.Cell) string {
	if c.Point.Swept() {
		return pairName(c) + " at " + c.Point.String()
	}
	return pair{c.NATA, c.NATB}.String()
}
