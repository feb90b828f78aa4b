package results

import (
	"fmt"
	"slices"
)

// Summary is what the trials of one cell come to.
type Summary struct {
	Cell

	// Trials counts those that connected or failed; Invalid ones are apart.
	Successes int `json:"successes"`
	Trials    int `json:"trials"`
	Invalid   int `json:"invalid"`

	// Rate is the part of the trials that connected, and Interval where the rate
	// of very many would be; nil where no trial counts.
	Rate     *float64  `json:"rate"`
	Interval *Interval `json:"interval"`

	// Times are in milliseconds and over the connected trials only, so that all
	// speak of the same ones; nil where none has the figure. Median stands for
	// the 50th percentile.
	EstablishedMedian *float64 `json:"established_ms"`
	ConnectMedian     *float64 `json:"connect_ms"`
	ConnectP90        *float64 `json:"connect_p90_ms"`
	ConnectP99        *float64 `json:"connect_p99_ms"`

	// Rounds are the times to connect in round trips between the peers as each
	// trial measured them; nil where none did.
	RoundsMedian *float64 `json:"connect_rounds"`
	RoundsP90    *float64 `json:"connect_p90_rounds"`
	RoundsP99    *float64 `json:"connect_p99_rounds"`

	// The medians of what a connected trial sent: SYNs towards the peer, and
	// packets of all kinds to everybody; nil where none connected.
	SYNsMedian    *float64 `json:"syns"`
	PacketsMedian *float64 `json:"packets"`

	// Via counts the connected trials by the technique that won.
	Via map[string]int `json:"via"`

	// Causes counts the failed trials by what made them fail.
	Causes map[string]int `json:"causes"`
}

// Tally is how many of the trials connected.
func (s Summary) Tally() Tally { return Tally{s.Successes, s.Trials} }

// String tells a summary in one line.
func (s Summary) String() string {
	line := fmt.Sprintf("%s: %d/%d", s.Cell, s.Successes, s.Trials)
	if s.Interval != nil {
		line += fmt.Sprintf(" (%s)", s.Interval)
	}
	if s.ConnectMedian != nil {
		line += fmt.Sprintf(", median %.1f ms", *s.ConnectMedian)
	}
	if s.Invalid > 0 {
		line += fmt.Sprintf(", %d invalid", s.Invalid)
	}
	return line
}

// Summarise sums trials up by cell. The order is that of the cells' names, so
// that it does not depend on which trial ended first; [Run.Summaries] keeps
// the order of the plan.
func Summarise(trials []Trial) []Summary {
	byCell := group(trials)
	summaries := make([]Summary, 0, len(byCell))
	for cell, own := range byCell {
		summaries = append(summaries, summarise(cell, own))
	}
	slices.SortFunc(summaries, func(x, y Summary) int { return x.Cell.compare(y.Cell) })
	return summaries
}

// Summaries sums a run up: the planned cells as they were planned, also those
// without a trial, and after them any others that the file has trials of.
func (r Run) Summaries() []Summary {
	byCell := group(r.Trials)
	var summaries []Summary
	planned := map[Cell]bool{}
	for _, cell := range r.Manifest.Cells {
		if !planned[cell] {
			planned[cell] = true
			summaries = append(summaries, summarise(cell, byCell[cell]))
		}
	}
	for _, s := range Summarise(r.Trials) {
		if !planned[s.Cell] {
			summaries = append(summaries, s)
		}
	}
	return summaries
}

// Done is how many of the planned trials are there and valid. Trials beyond
// what was planned for their cell do not make up for those that another lacks.
func (r Run) Done() int {
	done := 0
	left := map[Cell]int{}
	for _, cell := range r.Manifest.Cells {
		left[cell] += r.Manifest.Trials
	}
	for _, t := range r.Trials {
		if t.Outcome != Invalid && left[t.Cell] > 0 {
			left[t.Cell]--
			done++
		}
	}
	return done
}

// Complete says whether every planned cell has its trials.
func (r Run) Complete() bool { return r.Open() == 0 }

// Open is how many of the planned cells are to get more trials.
func (r Run) Open() (open int) {
	byCell := r.tallies()
	for _, cell := range r.Manifest.Cells {
		if !r.Manifest.Goal().Ended(byCell[cell]) {
			open++
		}
	}
	return open
}

// Missing tells of a run that is not complete how far it got: "3 of 12 planned
// trials are done". Where nobody knew how many it would be, the cells are counted.
func (r Run) Missing() string {
	if r.Manifest.Until > 0 {
		return fmt.Sprintf("%d of %d cells have trials enough", len(r.Manifest.Cells)-r.Open(), len(r.Manifest.Cells))
	}
	return fmt.Sprintf("%d of %d planned trials are done", r.Done(), r.Manifest.Planned())
}

// Wide are the planned cells whose interval is wider than the run was to make it,
// since they had as many trials as a cell may have, or the run ended before.
func (r Run) Wide() (wide []Summary) {
	for _, s := range r.Summaries() {
		if r.Manifest.Until > 0 && slices.Contains(r.Manifest.Cells, s.Cell) && !r.Manifest.Goal().Reached(s.Tally()) {
			wide = append(wide, s)
		}
	}
	return wide
}

func (r Run) tallies() map[Cell]Tally {
	byCell := map[Cell]Tally{}
	for _, t := range r.Trials {
		byCell[t.Cell] = byCell[t.Cell].With(t.Outcome)
	}
	return byCell
}

func group(trials []Trial) map[Cell][]Trial {
	byCell := map[Cell][]Trial{}
	for _, t := range trials {
		byCell[t.Cell] = append(byCell[t.Cell], t)
	}
	return byCell
}

func summarise(cell Cell, trials []Trial) Summary {
	s := Summary{Cell: cell, Causes: map[string]int{}, Via: map[string]int{}}
	var established, connect, rounds, syns, packets []float64
	for _, t := range trials {
		switch t.Outcome {
		case Invalid:
			s.Invalid++
			continue
		case Connected:
			s.Successes++
			established = appendKnown(established, t.EstablishedMS)
			connect, rounds = appendKnown(connect, t.ConnectMS), appendKnown(rounds, t.Rounds())
			syns, packets = append(syns, float64(t.SYNs)), append(packets, float64(t.Packets))
			s.Via[t.Via]++
		case Failed:
			s.Causes[t.Cause]++
		}
		s.Trials++
	}
	if s.Trials > 0 {
		s.Rate, s.Interval = new(s.Tally().Rate()), new(s.Tally().Interval())
	}
	s.EstablishedMedian = Median(established)
	s.ConnectMedian, s.ConnectP90, s.ConnectP99 = Median(connect), Percentile(connect, 90), Percentile(connect, 99)
	s.RoundsMedian, s.RoundsP90, s.RoundsP99 = Median(rounds), Percentile(rounds, 90), Percentile(rounds, 99)
	s.SYNsMedian, s.PacketsMedian = Median(syns), Median(packets)
	return s
}

func appendKnown(figures []float64, figure *float64) []float64 {
	if figure == nil {
		return figures
	}
	return append(figures, *figure)
}
