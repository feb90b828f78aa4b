package results

import (
	"math"
	"slices"
)

// exactRanks is up to how many figures in each sample the ranks are counted out.
// The normal distribution is close enough above it.
const exactRanks = 50

// RankLess is the probability that the figures of x are so much smaller than those
// of y, or more, if neither tends to be smaller than the other (Mann and Whitney,
// "On a test of whether one of two random variables is stochastically larger than
// the other", 1947; one-sided). It is exact where samples are small and no figures
// are equal; elsewhere it is the normal distribution's, with the corrections for
// ties and continuity. It is 1 where a sample is empty.
func RankLess(x, y []float64) float64 {
	if len(x) == 0 || len(y) == 0 {
		return 1
	}
	u, ties := ranked(x, y)
	if ties == 0 && len(x) <= exactRanks && len(y) <= exactRanks {
		return exactRank(len(x), len(y), int(u))
	}
	n, m := float64(len(x)), float64(len(y))
	all := n + m
	variance := n * m / 12 * (all + 1 - ties/(all*(all-1)))
	if variance <= 0 { // all figures are equal
		return 1
	}
	z := (u + 0.5 - n*m/2) / math.Sqrt(variance)
	return min(1, math.Erfc(-z/math.Sqrt2)/2)
}

// ranked counts the pairs in which the figure of x is the greater one, half for a
// tie: the statistic U. ties is the sum of t³-t over the groups of t equal figures.
func ranked(x, y []float64) (u, ties float64) {
	all := slices.Sorted(slices.Values(slices.Concat(x, y)))
	rank := map[float64]float64{} // of a figure, the mean of those that its group has
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j] == all[i] {
			j++
		}
		t := float64(j - i)
		rank[all[i]] = float64(i+j+1) / 2
		ties += t*t*t - t
		i = j
	}
	for _, figure := range x {
		u += rank[figure]
	}
	n := float64(len(x))
	return u - n*(n+1)/2, ties
}

// exactRank is the probability of a statistic of u or less with n and m figures. The
// number of orders that have it obeys a recurrence: the greatest figure of all is
// one of the n, and is greater than all m, or one of the m.
func exactRank(n, m, u int) float64 {
	// ways[j][v] is, of i figures against j, the part of orders with statistic v.
	ways := make([][]float64, m+1)
	for j := range ways {
		ways[j] = make([]float64, u+1)
		ways[j][0] = 1
	}
	for i := 1; i <= n; i++ {
		for j := 1; j <= m; j++ {
			mine := float64(i) / float64(i+j)
			// From the top, as ways[j] still holds those of i-1 figures.
			for v := u; v >= 0; v-- {
				p := (1 - mine) * ways[j-1][v]
				if v >= j {
					p += mine * ways[j][v-j]
				}
				ways[j][v] = p
			}
		}
	}
	p := 0.0
	for _, part := range ways[m] {
		p += part
	}
	return min(p, 1)
}
