package report

import (
	"fmt"
	"strings"

	"github.com/punchlab/punchlab/bench/populations"
)

// legend says what the columns of a population's table mean.
const legend = "Connect: the share of random pairs that is expected to connect, of the pairs whose cell was measured. " +
	"95 %: where the trials leave room for it, the weights taken as given. " +
	"Measured: how much of all pairs, by weight, that is. " +
	"Of all: if none of the others connected, and if all did. " +
	"Weights: the least and the most that halving or doubling one assumed weight makes of it."

const nothingToWeigh = "No cell of this run has a profile that could be weighed."

// What the notes name before they count the rest.
const (
	namedPairs   = 5
	namedWeights = 3
)

// rows are the cells of a population's table. The column about all pairs is
// there only where some were not measured.
func (d *draw) rows() (header []string, rows [][]string) {
	partial := false
	for _, e := range d.all {
		partial = partial || e.Coverage < 1
	}
	header = []string{"strategy", "connect", "95 %", "measured"}
	if partial {
		header = append(header, "of all")
	}
	for _, e := range d.all {
		row := []string{e.Strategy, "–", "–", share(e.Coverage)}
		if e.Success != nil {
			row[1], row[2] = share(e.Success.Rate), span(e.Success.Low, e.Success.High)
		}
		if partial {
			row = append(row, span(e.Least, e.Most))
		}
		moved := "–"
		if e.Sensitivity != nil {
			moved = span(e.Sensitivity.Low, e.Sensitivity.High)
		}
		rows = append(rows, append(row, moved))
	}
	return append(header, "weights"), rows
}

// note is something to be said of strategies: in one sentence if it is the same
// of all, and otherwise in one for each that something is to be said of.
type note struct {
	about string
	told  []string
}

// notes say what the figures of a table leave out and what they hang on.
func (d *draw) notes() []note {
	var notes []note
	for _, n := range []struct {
		about string
		of    func(populations.Expectation) string
	}{
		{"Not measured", missingNote},
		{"Measured the other way round, which is the same on " + d.topology, mirroredNote},
		{"Assumed weights that move the figure most", influenceNote},
	} {
		if told := d.tell(n.of); len(told) > 0 {
			notes = append(notes, note{n.about, told})
		}
	}
	return notes
}

// tell gives what is to be said of the strategies, those of which the same is to
// be said together.
func (d *draw) tell(of func(populations.Expectation) string) []string {
	var texts []string
	strategies := map[string][]string{}
	for _, e := range d.all {
		text := of(e)
		if strategies[text] == nil && text != "" {
			texts = append(texts, text)
		}
		strategies[text] = append(strategies[text], e.Strategy)
	}
	if len(texts) == 1 && len(strategies) == 1 {
		return texts
	}
	for i, text := range texts {
		texts[i] = strings.Join(strategies[text], ", ") + ": " + text
	}
	return texts
}

// missingNote names the heaviest pairs that were not measured.
func missingNote(e populations.Expectation) string {
	if e.Coverage >= 1 {
		return ""
	}
	var named []string
	for i, pair := range e.Missing {
		if i == namedPairs {
			named = append(named, fmt.Sprintf("and %d more", len(e.Missing)-namedPairs))
			break
		}
		named = append(named, fmt.Sprintf("%s %s", pair, share(pair.Weight)))
	}
	return fmt.Sprintf("%s of the pairs (%s).", share(1-e.Coverage), strings.Join(named, ", "))
}

// mirroredNote says how much was measured the other way round.
func mirroredNote(e populations.Expectation) string {
	if e.Mirrored == 0 {
		return ""
	}
	return share(e.Mirrored) + " of the pairs."
}

// influenceNote names the assumed weights that do most.
func influenceNote(e populations.Expectation) string {
	if e.Sensitivity == nil || len(e.Sensitivity.Influences) == 0 {
		return ""
	}
	var named []string
	for _, i := range e.Sensitivity.Influences[:min(namedWeights, len(e.Sensitivity.Influences))] {
		name := i.String()
		if e.B != "" && e.A != e.B {
			name += " of " + i.Population
		}
		named = append(named, fmt.Sprintf("%s (%s halved, %s doubled)", name, share(i.Halved), share(i.Doubled)))
	}
	return strings.Join(named, ", ") + "."
}

// share writes a share in percent. What is not all, or not nothing, never looks
// as if it were.
func share(of float64) string {
	switch {
	case of >= 1:
		return "100 %"
	case of <= 0:
		return "0 %"
	case of > 0.9995:
		return ">99.9 %"
	case of < 0.0005:
		return "<0.1 %"
	}
	return fmt.Sprintf("%.1f %%", 100*of)
}

// span writes two shares as a range.
func span(low, high float64) string {
	if share(low) == share(high) {
		return share(low)
	}
	return strings.TrimSuffix(share(low), " %") + "–" + share(high)
}

// figureOf names what a figure counts as tables do.
func figureOf(f populations.Figure) string {
	if f.Of == populations.CountedNATs {
		return "NATs"
	}
	return string(f.Of)
}
