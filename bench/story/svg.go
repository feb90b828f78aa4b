package story

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// The measures of the drawing, in its own units: a cell is as wide as a letter of a monospaced font of that size at
// most (0.6 of it for those that systems ship), so that what does not overlap as text does not here.
const (
	svgColumns = 84 // a phone shows it at half its size, which can still be read
	cellWidth  = 6.8
	lineHeight = 20
	fontSize   = 11
	strokeAt   = 15 // of a line's height: the arrow
	wordsAt    = 15 // the words beside it
	portsAt    = 11 // the ports above it
	headSize   = 4
)

// svgStyle colours what died; all else is as dark as the text around the drawing, on a page of either colour. Where
// there is no page, since the drawing is a file of its own, the reader's preference says how dark. The names are long
// since a fragment's style is that of its whole page.
const svgStyle = `
.punchlab-story{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:11px;max-width:60em}
.punchlab-story text{fill:currentColor;white-space:pre}
.punchlab-story .life{stroke:currentColor;stroke-opacity:.25}
.punchlab-story .way{stroke:currentColor;stroke-width:1.2;fill:none}
.punchlab-story .head,.punchlab-story .event{fill:currentColor}
.punchlab-story .end{stroke:#e53935;stroke-width:1.8}
.punchlab-story .faint{fill-opacity:.65}
.punchlab-story .matters text,.punchlab-story .name{font-weight:600}
.punchlab-story .matters .way{stroke-width:2}
@media (prefers-color-scheme:dark){:root.punchlab-story{color:#e8e8e8;background:#1a1a1a}}
`

// SVG draws the ladder as a fragment for a page: nothing outside of it is needed, and it takes the width that it gets.
// A title tells it to those who do not see it, and each packet has one in full.
func (s Story) SVG() string {
	sh := newSheet(s.trial, s.rows(unicodeGlyphs.more), svgColumns)
	legend, conclusion := s.legend(sh.width), s.conclusion(sh.width)
	d := &drawing{}
	height := (len(legend) + len(sh.lines) + len(conclusion) + 3) * lineHeight
	d.put(`<svg xmlns="http://www.w3.org/2000/svg" class="punchlab-story" role="img" viewBox="0 0 %.0f %d" width="100%%">`,
		float64(sh.width)*cellWidth, height)
	d.put("\n<title>%s: %s</title>\n<style>%s</style>\n", escape(string(s.Cause)), escape(s.Sentence), svgStyle)
	for _, words := range legend {
		d.words(0, wordsAt, words, "faint")
		d.down()
	}
	d.down()
	for _, n := range sh.names {
		d.words(n.x, wordsAt, n.words, "name")
	}
	d.down()
	for _, c := range sh.columns {
		x := center(sh.xs[c])
		d.put(`<path class="life" d="M%.1f %dv%d"/>`+"\n", x, d.y, len(sh.lines)*lineHeight)
	}
	for _, l := range sh.lines {
		d.line(l)
	}
	d.down()
	for _, words := range conclusion {
		d.words(0, wordsAt, words, "")
		d.down()
	}
	d.put("</svg>\n")
	return d.String()
}

// drawing is an SVG on its way.
type drawing struct {
	strings.Builder
	y int
}

func (d *drawing) put(format string, args ...any) { fmt.Fprintf(d, format, args...) }

func (d *drawing) down() { d.y += lineHeight }

// words writes text that begins at a cell.
func (d *drawing) words(x, y int, words, class string) {
	if words == "" {
		return
	}
	if class != "" {
		class = fmt.Sprintf(` class="%s"`, class)
	}
	d.put(`<text%s x="%.1f" y="%d">%s</text>`+"\n", class, float64(x)*cellWidth, d.y+y, escape(words))
}

// line draws a line of the sheet.
func (d *drawing) line(l line) {
	class := ""
	if l.matters {
		class = ` class="matters"`
	}
	d.put("<g%s>\n", class)
	if l.title != "" {
		d.put("<title>%s</title>\n", escape(l.title))
	}
	d.words(timeWidth-1-len(l.at), wordsAt, l.at, "")
	d.words(timeWidth, wordsAt, l.kind, "")
	for _, k := range l.strokes {
		d.stroke(k)
	}
	for _, one := range l.labels {
		d.label(one, l.strokes)
	}
	d.put("</g>\n")
	d.down()
}

// stroke draws an arrow with its head or its cross.
func (d *drawing) stroke(k stroke) {
	from, to, y := center(k.from), center(k.to), d.y+strokeAt
	if k.from != k.to {
		d.put(`<path class="way" d="M%.1f %dH%.1f"/>`+"\n", from, y, to)
	}
	if k.dies != none {
		x := center(k.dies)
		d.put(`<path class="end" d="M%.1f %dl8 8m0 -8l-8 8"/>`+"\n", x-headSize, y-headSize)
	}
	if k.head {
		back := -2 * headSize
		if to < from {
			back = -back
		}
		d.put(`<path class="head" d="M%.1f %dl%d %dv%dz"/>`+"\n", to, y, back, -headSize, 2*headSize)
	}
}

// label draws words: ports above their arrow, what is told beside its dot, a note beside its station.
func (d *drawing) label(l label, strokes []stroke) {
	switch l.hook {
	case onStroke:
		d.words(l.x, portsAt, l.words, "faint")
		return
	case onEvent:
		if len(strokes) > 0 {
			d.put(`<circle class="event" cx="%.1f" cy="%d" r="3"/>`+"\n", center(strokes[0].from), d.y+strokeAt-headSize)
		}
	case onNote:
		if len(strokes) > 0 {
			d.put(`<path class="way" d="M%.1f %dv%dH%.1f"/>`+"\n",
				center(strokes[0].from), d.y-1, strokeAt-headSize+1, hookEnd(l, strokes[0]))
		}
	}
	d.words(l.x, wordsAt, l.words, "")
}

// hookEnd is where a note's hook comes to its words.
func hookEnd(l label, k stroke) float64 {
	if l.x > k.from {
		return float64(l.x)*cellWidth - 2
	}
	return center(k.from) - cellWidth/2
}

func center(cell int) float64 { return (float64(cell) + 0.5) * cellWidth }

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}
