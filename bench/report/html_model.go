package report

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/bench/story"
)

// model is what the script of a page knows of the run. Texts that many cells share
// are told once, and named by their place in a list.
type model struct {
	Names      words             `json:"names"` // of profiles
	Techniques words             `json:"techniques"`
	Causes     words             `json:"causes"`
	Meanings   []string          `json:"meanings"` // of the causes, in their order
	Whys       words             `json:"whys"`
	Intervals  map[string]string `json:"intervals"` // by tally, such as 7/10
	Options    []string          `json:"options"`   // of a trial like those of the run
	Tables     []*modelTable     `json:"tables"`

	times  int // that a cell has at most
	places int // how many topologies with what fills their slots there are
}

// modelTable is one map of pairs. Cells stand row after row; nil where nothing was
// planned.
type modelTable struct {
	Title    string            `json:"title"`
	Topology string            `json:"topology"`
	Strategy string            `json:"strategy"`
	Slots    map[string]string `json:"slots"`
	Rows     []int             `json:"rows"` // places in Names
	Columns  []int             `json:"columns"`
	Cells    []*modelCell      `json:"cells"`
}

// modelCell is a cell. Model.js reads the list that it becomes.
type modelCell struct {
	of        results.Summary
	times     []int // to connect, in tenths of a millisecond, sorted; each but the first as what it is more than the one before
	via       []int // place in Techniques, trials; the most frequent first
	causes    []int // place in Causes, trials, place in Whys of a sentence; the most frequent first
	successes *ladder
	failures  *ladder
}

// words are texts, each once.
type words struct {
	all   []string
	index map[string]int
}

// place gives the place of a text in the list, to which it is added if it is new.
func (w *words) place(text string) int {
	i, known := w.index[text]
	if !known {
		if w.index == nil {
			w.index = map[string]int{}
		}
		i = len(w.all)
		w.all, w.index[text] = append(w.all, text), i
	}
	return i
}

// MarshalJSON writes the list.
func (w words) MarshalJSON() ([]byte, error) { return json.Marshal(append([]string{}, w.all...)) }

// Times of single trials are a picture, and need no more room than one: a run has
// so many together at most, and a cell no more than are told apart by eye.
const (
	mostTimes     = 120_000
	mostCellTimes = 200
)

func newModel(s Subject) *model {
	m := &model{Intervals: map[string]string{}, Options: append([]string{}, s.Again...), Meanings: []string{}, Tables: []*modelTable{}}
	byCell := map[results.Cell][]*results.Trial{}
	for i := range s.Run.Trials {
		t := &s.Run.Trials[i]
		byCell[t.Cell] = append(byCell[t.Cell], t)
	}
	all := grids(s.Run)
	cells := 1
	for _, g := range all {
		cells += len(g.cells)
	}
	m.times = min(mostTimes/cells, mostCellTimes)
	for _, c := range allCauses(s.Run.Summaries()) { // so that the most frequent is the first
		m.Causes.place(c.cause)
		m.Meanings = append(m.Meanings, story.Cause(c.cause).Meaning())
	}
	where := map[heading]bool{}
	for _, g := range all {
		m.Tables = append(m.Tables, m.table(g, byCell))
		where[heading{topology: g.of.topology, slots: g.of.slots}] = true
	}
	m.places = len(where)
	return m
}

func (m *model) table(g grid, trials map[results.Cell][]*results.Trial) *modelTable {
	t := &modelTable{Title: g.title(), Topology: g.of.topology, Strategy: g.of.strategy, Slots: g.of.slots.Map()}
	for _, b := range g.columns {
		t.Columns = append(t.Columns, m.Names.place(string(b)))
	}
	for _, a := range g.rows {
		t.Rows = append(t.Rows, m.Names.place(string(a)))
		for _, b := range g.columns {
			of, planned := g.cells[pair{a, b}]
			if !planned {
				t.Cells = append(t.Cells, nil)
				continue
			}
			t.Cells = append(t.Cells, m.cell(of, trials[of.Cell]))
		}
	}
	return t
}

func (m *model) cell(of results.Summary, trials []*results.Trial) *modelCell {
	c := &modelCell{of: of, times: []int{}, via: []int{}, causes: []int{}}
	if of.Interval != nil {
		m.Intervals[count(of)] = of.Interval.String()
	}
	var times []int
	whys := map[string]string{}
	for _, t := range trials {
		switch {
		case t.Outcome == results.Connected:
			times = append(times, int(math.Round(10**t.ConnectMS)))
			c.successes = c.successes.or(t, of.Strategy+" by "+t.Via)
		case t.Outcome == results.Failed:
			c.failures = c.failures.or(t, of.Strategy+" failed by "+t.Cause)
			if whys[t.Cause] == "" {
				whys[t.Cause] = t.Why
			}
		}
	}
	slices.Sort(times)
	c.times = differences(evenly(times, m.times))
	for _, via := range sortedCauses(of.Via) {
		c.via = append(c.via, m.Techniques.place(via.cause), via.times)
	}
	for _, cause := range sortedCauses(of.Causes) {
		c.causes = append(c.causes, m.Causes.place(cause.cause), cause.times, m.Whys.place(whys[cause.cause]))
	}
	return c
}

// evenly takes n of some sorted figures, at equal distances, both ends among them;
// none where n is too few for a picture.
func evenly(sorted []int, n int) []int {
	const fewest = 5
	switch {
	case len(sorted) <= n:
		return sorted
	case n < fewest:
		return nil
	}
	taken := make([]int, n)
	for i := range taken {
		taken[i] = sorted[i*(len(sorted)-1)/(n-1)]
	}
	return taken
}

// differences are what each figure is more than the one before: fewer digits.
func differences(sorted []int) []int {
	steps := make([]int, len(sorted))
	before := 0
	for i, figure := range sorted {
		steps[i], before = figure-before, figure
	}
	return steps
}

// MarshalJSON writes the cell as a list. Figures are rounded as other reports write
// them, here and not by the script, so that all reports of a run agree.
func (c *modelCell) MarshalJSON() ([]byte, error) {
	if c == nil {
		return []byte("null"), nil
	}
	return json.Marshal([]any{
		c.of.Successes, c.of.Trials, c.of.Invalid, c.times,
		[]any{
			legible(c.of.ConnectMedian), legible(c.of.ConnectP90), legible(c.of.ConnectP99),
			rounded(c.of.RoundsMedian, "%.1f"), rounded(c.of.SYNsMedian, "%.0f"), rounded(c.of.PacketsMedian, "%.0f"),
		},
		c.via, c.causes, c.successes, c.failures,
	})
}

// legible is a time in milliseconds with the digits that [milliseconds] writes.
func legible(ms *float64) any {
	switch {
	case ms == nil:
		return nil
	case *ms < 9.95:
		return rounded(ms, "%.1f")
	case *ms < 999.5:
		return rounded(ms, "%.0f")
	}
	return json.Number(fmt.Sprintf("%.2fe3", *ms/1000))
}

func rounded(figure *float64, format string) any {
	if figure == nil {
		return nil
	}
	return json.Number(fmt.Sprintf(format, *figure))
}
