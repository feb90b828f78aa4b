package results

import "math"

// FisherLess is the probability that x has so few successes, or fewer, if both
// tallies are of one rate and their successes together are as many as they are
// (Fisher's exact test, one-sided).
func FisherLess(x, y Tally) float64 {
	p := 0.0
	few, _ := successesOf(x, y)
	for a := few; a <= x.Successes; a++ {
		p += tableChance(x, y, a)
	}
	return min(p, 1)
}

// Fisher is the probability of what is as improbable as this, or more, if both
// tallies are of one rate and their successes together are as many as they are
// (Fisher's exact test, two-sided, in the form that R's fisher.test has: tables
// that are no more probable are summed).
//
// It is the plain test and not the one with mid-p values: the smallest p-values
// decide, those of tables at the end of their distribution, and there a mid-p is
// half of the error that is really made.
func Fisher(x, y Tally) float64 {
	few, many := successesOf(x, y)
	// Equally probable tables differ by rounding: R has the same margin.
	bound := tableChance(x, y, x.Successes) * (1 + 1e-7)
	p := 0.0
	for a := few; a <= many; a++ {
		if chance := tableChance(x, y, a); chance <= bound {
			p += chance
		}
	}
	return min(p, 1)
}

// leastFisher is the least p-value that Fisher could give with as many trials and
// as many successes in all: that of the tables in which one tally has as many of
// them as it can. It is known before anybody looks at who has them.
func leastFisher(x, y Tally) float64 {
	few, many := successesOf(x, y)
	all := x.Successes + y.Successes
	at := func(a int) float64 { return Fisher(Tally{a, x.Trials}, Tally{all - a, y.Trials}) }
	return min(at(few), at(many))
}

// successesOf is the least and the most of all successes that x can have.
func successesOf(x, y Tally) (few, many int) {
	all := x.Successes + y.Successes
	return max(0, all-y.Trials), min(all, x.Trials)
}

// tableChance is the hypergeometric probability that a of all successes are those
// of x.
func tableChance(x, y Tally, a int) float64 {
	all := x.Successes + y.Successes
	return math.Exp(logChoose(x.Trials, a) + logChoose(y.Trials, all-a) - logChoose(x.Trials+y.Trials, all))
}

func logChoose(n, k int) float64 {
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}

func logFactorial(n int) float64 {
	l, _ := math.Lgamma(float64(n) + 1)
	return l
}
