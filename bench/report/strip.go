package report

import (
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/punchlab/punchlab/bench/results"
)

// blocks are the heights of a rate, from none to all.
var blocks = []rune("▁▂▃▄▅▆▇█")

// unmeasured is in the place of a point without a trial that counts.
const unmeasured = '·'

// windows draws the curves of a table, if it is one of a sweep, and says where their
// windows are.
func (p *page) windows(g grid, curves []results.Curve) {
	drawn := false
	for _, c := range curves {
		if (heading{c.Topology, c.Strategy, c.Slots, c.Sweep.Parameter}) != g.of {
			continue
		}
		p.strip(c)
		p.paragraph(pairName(c.Cell) + " " + Window(c) + ".")
		p.text.WriteString("\n")
		drawn = true
	}
	p.swept = p.swept || drawn
}

// strip draws a curve as lines of blocks, each point beside the one before it: the rate,
// and lightly where the rate of very many trials would be.
func (p *page) strip(c results.Curve) {
	labels := max(len("connected"), len(c.Sweep.Parameter)) + 1
	room := p.width - labels
	if p.width <= 0 || room < labels {
		room = max(2*len(c.Spots), 4*labels)
	}
	for some := range slices.Chunk(c.Spots, room) {
		wide := 1 + min(2, room/len(some))/2 // twice as wide where that fits
		line := func(label string, height func(results.Spot) float64, paint func(string) string) {
			p.text.WriteString(text.AlignRight.Apply(label, labels-1) + " " + paint(bar(some, wide, height)) + "\n")
		}
		line("connected", func(s results.Spot) float64 { return *s.Rate }, p.paint.title)
		line("at most", func(s results.Spot) float64 { return s.Interval.High }, p.paint.faint)
		line("at least", func(s results.Spot) float64 { return s.Interval.Low }, p.paint.faint)
		p.text.WriteString(text.AlignRight.Apply(c.Sweep.Parameter, labels-1) + " " + text.Trim(ends(some, wide*len(some)), room) + "\n")
	}
}

// bar is one line of blocks.
func bar(of []results.Spot, wide int, height func(results.Spot) float64) string {
	var b strings.Builder
	for _, s := range of {
		block := unmeasured
		if s.Trials > 0 {
			block = blocks[int(math.Round(height(s)*float64(len(blocks)-1)))]
		}
		b.WriteString(strings.Repeat(string(block), wide))
	}
	return b.String()
}

// ends writes the first and the last value below a line so wide, as far as there is
// room for both.
func ends(of []results.Spot, wide int) string {
	first, last := of[0].Point.Value, of[len(of)-1].Point.Value
	if gap := wide - text.StringWidth(first) - text.StringWidth(last); gap > 0 {
		return first + strings.Repeat(" ", gap) + last
	}
	return first + " … " + last
}
