package populations

import (
	"math"
	"math/rand/v2"
	"testing"
)

// wilson is Wilson's interval in closed form, which the score interval of one
// part must come to.
func wilson(successes, trials int) Estimate {
	n, z2 := float64(trials), normal95*normal95
	rate := float64(successes) / n
	middle := (rate + z2/(2*n)) / (1 + z2/n)
	half := normal95 / (1 + z2/n) * math.Sqrt(rate*(1-rate)/n+z2/(4*n*n))
	return Estimate{Rate: rate, Low: min(max(0, middle-half), rate), High: max(min(1, middle+half), rate)}
}

// By hand to four places: z²/(n+z²) and n/(n+z²) where none or all went well.
func TestOnePartHasWilsonsInterval(t *testing.T) {
	for _, c := range []struct {
		successes, trials int
		low, high         float64
	}{
		{0, 10, 0, 0.2775},
		{10, 10, 0.7225, 1},
		{1, 2, 0.0945, 0.9055},
		{5, 10, 0.2366, 0.7634},
		{81, 263, 0.2553, 0.3662},
	} {
		got := *estimate([]part{{c.successes, c.trials, 0.3}})
		if got.Rate != float64(c.successes)/float64(c.trials) || math.Abs(got.Low-c.low) > 5e-5 || math.Abs(got.High-c.high) > 5e-5 {
			t.Errorf("%d/%d: %+v; want %v to %v", c.successes, c.trials, got, c.low, c.high)
		}
	}
}

// The interval of a mean holds the truth as often as it says, with cells as runs
// have them: ten trials each, most of which always connect or never do. The draws
// are seeded, so that this either fails always or never.
func TestTheIntervalHoldsTheTruth(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, truths := range [][]float64{
		{0.5, 0.5, 0.5, 0.5}, {1, 1, 1, 0, 0, 0.9}, {0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95}, {1, 1, 1, 1, 1}, {0.3, 0.99, 0, 0.7},
	} {
		const runs, trials = 2000, 10
		held := 0
		for range runs {
			truth, parts := 0.0, []part(nil)
			for i, weight := range shares(r, len(truths)) {
				successes := 0
				for range trials {
					if r.Float64() < truths[i] {
						successes++
					}
				}
				truth += weight * truths[i]
				parts = append(parts, part{successes, trials, weight})
			}
			if m := estimate(parts); m.Low <= truth+rounding && truth <= m.High+rounding {
				held++
			}
		}
		if share := float64(held) / runs; share < 0.93 {
			t.Errorf("%v: held in %.1f %% of the runs", truths, 100*share)
		}
	}
}

// Many cells that always connect make a narrow interval, which still has 1 in it.
func TestManyPerfectCellsAreNotDrawnAwayFromOne(t *testing.T) {
	var parts []part
	for range 900 {
		parts = append(parts, part{10, 10, 1.0 / 900})
	}
	if m := estimate(parts); m.High != 1 || m.Rate < 1-rounding || m.Low < 0.98 {
		t.Errorf("%+v", m)
	}
}
