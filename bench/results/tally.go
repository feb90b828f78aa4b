package results

import (
	"fmt"
	"math"
)

// Tally is how many of the trials that count connected.
type Tally struct{ Successes, Trials int }

// Rate is the part of the trials that connected, from 0 to 1; 0 where there is no trial.
func (t Tally) Rate() float64 { return float64(t.Successes) / float64(max(t.Trials, 1)) }

// With is the tally with one trial more; an invalid one does not count.
func (t Tally) With(o Outcome) Tally {
	switch o {
	case Connected:
		return Tally{t.Successes + 1, t.Trials + 1}
	case Failed:
		return Tally{t.Successes, t.Trials + 1}
	}
	return t
}

// Interval is a range of rates, from 0 to 1.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Confidence is that of every interval of this package.
const Confidence = 0.95

// deviations is how many standard deviations from its mean a normal variable is
// at most with that probability: the 0.975 quantile of the standard normal.
const deviations = 1.959963984540054

// Interval is the score interval of the success rate (Wilson, "Probable
// inference, the law of succession, and statistical inference", JASA 22, 1927):
// all rates that a test with 5 % significance would not reject. It is honest
// where rates are 0 or 1 and trials are few, as they are here, and where the
// textbook's interval has no width at all (Brown, Cai and DasGupta, "Interval
// estimation for a binomial proportion", Statistical Science 16, 2001, who
// recommend it for 40 trials or fewer, and find nothing against it above). A
// tally without trials says nothing: from 0 to 1.
func (t Tally) Interval() Interval {
	if t.Trials == 0 {
		return Interval{0, 1}
	}
	const z2 = deviations * deviations
	n, p := float64(t.Trials), t.Rate()
	middle := (p + z2/(2*n)) / (1 + z2/n)
	half := deviations / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	i := Interval{max(0, middle-half), min(1, middle+half)}
	if t.Successes == 0 { // exact, and rounding must not say otherwise
		i.Low = 0
	}
	if t.Successes == t.Trials {
		i.High = 1
	}
	return i
}

// HalfWidth is half of what lies between the ends.
func (i Interval) HalfWidth() float64 { return (i.High - i.Low) / 2 }

// String is for people: "72–100 %", and with a digit more where it is narrow.
func (i Interval) String() string {
	format := "%.0f"
	if i.HalfWidth() < 0.05 {
		format = "%.1f"
	}
	end := func(rate float64) string {
		if rate == 0 || rate == 1 { // the only rates that are whole for certain
			return fmt.Sprintf("%.0f", 100*rate)
		}
		return fmt.Sprintf(format, 100*rate)
	}
	return end(i.Low) + "–" + end(i.High) + " %"
}
