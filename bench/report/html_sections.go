package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/punchlab/punchlab/bench/results"
)

// htmlVerdicts is what was expected of the run.
type htmlVerdicts struct {
	Said   string
	Missed []htmlVerdict
}

type htmlVerdict struct{ Cell, Want, Found, Where string }

func htmlVerdictsOf(s Subject) *htmlVerdicts {
	if len(s.Verdicts) == 0 {
		return nil
	}
	v := &htmlVerdicts{Said: fmt.Sprintf("All %s cells that something is expected of are as expected.", thousands(len(s.Verdicts)))}
	for _, one := range s.Verdicts {
		if !one.Held {
			v.Missed = append(v.Missed, htmlVerdict{one.Cell.String(), string(one.Want), one.Found, one.Where})
		}
	}
	if len(v.Missed) > 0 {
		v.Said = fmt.Sprintf("%s of %s cells are not as expected.", thousands(len(v.Missed)), thousands(len(s.Verdicts)))
	}
	return v
}

// htmlStrategy is a row of the comparison: one table of the map of pairs.
type htmlStrategy struct {
	Table                                      int
	Title                                      string
	Cells, Always, Between, Never, Unknown     string
	Connected, Mean                            string
	Median, P90, Rounds, SYNs, Packets         string
	times, rounds, syns, packets               []float64
	cells, successes, trials                   int
	rates                                      float64 // of all cells that were run, together
	always, between, never, unknown, withRates int
}

func htmlStrategies(run results.Run) []htmlStrategy {
	var all []htmlStrategy
	index := map[heading]int{}
	for i, g := range grids(run) {
		row := htmlStrategy{Table: i, Title: g.title(), cells: len(g.cells)}
		for _, s := range g.cells {
			row.add(s)
		}
		index[g.of] = i
		all = append(all, row)
	}
	for _, t := range run.Trials {
		if t.Outcome != results.Connected {
			continue
		}
		row := &all[index[heading{t.Topology, t.Strategy, t.Slots, t.Point.Parameter}]]
		row.times, row.syns, row.packets = append(row.times, *t.ConnectMS), append(row.syns, float64(t.SYNs)), append(row.packets, float64(t.Packets))
		if rounds := t.Rounds(); rounds != nil {
			row.rounds = append(row.rounds, *rounds)
		}
	}
	for i := range all {
		all[i].word()
	}
	return all
}

// add counts a cell.
func (r *htmlStrategy) add(s results.Summary) {
	always, never, between, unknown := sorts([]results.Summary{s})
	r.always, r.never, r.between, r.unknown = r.always+always, r.never+never, r.between+between, r.unknown+unknown
	r.successes, r.trials = r.successes+s.Successes, r.trials+s.Trials
	if s.Rate != nil {
		r.rates += *s.Rate
		r.withRates++
	}
}

// word puts the figures into words.
func (r *htmlStrategy) word() {
	r.Cells, r.Always, r.Between, r.Never, r.Unknown = thousands(r.cells), thousands(r.always), thousands(r.between), thousands(r.never), thousands(r.unknown)
	r.Connected, r.Mean = thousands(r.successes)+" of "+thousands(r.trials), "–"
	if r.withRates > 0 {
		r.Mean = share(r.rates / float64(r.withRates))
	}
	r.Median, r.P90 = milliseconds(results.Median(r.times)), milliseconds(results.Percentile(r.times, 90))
	r.Rounds, r.SYNs, r.Packets = figure(r.rounds, "%.1f"), figure(r.syns, "%.0f"), figure(r.packets, "%.0f")
}

// htmlTechnique is what connecting by one technique took.
type htmlTechnique struct{ Name, Trials, Median, Rounds, SYNs, Packets string }

func htmlTechniques(run results.Run) (all []htmlTechnique) {
	for _, t := range techniques(run) {
		all = append(all, htmlTechnique{
			Name: t.name(), Trials: thousands(len(t.times)), Median: milliseconds(results.Median(t.times)),
			Rounds: figure(t.rounds, "%.1f"), SYNs: figure(t.syns, "%.0f"), Packets: figure(t.packets, "%.0f"),
		})
	}
	return all
}

