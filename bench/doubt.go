package bench

import "github.com/punchlab/punchlab/punch"

// Observe says which trials of a run are observed, so that they can be explained.
// Observing costs a third more processor time (BenchmarkWatchedTrial), and half a
// mebibyte for each place that a lab is watched at, of which there are ten between two
// NATs.
type Observe int

const (
	// ObserveDoubtful observes the first trial of each cell; all of those of which
	// [punch.Predict] does not say that they connect; and, once one has failed, all
	// further ones of its cell.
	ObserveDoubtful Observe = iota
	// ObserveAll observes every trial.
	ObserveAll
	// ObserveNone observes none.
	ObserveNone
)

// doubtful tells a cell some of whose trials may fail.
func (c Cell) doubtful() bool {
	a, hasA := c.NATs[slotA]
	b, hasB := c.NATs[slotB]
	return !hasA || !hasB || punch.Predict(Classified(a), Classified(b), c.Strategy).Verdict != punch.Connects
}
