package results

import "slices"

// Median is the middle one of an odd number of figures, the mean of the two
// in the middle of an even number, and nil of none.
func Median(figures []float64) *float64 {
	n := len(figures)
	if n == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(figures))
	return new((sorted[(n-1)/2] + sorted[n/2]) / 2)
}

// Percentile is the least of the figures that so many percent of them do not
// exceed (the nearest rank, definition 1 of Hyndman and Fan, "Sample quantiles in
// statistical packages", The American Statistician 50, 1996), and nil of none. It
// is a figure that was measured: of less than a hundred, the 99th percentile is
// the greatest.
func Percentile(figures []float64, percent int) *float64 {
	n := len(figures)
	if n == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(figures))
	rank := (percent*n + 99) / 100 // rounded up, in whole numbers
	return new(sorted[min(max(rank, 1), n)-1])
}
