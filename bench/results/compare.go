package results

import "math"

// Direction is which way something went from the old run to the new one.
type Direction string

// The directions. Same means that no change was found, which is not that there is none.
const (
	Same   Direction = "same"
	Worse  Direction = "worse"
	Better Direction = "better"
)

// Significance is the usual one of a comparison: of ten pairs of runs that do not
// differ, nine or more show no difference, and probably all, as exact tests err less
// often than they may.
const Significance = 0.01

// Comparison is what changed between two runs beyond chance.
type Comparison struct {
	// Significance is the chance that anything at all is called a change where
	// nothing changed.
	Significance float64 `json:"significance"`

	// Differences are what the runs were told differently, or on what they ran.
	Differences []Difference `json:"differences"`

	// Changes has every cell that both runs planned, changed or not.
	Changes []Change `json:"changes"`

	// OnlyOld and OnlyNew are the cells that only one of the runs has.
	OnlyOld []Cell `json:"only_old"`
	OnlyNew []Cell `json:"only_new"`

	// RateTests and TimeTests are how many cells could have shown a change, and so
	// how many tests the p-values are adjusted for.
	RateTests int `json:"rate_tests"`
	TimeTests int `json:"time_tests"`
}

// Change is one cell in both runs. The p-values are adjusted for all tests of the
// comparison: a change is called one where its value is not above the significance.
type Change struct {
	Cell
	Rate  Direction `json:"rate"`
	RateP float64   `json:"rate_p"`
	Time  Direction `json:"time"`
	TimeP float64   `json:"time_p"`

	// Margin is by how many milliseconds times may differ that count as the same.
	Margin float64 `json:"time_margin_ms"`

	Old Summary `json:"old"`
	New Summary `json:"new"`
}

// Changed says whether anything was found.
func (c Change) Changed() bool { return c.Rate != Same || c.Time != Same }

// Regressed says whether the cell connects less often, or later.
func (c Change) Regressed() bool { return c.Rate == Worse || c.Time == Worse }

// Compare finds the cells in which two runs differ by more than chance, with the
// given chance of finding any where there are none. Half of that is for rates, by
// Fisher's exact test, and half for times to connect, by the rank test of Mann and
// Whitney; each half is shared by all cells ([holm]). Times are those of connected
// trials, and have changed only if they did by more than [TimeMargin].
//
// Both tests take the trials of a cell for independent. They share a lab, and what
// its peers found out about their NATs; so what varies from lab to lab and not from
// trial to trial is taken for a change.
func Compare(before, after Run, significance float64) Comparison {
	c := Comparison{ // lists that are empty are so in JSON too
		Significance: significance, Differences: settings(before.Manifest, after.Manifest),
		Changes: []Change{}, OnlyOld: []Cell{}, OnlyNew: []Cell{},
	}
	olds, news := byCell(before), byCell(after)
	for _, s := range before.Summaries() {
		if _, both := news[s.Cell]; !both {
			c.OnlyOld = append(c.OnlyOld, s.Cell)
		}
	}
	oldTimes, newTimes := before.times(), after.times()
	var rates, times []hypothesis
	for _, s := range after.Summaries() {
		was, both := olds[s.Cell]
		if !both {
			c.OnlyNew = append(c.OnlyNew, s.Cell)
			continue
		}
		change := Change{Cell: s.Cell, Old: was, New: s, Margin: TimeMargin(was)}
		rates = append(rates, rateHypothesis(was.Tally(), s.Tally()))
		times = append(times, timeHypothesis(oldTimes[s.Cell], newTimes[s.Cell], change.Margin))
		c.Changes = append(c.Changes, change)
	}
	c.judge(rates, times)
	return c
}

// settings are the differences that make a change look like one of the version. The
// seed says nothing about rates, and what one version did not record yet is not known.
func settings(before, after Manifest) []Difference {
	all := []Difference{}
	for _, d := range before.Differences(after) {
		if d.What != "seed" && d.Old != "" && d.New != "" {
			all = append(all, d)
		}
	}
	if before.Kernel != after.Kernel {
		all = append(all, Difference{"kernel", before.Kernel, after.Kernel})
	}
	return all
}

// judge says of every cell whether it changed.
func (c *Comparison) judge(rates, times []hypothesis) {
	const halves = 2
	share := c.Significance / halves
	rateP, timeP := holm(rates, share), holm(times, share)
	c.RateTests, c.TimeTests = len(testable(rates, share)), len(testable(times, share))
	for i := range c.Changes {
		change := &c.Changes[i]
		change.RateP, change.TimeP = min(1, halves*rateP[i]), min(1, halves*timeP[i])
		change.Rate, change.Time = Same, Same
		if rateP[i] <= share {
			change.Rate = direction(change.Old.Tally().Rate(), change.New.Tally().Rate())
		}
		if timeP[i] <= share {
			change.Time = direction(-*change.Old.ConnectMedian, -*change.New.ConnectMedian)
		}
	}
}

// direction is which way a figure went of which more is better.
func direction(before, after float64) Direction {
	if after < before {
		return Worse
	}
	return Better
}

// TimeMargin is by how many milliseconds the times of a cell may differ that count
// as the same: a quarter of the round trip between the peers, or 4 ms where they are
// closer than 16 ms. That is twice what the bench lets a packet be late by; a packet
// more on the way takes half a round trip, and is found. Without a margin a busy
// machine would be a change.
func TimeMargin(s Summary) float64 {
	const least = 4
	if s.ConnectMedian == nil || s.RoundsMedian == nil || *s.RoundsMedian <= 0 {
		return least
	}
	return max(*s.ConnectMedian / *s.RoundsMedian / 4, least)
}

func rateHypothesis(before, after Tally) hypothesis {
	if before.Trials == 0 || after.Trials == 0 {
		return hypothesis{1, 1}
	}
	return hypothesis{Fisher(before, after), leastFisher(before, after)}
}

// timeHypothesis is that neither sample tends to be greater than the other by more
// than the margin. The smaller of two one-sided values counts twice.
func timeHypothesis(before, after []float64, margin float64) hypothesis {
	if len(before) == 0 || len(after) == 0 {
		return hypothesis{1, 1}
	}
	slower, faster := RankLess(shifted(before, margin), after), RankLess(shifted(after, margin), before)
	return hypothesis{min(1, 2*min(slower, faster)), min(1, 2*math.Exp(-logChoose(len(before)+len(after), len(before))))}
}

func shifted(figures []float64, by float64) []float64 {
	moved := make([]float64, len(figures))
	for i, f := range figures {
		moved[i] = f + by
	}
	return moved
}

func byCell(r Run) map[Cell]Summary {
	all := map[Cell]Summary{}
	for _, s := range r.Summaries() {
		all[s.Cell] = s
	}
	return all
}

// times are those of the connected trials of each cell.
func (r Run) times() map[Cell][]float64 {
	all := map[Cell][]float64{}
	for _, t := range r.Trials {
		if t.Outcome == Connected && t.ConnectMS != nil {
			all[t.Cell] = append(all[t.Cell], *t.ConnectMS)
		}
	}
	return all
}
