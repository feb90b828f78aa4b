package report

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"

	"github.com/punchlab/punchlab/bench/results"
)

// The measures of the drawing, in its own units.
const (
	plotLeft, plotRight  = 52, 588
	plotTop, plotBottom  = 34, 214
	plotWidth            = plotRight - plotLeft
	plotHeight           = plotBottom - plotTop
	sweepWide, sweepHigh = 640, 262
)

// sweepStyle is as dark as the text around the drawing, on a page of either colour;
// where there is no page, the reader's preference says how dark. The names are long
// since a fragment's style is that of its whole page.
const sweepStyle = `
.punchlab-sweep{font-family:ui-sans-serif,system-ui,sans-serif;font-size:11px;max-width:60em}
.punchlab-sweep text{fill:currentColor}
.punchlab-sweep .head{font-size:13px;font-weight:600}
.punchlab-sweep .mid{text-anchor:middle}
.punchlab-sweep .end{text-anchor:end}
.punchlab-sweep .grid{stroke:currentColor;stroke-opacity:.15;fill:none}
.punchlab-sweep .half{stroke:currentColor;stroke-opacity:.5;stroke-dasharray:2 3;fill:none}
.punchlab-sweep .band{fill:#43a047;fill-opacity:.22}
.punchlab-sweep .rate{stroke:#43a047;stroke-width:2;fill:none}
.punchlab-sweep .spot{fill:#43a047}
.punchlab-sweep .time{stroke:#1e88e5;stroke-width:1.5;stroke-dasharray:5 3;fill:none}
.punchlab-sweep .mark,.punchlab-sweep .ms{fill:#1e88e5}
@media (prefers-color-scheme:dark){:root.punchlab-sweep{color:#e8e8e8;background:#1a1a1a}}
`

// SweepSVG draws the curve of a pair as a fragment for a page, which is a file as well:
// how much connected, with the band of its 95 % interval, and the median time, over the
// parameter. Nothing outside of it is needed, and it takes the width that it gets. A
// title tells all of it in a sentence, and each point has its figures in one.
func SweepSVG(c results.Curve) string {
	d := &plot{curve: c, longest: niceAbove(longest(c.Spots))}
	if n := len(c.Spots); n > 0 {
		d.from, d.to = c.Spots[0].Number, c.Spots[n-1].Number
	}
	d.put(`<svg xmlns="http://www.w3.org/2000/svg" class="punchlab-sweep" role="img" viewBox="0 0 %d %d" width="100%%">`, sweepWide, sweepHigh)
	of := c.Cell.String()
	d.put("\n<title>%s: %s</title>\n<style>%s</style>\n", xmlText(of), xmlText(Window(c)), sweepStyle)
	d.words(plotLeft, 16, "head", of)
	d.axes()
	d.band()
	d.line("rate", func(s results.Spot) (float64, bool) { return d.rateY(s.Tally().Rate()), s.Trials > 0 })
	d.line("time", func(s results.Spot) (float64, bool) { return d.timeY(s), s.ConnectMedian != nil })
	for _, s := range c.Spots {
		d.spot(s)
	}
	d.put("</svg>\n")
	return d.String()
}

// plot is a drawing on its way.
type plot struct {
	strings.Builder
	curve    results.Curve
	from, to float64 // of the axis
	longest  float64 // time, in milliseconds
}

func (d *plot) put(format string, args ...any) { fmt.Fprintf(d, format, args...) }

func (d *plot) words(x, y float64, class, words string) {
	d.put(`<text class="%s" x="%.1f" y="%.1f">%s</text>`+"\n", class, x, y, xmlText(words))
}

func (d *plot) x(number float64) float64 {
	if d.to == d.from {
		return plotLeft + plotWidth/2
	}
	return plotLeft + plotWidth*(number-d.from)/(d.to-d.from)
}

func (d *plot) rateY(rate float64) float64 { return plotBottom - plotHeight*rate }

