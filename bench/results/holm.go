package results

import (
	"cmp"
	"slices"
)

// hypothesis is that a cell has not changed, as one test sees it.
type hypothesis struct {
	p     float64 // of the test
	least float64 // the least p that the test could have given, whatever changed
}

// holm adjusts p-values for there being many: a hypothesis is rejected where its
// adjusted value is alpha or less, and then the chance that any true hypothesis of
// all is rejected is at most alpha, however they depend on each other (Holm, "A
// simple sequentially rejective multiple test procedure", Scandinavian Journal of
// Statistics 6, 1979).
//
// Most cells always connect, or never. Their tests could not reject anything, and
// must not cost the others their power: hypotheses whose least p-value is too large
// are left out, as Tarone does ("A modified Bonferroni method for discrete data",
// Biometrics 46, 1990). Which those are follows from how many trials and successes
// there are in all, and not from which run has them; so what is left is a family
// that was chosen without looking, and Holm's bound holds for it. What was left out
// has the value 1.
func holm(all []hypothesis, alpha float64) []float64 {
	adjusted := make([]float64, len(all))
	family := testable(all, alpha)
	for i := range adjusted {
		adjusted[i] = 1
	}
	slices.SortFunc(family, func(x, y int) int { return cmp.Compare(all[x].p, all[y].p) })
	least := 0.0
	for rank, i := range family {
		least = max(least, min(1, float64(len(family)-rank)*all[i].p))
		adjusted[i] = least
	}
	return adjusted
}

// testable are the hypotheses that could be rejected among as many as are testable:
// k of them where k is the least number for which no more than k could be by
// themselves at the significance alpha/k.
func testable(all []hypothesis, alpha float64) (family []int) {
	for k := 1; ; k++ {
		family = family[:0]
		for i, h := range all {
			if h.least <= alpha/float64(k) {
				family = append(family, i)
			}
		}
		if len(family) <= k {
			return family
		}
	}
}
