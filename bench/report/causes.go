package report

import (
	"cmp"
	"slices"

	"github.com/punchlab/punchlab/bench/results"
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
			together[c] += n
		}
	}
	return sortedCauses(together)
}
