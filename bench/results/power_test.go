package results

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/internal/goldentest"
)

// power is the probability that a comparison names a cell as worse whose rate fell
// from one to another, with so many trials in each run, where so many cells could
// show a change: with Holm's first step, in which the smallest p-value of all counts
// for that many. It is summed up over all outcomes and not simulated.
func power(from, to float64, trials, cells int) (found float64) {
	few := critical(trials, Significance/2/float64(cells))
	after := make([]float64, trials+1) // of y successes or fewer
	sum := 0.0
	for y := range after {
		sum += binomial(trials, y, to)
		after[y] = sum
	}
	for x, y := range few {
		if y >= 0 {
			found += binomial(trials, x, from) * after[y]
		}
	}
	return found
}

// critical is, for x successes of the old run, the most of the new one that differ
// from them with the significance; -1 where even none does not.
func critical(trials int, significance float64) []int {
	few := make([]int, trials+1)
	y := -1
	for x := range few {
		for y+1 < x && Fisher(Tally{x, trials}, Tally{y + 1, trials}) <= significance {
			y++
		}
		for y >= 0 && Fisher(Tally{x, trials}, Tally{y, trials}) > significance {
			y--
		}
		few[x] = y
	}
	return few
}

func binomial(n, k int, p float64) float64 {
	switch {
	case p <= 0 || p >= 1:
		if (p <= 0) == (k == 0) && (p >= 1) == (k == n) {
			return 1
		}
		return 0
	}
	return math.Exp(logChoose(n, k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

// least is the smallest fall in whole points that is found nine times of ten.
func least(from float64, trials, cells int) string {
	for points := 1; float64(points)/100 <= from+1e-9; points++ {
		if power(from, math.Max(0, from-float64(points)/100), trials, cells) >= 0.9 {
			return fmt.Sprint(points)
		}
	}
	return "–"
}

// docs/comparing.md says what can be found, in a table that is computed here.
func TestWhatCanBeFound(t *testing.T) {
	var b strings.Builder
	b.WriteString("| trials | from 100 %: 1 cell | 36 cells | 400 cells | from 95 %: 1 cell | 36 cells | from 50 %: 1 cell | 36 cells |\n")
	b.WriteString("|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, trials := range []int{10, 20, 50, 100, 200, 500} {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %s | %s |\n", trials,
			least(1, trials, 1), least(1, trials, 36), least(1, trials, 400),
			least(0.95, trials, 1), least(0.95, trials, 36), least(0.5, trials, 1), least(0.5, trials, 36))
	}
	const path, begin, end = "../../docs/comparing.md", "<!-- power -->\n", "<!-- /power -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begun := strings.Cut(string(text), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !begun || !ended {
		t.Fatalf("%s has no %s", path, begin)
	}
	goldentest.Compare(t, path, head+begin+b.String()+end+tail)
}

// What the documents say in words.
func TestTenPointsAreFoundOrNot(t *testing.T) {
	for _, c := range []struct {
		from, to      float64
		trials, cells int
		least, most   float64
	}{
		{1, 0.9, 200, 1, 0.99, 1},
		{1, 0.9, 200, 36, 0.94, 1},
		{1, 0.9, 200, 100, 0.90, 1},
		{1, 0.9, 200, 400, 0.75, 0.95},
		{0.95, 0.85, 200, 36, 0, 0.5},
		{0.5, 0.4, 200, 36, 0, 0.05},
		{0.5, 0.4, 1350, 36, 0.9, 1},
	} {
		p := power(c.from, c.to, c.trials, c.cells)
		t.Logf("%v to %v with %d trials among %d cells: %.3f", c.from, c.to, c.trials, c.cells, p)
		if p < c.least || p > c.most {
			t.Errorf("%+v: %v", c, p)
		}
	}
}