// htmlCause is why trials failed, and where.
type htmlCause struct {
	Name, Meaning, Trials, Cells string
	Places                       []htmlPlace
	More                         string
}

// htmlPlace is a cell in which trials failed. At says where the model has it: the
// table, the row and the column.
type htmlPlace struct {
	At, Name, Trials, Then string
	times                  int
}

// mostPlaces is how many cells are named for each cause.
const mostPlaces = 12

func htmlCauses(m *model) (all []htmlCause) {
	places := make([][]htmlPlace, len(m.Causes.all))
	for n, t := range m.Tables {
		for i, c := range t.Cells {
			if c == nil {
				continue
			}
			name := c.of.Cell.String()
			if own := (pair{c.of.NATA, c.of.NATB}).String(); own != "" && m.places == 1 {
				name = own
				if len(m.Tables) > 1 {
					name += " by " + c.of.Strategy
				}
			}
			for k := 0; k < len(c.causes); k += 3 {
				places[c.causes[k]] = append(places[c.causes[k]], htmlPlace{
					At: fmt.Sprintf("%d %d %d", n, i/len(t.Columns), i%len(t.Columns)), Name: name,
					Trials: fmt.Sprint(c.causes[k+1]), Then: ", ", times: c.causes[k+1],
				})
			}
		}
	}
	for i, name := range m.Causes.all {
		all = append(all, causeIn(name, m.Meanings[i], places[i]))
	}
	return all
}

// causeIn tells of a cause and the cells in which it was.
func causeIn(name, meaning string, places []htmlPlace) htmlCause {
	c := htmlCause{Name: cmp.Or(name, "no cause told"), Meaning: meaning, Cells: thousands(len(places))}
	trials := 0
	for _, p := range places {
		trials += p.times
	}
	c.Trials = thousands(trials)
	slices.SortStableFunc(places, func(x, y htmlPlace) int { return y.times - x.times })
	c.Places = places[:min(len(places), mostPlaces)]
	if more := len(places) - len(c.Places); more > 0 {
		c.More = fmt.Sprintf("and %s more", thousands(more))
	} else if last := len(c.Places) - 1; last >= 0 {
		c.Places[last].Then = ""
	}
	return c
}

// htmlPopulations is what strategies are worth to populations.
type htmlPopulations struct {
	Draws        []htmlDraw
	Legend, Left string
}

// Any says whether there is anything to be told.
func (p htmlPopulations) Any() bool { return len(p.Draws) > 0 || p.Left != "" }

type htmlDraw struct {
	Title  string
	Header []string
	Rows   [][]string
	Notes  []string
}

// leastCoverage is how much of a population that nobody asked for must have been
// measured, by weight, before the page tells what it expects.
const leastCoverage = 0.5

func htmlPopulationsOf(s Subject) (p htmlPopulations) {
	told := slices.Clone(s.Expected)
	left := map[string]float64{}
	var order []string
	for _, e := range s.Shipped {
		if e.Coverage >= leastCoverage {
			told = append(told, e)
			continue
		}
		if e.Coverage == 0 {
			continue // the run is about others
		}
		if _, known := left[e.A]; !known {
			order = append(order, e.A)
		}
		left[e.A] = max(left[e.A], e.Coverage)
	}
	for _, d := range draws(told) {
		p.Draws = append(p.Draws, d.html())
	}
	if len(told) > 0 {
		p.Legend = legend + " Cells are weighed as they are, in the topology of the run."
	}
	if len(order) > 0 {
		var named []string
		for _, name := range order {
			named = append(named, fmt.Sprintf("%s (%s)", name, share(left[name])))
		}
		p.Left = fmt.Sprintf("Left out, since less than %.0f %% of the pairs was measured here: %s. "+
			"punchlab report --population NAME tells them all the same.", 100*leastCoverage, strings.Join(named, ", "))
	}
	return p
}

func (d *draw) html() htmlDraw {
	h := htmlDraw{Title: d.title()}
	h.Header, h.Rows = d.rows()
	for _, n := range d.notes() {
		h.Notes = append(h.Notes, n.about+": "+strings.Join(n.told, " "))
	}
	return h
}
