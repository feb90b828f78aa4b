package results

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/perf/benchmath"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/combin"
	"gonum.org/v1/gonum/stat/distuv"
)

// Newcombe, "Two-sided confidence intervals for the single proportion",
// Statistics in Medicine 17, 1998, table I, method 3.
func TestIntervalIsAsPublished(t *testing.T) {
	for tally, want := range map[Tally]Interval{
		{81, 263}: {0.2553, 0.3662},
		{15, 148}: {0.0624, 0.1605},
		{0, 20}:   {0, 0.1611},
		{1, 29}:   {0.0061, 0.1718},
	} {
		got := tally.Interval()
		if !near(got.Low, want.Low, 5e-5) || !near(got.High, want.High, 5e-5) {
			t.Errorf("%v: %v, want %v", tally, got, want)
		}
	}
}

// The ends of the interval are the rates that the score test rejects with 5 % exactly.
func TestIntervalInvertsTheScoreTest(t *testing.T) {
	if want := distuv.UnitNormal.Quantile(1 - (1-Confidence)/2); !near(deviations, want, 1e-12) {
		t.Errorf("%v standard deviations, want %v", deviations, want)
	}
	for _, n := range []int{1, 2, 10, 100, 100_000} {
		for _, successes := range []int{0, 1, n / 3, n / 2, n - 1, n} {
			tally := Tally{successes, n}
			i := tally.Interval()
			for _, end := range []float64{i.Low, i.High} {
				if end == 0 && successes == 0 || end == 1 && successes == n {
					continue
				}
				score := math.Abs(tally.Rate()-end) / math.Sqrt(end*(1-end)/float64(n))
				if p := 2 * distuv.UnitNormal.Survival(score); !near(p, 1-Confidence, 1e-9) {
					t.Errorf("%v: the end %v has p = %v", tally, end, p)
				}
			}
		}
	}
	if i := (Tally{}).Interval(); i != (Interval{0, 1}) {
		t.Errorf("without trials: %v", i)
	}
}

func TestIntervalIsForPeople(t *testing.T) {
	for tally, want := range map[Tally]string{
		{10, 10}:     "72–100 %",
		{0, 10}:      "0–28 %",
		{7, 10}:      "40–89 %",
		{400, 400}:   "99.0–100 %",
		{0, 0}:       "0–100 %",
		{9990, 9999}: "99.8–100.0 %",
	} {
		if got := tally.Interval().String(); got != want {
			t.Errorf("%v: %s, want %s", tally, got, want)
		}
	}
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := 1; n <= 250; n++ {
		figures := normal(random, n, 60, 5)
		sorted := slices.Sorted(slices.Values(figures))
		for _, percent := range []int{1, 50, 90, 99, 100} {
			want := stat.Quantile(float64(percent)/100, stat.Empirical, sorted, nil)
			// Where n percent is whole, the oracle's floats may go one rank too far.
			whole := percent*n%100 == 0
			got := *Percentile(figures, percent)
			if got != want && (!whole || got != sorted[percent*n/100-1]) {
				t.Errorf("percentile %d of %d is %v, want %v", percent, n, got, want)
			}
		}
	}
	if Percentile(nil, 90) != nil {
		t.Error("nothing has a percentile")
	}
}

// Counted out in whole numbers.
func TestFisher(t *testing.T) {
	for n := 1; n <= 12; n++ {
		for m := 1; m <= 12; m += 3 {
			for a := 0; a <= n; a++ {
				for c := 0; c <= m; c++ {
					less, both, least := countedFisher(n, m, a, c)
					x, y := Tally{a, n}, Tally{c, m}
					if got := FisherLess(x, y); !near(got, less, 1e-9) {
						t.Fatalf("%v and %v: one-sided %v, want %v", x, y, got, less)
					}
					if got := Fisher(x, y); !near(got, both, 1e-9) {
						t.Fatalf("%v and %v: two-sided %v, want %v", x, y, got, both)
					}
					if got := leastFisher(x, y); !near(got, least, 1e-9) {
						t.Fatalf("%v and %v: at least %v, want %v", x, y, got, least)
					}
				}
			}
		}
	}
	// Fisher's lady tasting tea, and what R gives for samples of hundreds.
	for _, known := range []struct {
		x, y Tally
		p    float64
	}{{Tally{3, 4}, Tally{1, 4}, 0.4857142857}, {Tally{200, 200}, Tally{200, 200}, 1}, {Tally{0, 0}, Tally{1, 2}, 1}} {
		if got := Fisher(known.x, known.y); !near(got, known.p, 1e-9) {
			t.Errorf("%v and %v: %v, want %v", known.x, known.y, got, known.p)
		}
	}
}

