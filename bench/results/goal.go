package results

// Goal is when a cell has trials enough.
type Goal struct {
	// Trials is how many trials that count a cell gets at least.
	Trials int

	// HalfWidth is how far the ends of the interval of its rate may be from the
	// middle; 0 where that is no matter. A cell whose rate is about one half
	// needs n = z²(1/4h² - 1) trials for the half width h, and no cell needs
	// more: 2,397 for 2 %. One that always connects needs 93 for that.
	HalfWidth float64

	// Most is how many trials that count a cell gets at most where HalfWidth
	// wants more; 0 for no bound, which ends all the same.
	Most int
}

// Reached says whether a cell has all that the goal wants.
func (g Goal) Reached(t Tally) bool {
	return t.Trials >= g.Trials && (g.HalfWidth <= 0 || t.Interval().HalfWidth() <= g.HalfWidth)
}

// Ended says whether a cell gets no more trials: the goal is reached, or as many
// trials are there as may be.
func (g Goal) Ended(t Tally) bool {
	return g.Reached(t) || g.Most > 0 && t.Trials >= max(g.Most, g.Trials)
}

// Least is how many further trials a cell gets in any case, whatever comes of them,
// counted up to the given number.
func (g Goal) Least(t Tally, most int) int {
	connect, fail := t, t
	for n := range most {
		if g.Ended(connect) || g.Ended(fail) {
			return n
		}
		connect, fail = connect.With(Connected), fail.With(Failed)
	}
	return most
}

// Begun is how far a cell has got in a run that was cut short.
type Begun struct {
	Tally Tally
	Next  int              // the number of its next trial
	Told  map[Outcome]bool // the outcomes that have a story
}

// Begun is how far each cell has got that has a trial.
func (r Run) Begun() map[Cell]Begun {
	all := map[Cell]Begun{}
	for _, t := range r.Trials {
		b := all[t.Cell]
		if b.Told == nil {
			b.Told = map[Outcome]bool{}
		}
		b.Tally, b.Next = b.Tally.With(t.Outcome), max(b.Next, t.Number+1)
		b.Told[t.Outcome] = b.Told[t.Outcome] || t.Story != ""
		all[t.Cell] = b
	}
	return all
}