func (d *plot) timeY(s results.Spot) float64 {
	if s.ConnectMedian == nil {
		return plotBottom
	}
	return plotBottom - plotHeight**s.ConnectMedian/d.longest
}

// axes draws what success, time and the parameter are measured by.
func (d *plot) axes() {
	const steps = 4
	for i := range steps + 1 {
		part := float64(i) / steps
		y, class := d.rateY(part), "grid"
		if i == steps/2 {
			class = "half"
		}
		d.put(`<path class="%s" d="M%d %.1fH%d"/>`+"\n", class, plotLeft, y, plotRight)
		d.words(plotLeft-6, y+4, "end", fmt.Sprintf("%.0f %%", 100*part))
		if d.longest > 0 {
			d.words(plotRight+6, y+4, "ms", tick(part*d.longest)+" ms")
		}
	}
	step := niceAbove((d.to - d.from) / 8)
	for n := math.Ceil(d.from/step) * step; step > 0 && n <= d.to+step/1e6; n += step {
		d.put(`<path class="grid" d="M%.1f %dV%d"/>`+"\n", d.x(n), plotTop, plotBottom+4)
		d.words(d.x(n), plotBottom+18, "mid", tick(math.Round(n/step)*step))
	}
	d.words(plotLeft+plotWidth/2, plotBottom+38, "mid", quantity(d.curve.Sweep)+"; line: connected, band: its 95 % interval, dashes: median time")
}

// band is where the rate of very many trials would be.
func (d *plot) band() {
	var there, back []string
	for _, s := range d.curve.Spots {
		if s.Interval == nil {
			continue
		}
		there = append(there, fmt.Sprintf("%.1f,%.1f", d.x(s.Number), d.rateY(s.Interval.High)))
		back = append([]string{fmt.Sprintf("%.1f,%.1f", d.x(s.Number), d.rateY(s.Interval.Low))}, back...)
	}
	if len(there) > 0 {
		d.put(`<polygon class="band" points="%s"/>`+"\n", strings.Join(append(there, back...), " "))
	}
}

// line joins points, and is broken where there is none.
func (d *plot) line(class string, at func(results.Spot) (y float64, known bool)) {
	path, letter := "", "M"
	for _, s := range d.curve.Spots {
		y, known := at(s)
		if !known {
			letter = "M"
			continue
		}
		path += fmt.Sprintf("%s%.1f %.1f", letter, d.x(s.Number), y)
		letter = "L"
	}
	if path != "" {
		d.put(`<path class="%s" d="%s"/>`+"\n", class, path)
	}
}

// spot draws the marks of a point, which tell its figures.
func (d *plot) spot(s results.Spot) {
	if s.Trials == 0 {
		return
	}
	d.put("<g><title>%s</title>\n", xmlText(fmt.Sprintf("%s: %s connected (%s), median %s", s.Point, count(s.Summary), interval(s.Summary), median(s.Summary))))
	d.put(`<circle class="spot" cx="%.1f" cy="%.1f" r="4"/>`+"\n", d.x(s.Number), d.rateY(s.Tally().Rate()))
	if s.ConnectMedian != nil {
		d.put(`<path class="mark" d="M%.1f %.1fl3 3l-3 3l-3 -3z"/>`+"\n", d.x(s.Number), d.timeY(s)-3)
	}
	d.put("</g>\n")
}

// longest is the largest median.
func longest(spots []results.Spot) (ms float64) {
	for _, s := range spots {
		if s.ConnectMedian != nil {
			ms = max(ms, *s.ConnectMedian)
		}
	}
	return ms
}

// niceAbove is the least of 1, 2 and 5 times a power of ten that is not smaller.
func niceAbove(n float64) float64 {
	if n <= 0 {
		return 0
	}
	power := math.Pow(10, math.Floor(math.Log10(n)))
	for _, times := range []float64{1, 2, 5} {
		if times*power >= n*(1-1e-9) {
			return times * power
		}
	}
	return 10 * power
}

func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}
