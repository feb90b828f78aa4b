package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/punchlab/punchlab/bench/results"
)

// aboutWindows says what [Window] means by its words.
const aboutWindows = "Connects: in one half of the trials or more, on the straight line from point to point. In brackets: " +
	"the points that a window begins or ends between, as far as the 95 % intervals show it."

// Window says in a sentence where on its sweep a pair connects: "connects from -1.06
// (between -1.25 and -1) to 1.1 (between 1 and 1.25) round trips of stagger".
func Window(c results.Curve) string {
	measured := slices.DeleteFunc(slices.Clone(c.Spots), func(s results.Spot) bool { return s.Trials == 0 })
	if len(measured) == 0 {
		return "was measured at no point"
	}
	of := " " + quantity(c.Sweep)
	all := " from " + tick(measured[0].Number) + " to " + tick(measured[len(measured)-1].Number) + of
	var parts []string
	for _, w := range c.Windows() {
		if w.From.Open && w.To.Open {
			return "connects everywhere" + all
		}
		from := edge(w.From, true)
		if w.From.Open && w.From.At == 0 && c.Sweep.Parameter != results.SweepStagger {
			from = "0" // and there is nothing less
		}
		parts = append(parts, "from "+from+" to "+edge(w.To, false))
	}
	if len(parts) == 0 {
		return "connects nowhere" + all
	}
	return "connects " + strings.Join(parts, ", and ") + of
}

// edge is where a window begins or ends, and how well that is known.
func edge(e results.Edge, begins bool) string {
	at := tick(e.At)
	below, above := e.Outside, e.Inside
	if !begins {
		below, above = above, below
	}
	switch {
	case e.Open && begins:
		return at + " or less"
	case e.Open:
		return at + " or more"
	case below != nil && above != nil:
		return fmt.Sprintf("%s (between %s and %s)", at, tick(*below), tick(*above))
	case below != nil:
		return fmt.Sprintf("%s (above %s)", at, tick(*below))
	case above != nil:
		return fmt.Sprintf("%s (below %s)", at, tick(*above))
	}
	return at + " (uncertain)"
}

// quantity is what the numbers of a sweep are numbers of, such as "round trips of stagger".
func quantity(s results.Sweep) string {
	unit := map[string]string{results.UnitRounds: "round trips", results.UnitPerSecond: "flows per second"}[s.Unit]
	what := map[string]string{results.SweepRTT: "round trip", results.SweepCrossTraffic: "cross traffic"}[s.Parameter]
	return cmp.Or(unit, s.Unit) + " of " + cmp.Or(what, s.Parameter)
}

// tick is a number with as many digits as anybody reads: three, or all before the point.
func tick(n float64) string {
	if n == 0 {
		return "0"
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(n)))))
	text := strconv.FormatFloat(n, 'f', digits, 64)
	if digits > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