// countedFisher counts tables.
func countedFisher(n, m, a, c int) (less, both, least float64) {
	all := a + c
	ways := func(k int) int { return combin.Binomial(n, k) * combin.Binomial(m, all-k) }
	total, fewest := combin.Binomial(n+m, all), math.MaxInt
	sum := func(of int) (s int) {
		for k := max(0, all-m); k <= min(n, all); k++ {
			if ways(k) <= of {
				s += ways(k)
			}
		}
		return s
	}
	for k := max(0, all-m); k <= min(n, all); k++ {
		fewest = min(fewest, ways(k))
		if k <= a {
			less += float64(ways(k)) / float64(total)
		}
	}
	return less, float64(sum(ways(a))) / float64(total), float64(sum(fewest)) / float64(total)
}

// The oracle is the test that benchstat uses: exact without ties, and the normal
// distribution for samples that are too large.
func TestRankLess(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	round := func(figures []float64) []float64 {
		for i := range figures {
			figures[i] = math.Round(figures[i])
		}
		return figures
	}
	for _, n := range []int{2, 3, 5, 10, 20, 60, 200} {
		for _, m := range []int{3, 10, 60} {
			for _, shift := range []float64{0, 1, 5, 30} {
				x, y := normal(random, n, 60, 5), normal(random, m, 60+shift, 5)
				if n > 50 && m > 50 {
					x, y = round(x), round(y)
				} else if n > 50 || m > 50 {
					continue // here the oracle counts, and we do not
				}
				want := benchmath.AssumeNothing.Compare(
					benchmath.NewSample(slices.Clone(x), &benchmath.DefaultThresholds),
					benchmath.NewSample(slices.Clone(y), &benchmath.DefaultThresholds)).P
				got := min(1, 2*min(RankLess(x, y), RankLess(y, x)))
				if !near(got, want, 1e-9) {
					t.Errorf("%d and %d figures, %v apart: %v, want %v", n, m, shift, got, want)
				}
			}
		}
	}
}

func TestRankLessOfLittle(t *testing.T) {
	for name, test := range map[string]struct {
		x, y []float64
		want float64
	}{
		"nothing":       {nil, []float64{1}, 1},
		"equal figures": {[]float64{1, 1, 1}, []float64{1, 1}, 1},
		"one each":      {[]float64{1}, []float64{2}, 0.5},
		"two of two":    {[]float64{1, 2}, []float64{3, 4}, 1.0 / 6},
		"the other way": {[]float64{3, 4}, []float64{1, 2}, 1},
	} {
		if got := RankLess(test.x, test.y); !near(got, test.want, 1e-12) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// Counting and the normal distribution meet where one takes over.
func TestRankLessIsOneFunction(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		x, y := normal(random, exactRanks, 60, 5), normal(random, exactRanks, 62, 5)
		counted := RankLess(x, y)
		distributed := RankLess(append(slices.Clone(x), slices.Max(y)+1), append(slices.Clone(y), slices.Max(y)+2))
		if ratio := distributed / counted; ratio < 0.5 || ratio > 2 {
			t.Errorf("counted %v, and with one figure more on either side %v", counted, distributed)
		}
	}
}

func normal(random *rand.Rand, n int, mean, deviation float64) []float64 {
	figures := make([]float64, n)
	for i := range figures {
		figures[i] = mean + deviation*random.NormFloat64()
	}
	return figures
}

func near(x, y, within float64) bool { return math.Abs(x-y) <= within }

func ExampleTally_Interval() {
	fmt.Println(Tally{10, 10}.Interval(), "and", Tally{200, 200}.Interval())
	// Output: 72–100 % and 98.1–100 %
}
