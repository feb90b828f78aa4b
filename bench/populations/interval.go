package populations

import "math"

// normal95 is how many standard deviations to either side of its mean hold 95 %
// of a normal distribution.
const normal95 = 1.959963984540054

// Estimate is a share and what it may be.
type Estimate struct {
	Rate float64 `json:"rate"` // from 0 to 1
	// Low and High are the ends of its 95 % interval.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// part is a cell in a weighted mean: its trials, at least one, how many of them
// went well, and what it weighs.
type part struct {
	successes, trials int
	weight            float64
}

// failures is the part with its outcomes changed over.
func (p part) failures() part { return part{p.trials - p.successes, p.trials, p.weight} }

// mean is the weighted mean of the parts' rates, which weigh more than nothing
// together.
func mean(parts []part) float64 {
	total, rate := 0.0, 0.0
	for _, p := range parts {
		total += p.weight
		rate += p.weight * float64(p.successes) / float64(p.trials)
	}
	return min(rate/total, 1)
}

// estimate is the mean with its score interval; nil if there are no parts. An
// end of the interval is the mean that is just not rejected: its distance from
// the rate is 1.96 standard deviations, which are those that trials would have if
// it were the truth, with the rates of the parts that are then the likeliest. Of
// one part this is Wilson's interval. As that, it does not vanish where all
// trials went well, or none, as most cells have it. It is not drawn away from
// 0 and 1 either, as a mean of posterior distributions would be: each of those
// lies a little inside, and many of them together would exclude what all trials
// speak for.
func estimate(parts []part) *Estimate {
	if len(parts) == 0 {
		return nil
	}
	total := 0.0
	for _, p := range parts {
		total += p.weight
	}
	good, bad := make([]part, len(parts)), make([]part, len(parts))
	for i, p := range parts {
		p.weight /= total
		good[i], bad[i] = p, p.failures()
	}
	rate := mean(parts)
	return &Estimate{Rate: rate, Low: min(lowest(good), rate), High: max(1-lowest(bad), rate)}
}

// lowest is the lower end of the score interval of parts that weigh 1 together.
// The likeliest rates that have a smaller mean are found by a multiplier of
// Lagrange's: the larger, the smaller they are.
func lowest(parts []part) float64 {
	rate := mean(parts)
	const rounding = 1e-18 // of squares of sums
	accepted := func(multiplier float64) (mean float64, ok bool) {
		mean, variance := constrained(parts, multiplier)
		distance := rate - mean
		return mean, distance*distance <= normal95*normal95*variance+rounding
	}
	from, to := 0.0, 1.0
	for _, ok := accepted(to); ok && to < math.MaxFloat32; _, ok = accepted(to) {
		from, to = to, 2*to
	}
	const halvings = 60 // as many as the digits of a float64
	for range halvings {
		middle := (from + to) / 2
		if _, ok := accepted(middle); ok {
			from = middle
		} else {
			to = middle
		}
	}
	low, _ := accepted(from)
	return low
}

// constrained gives the mean of the likeliest rates under a multiplier, and the
// variance that the observed mean has if these are true. The rate of a part is
// the p at which the derivative of its likelihood, s/p - (n-s)/(1-p), is the
// multiplier times its weight; it solves a quadratic, in the form that keeps its
// digits.
func constrained(parts []part, multiplier float64) (mean, variance float64) {
	for _, part := range parts {
		s, n, pull := float64(part.successes), float64(part.trials), multiplier*part.weight
		p := min(1, 2*s/(n+pull+math.Sqrt(max(0, (n+pull)*(n+pull)-4*pull*s))))
		mean += part.weight * p
		variance += part.weight * part.weight * p * (1 - p) / n
	}
	return mean, variance
}
