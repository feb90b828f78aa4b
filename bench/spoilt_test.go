package bench

import (
	"errors"
	"testing"

	"github.com/punchlab/punchlab/bench/results"
)

// spoiltTries are tries of a trial of which the first so many are invalid.
func spoiltTries(invalid int) func() (Attempt, error) {
	tries := 0
	return func() (Attempt, error) {
		tries++
		outcome := results.Connected
		if tries <= invalid {
			outcome = results.Invalid
		}
		return Attempt{Trial: results.Trial{Number: tries, Outcome: outcome}}, nil
	}
}

func TestATrialThatTheMachineSpoiltIsMadeAgain(t *testing.T) {
	for _, c := range []struct {
		invalid, tries int
		outcome        results.Outcome
	}{
		{0, 1, results.Connected}, {2, 3, results.Connected}, {fewestTries, fewestTries, results.Invalid},
	} {
		resets, told := 0, 0
		a, err := untilValid(spoiltTries(c.invalid), func() error { resets++; return nil }, func(Attempt) { told++ })
		if err != nil || a.Outcome != c.outcome || a.Number != c.tries {
			t.Errorf("%d spoilt: try %d is %s, %v; want try %d, %s", c.invalid, a.Number, a.Outcome, err, c.tries, c.outcome)
		}
		if resets != c.tries-1 || told != c.tries-1 {
			t.Errorf("%d spoilt: %d resets, %d told; want a reset before each of %d further tries", c.invalid, resets, told, c.tries-1)
		}
	}
}

func TestALabThatFailsIsNotTriedAgain(t *testing.T) {
	broken := errors.New("the lab is broken")
	if _, err := untilValid(spoiltTries(2), func() error { return broken }, nil); !errors.Is(err, broken) {
		t.Errorf("got %v; want %v", err, broken)
	}
	if _, err := untilValid(func() (Attempt, error) { return Attempt{}, broken }, nil, nil); !errors.Is(err, broken) {
		t.Errorf("got %v; want %v", err, broken)
	}
}
