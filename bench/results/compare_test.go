package results

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// world is what a simulated run draws from: for every cell the chance to connect,
// and the time that it takes, which has two modes as those of a strategy do that
// chooses among techniques.
type world struct {
	rates []float64
	slow  map[int]float64 // by how many milliseconds a cell is slower
}

// street are cells as a matrix has them: most always connect or never do.
func street(cells int) world {
	w := world{slow: map[int]float64{}}
	for i := range cells {
		w.rates = append(w.rates, []float64{1, 1, 1, 1, 0, 1, 0.95, 1, 0.5, 1, 0, 0.99}[i%12])
	}
	return w
}

func (w world) run(random *rand.Rand, trials int) Run {
	var r Run
	r.Manifest.Trials = trials
	for i, rate := range w.rates {
		c := cell
		c.NATA = Name(fmt.Sprint("nat-", i))
		r.Manifest.Cells = append(r.Manifest.Cells, c)
		for n := range trials {
			if random.Float64() >= rate {
				r.Trials = append(r.Trials, failed(c, n, "silence"))
				continue
			}
			ms := 61 + 2*random.NormFloat64() + w.slow[i]
			if random.IntN(4) == 0 {
				ms += 40
			}
			r.Trials = append(r.Trials, connected(c, n, ms-20, ms))
		}
	}
	return r
}

func changed(c Comparison) (cells []string) {
	for _, change := range c.Changes {
		if change.Changed() {
			cells = append(cells, fmt.Sprintf("%s rate %s time %s", change.NATA, change.Rate, change.Time))
		}
	}
	return cells
}

// Two runs of one version agree: nothing is found in ten pairs of them.
func TestCompareFindsNothingWhereNothingChanged(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := street(144)
		if found := changed(Compare(w.run(random, 100), w.run(random, 100), Significance)); found != nil {
			t.Errorf("pair %d: %v", seed, found)
		}
	}
}

// The chance of finding anything is not above the significance, in the worst case:
// where all cells connect now and then.
func TestCompareKeepsItsPromise(t *testing.T) {
	const pairs, significance = 200, 0.1
	random := rand.New(rand.NewPCG(11, 1))
	w := world{rates: []float64{0.5, 0.4, 0.6, 0.5, 0.7, 0.3, 0.5, 0.5}}
	alarms := 0
	for range pairs {
		if changed(Compare(w.run(random, 40), w.run(random, 40), significance)) != nil {
			alarms++
		}
	}
	// With so many pairs, 20 expected at most, 34 or more come once in a thousand times.
	if alarms >= 34 {
		t.Errorf("%d of %d pairs differ", alarms, pairs)
	}
	t.Logf("%d of %d pairs differ", alarms, pairs)
}

// A cell that connected always and now does nine times of ten is found with 200
// trials among 36 cells, and no other is.
func TestCompareFindsTenPoints(t *testing.T) {
	const pairs = 40
	random := rand.New(rand.NewPCG(12, 1))
	found := 0
	for range pairs {
		before, after := street(36), street(36)
		after.rates[3] = 0.9
		c := changed(Compare(before.run(random, 200), after.run(random, 200), Significance))
		switch {
		case len(c) == 1 && c[0] == "nat-3 rate worse time same":
			found++
		case len(c) > 0:
			t.Errorf("found %v", c)
		}
	}
	if found < pairs*9/10 {
		t.Errorf("found in %d of %d pairs", found, pairs)
	}
	t.Logf("found in %d of %d pairs", found, pairs)
}

// Half a round trip more is found, and what a busy machine adds is not.
func TestCompareOfTimes(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 1))
	before, after := street(36), street(36)
	after.slow[2], after.slow[5], after.slow[7] = 20.25, 3, -20.25
	got := fmt.Sprint(changed(Compare(before.run(random, 50), after.run(random, 50), Significance)))
	if want := "[nat-2 rate same time worse nat-7 rate same time better]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestCompareNamesWhatOnlyOneHas(t *testing.T) {
	random := rand.New(rand.NewPCG(14, 1))
	w := street(3)
	before, after := w.run(random, 5), w.run(random, 5)
	before.Manifest.Cells, after.Manifest.Cells = before.Manifest.Cells[:2], after.Manifest.Cells[1:]
	without := func(r Run, name Name) (left []Trial) {
		for _, trial := range r.Trials {
			if trial.NATA != name {
				left = append(left, trial)
			}
		}
		return left
	}
	before.Trials, after.Trials = without(before, "nat-2"), without(after, "nat-0")
	before.Manifest.Options = map[string]string{"rtt": "40ms", "loss": "0"}
	before.Manifest.Seed, after.Manifest.Kernel = 1, "6.18"
	after.Manifest.Options = map[string]string{"rtt": "80ms", "parallel": "4"}
	c := Compare(before, after, Significance)
	got := fmt.Sprint(c.OnlyOld, c.OnlyNew, len(c.Changes), c.Differences)
	if want := "[two-nats nat-0 x linux-random by simultaneous-open] [two-nats nat-2 x linux-random by simultaneous-open] 1 [--rtt: 40ms and 80ms kernel: none and 6.18]"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// A cell without trials on one side says nothing, and must not be called a change.
func TestCompareOfLittle(t *testing.T) {
	empty := Run{Manifest: manifest(1, cell)}
	one := Run{Manifest: manifest(1, cell), Trials: []Trial{connected(cell, 0, 40, 60)}}
	for name, pair := range map[string][2]Run{"none": {empty, empty}, "one": {empty, one}, "one each": {one, one}} {
		if c := Compare(pair[0], pair[1], Significance); changed(c) != nil || c.RateTests+c.TimeTests > 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestHolm(t *testing.T) {
	// Hypotheses that no test could reject do not count; of the others the smallest
	// value counts three times.
	all := []hypothesis{{0.01, 1e-9}, {0.5, 0.5}, {0.02, 1e-9}, {0.6, 1e-9}, {1, 1}}
	want := []float64{0.03, 1, 0.04, 0.6, 1}
	for i, p := range holm(all, 0.05) {
		if !near(p, want[i], 1e-12) {
			t.Errorf("%d: %v, want %v", i, p, want[i])
		}
	}
	// Two that could be rejected at 0.05 and not at 0.025: one of them would be too many.
	if family := testable([]hypothesis{{0.04, 0.04}, {0.04, 0.04}}, 0.05); len(family) != 0 {
		t.Errorf("%v", family)
	}
}
