package story

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// narrowest is the least width that a ladder is drawn for.
const narrowest = 80

// glyphs are what a ladder is drawn with.
type glyphs struct {
	life, across, past, right, left, dies, note, noteBack, event, more string
	plain                                                              bool
}

var (
	unicodeGlyphs = glyphs{
		life: "│", across: "─", past: "┼", right: "▶", left: "◀", dies: "✕", note: "└", noteBack: "┘",
		event: "●", more: "…",
	}
	asciiGlyphs = glyphs{
		life: "|", across: "-", past: "+", right: ">", left: "<", dies: "X", note: "`", noteBack: "'",
		event: "o", more: "...", plain: true,
	}
)

// Text draws the ladder for a terminal, with the sentence below it, as lines no wider than width, which is at least 80;
// a topology with many stations of long names may need more. Times are milliseconds since the later peer had read the
// introduction. It ends in a newline.
func (s Story) Text(width int) string { return s.text(width, unicodeGlyphs) }

// ASCII is Text without any letter beyond ASCII.
func (s Story) ASCII(width int) string { return s.text(width, asciiGlyphs) }

func (s Story) text(width int, g glyphs) string {
	width = max(width, narrowest)
	sh := newSheet(s.trial, s.rows(g.more), width)
	var b strings.Builder
	for _, l := range s.legend(width) {
		b.WriteString(l + "\n")
	}
	b.WriteString("\n" + sh.header() + "\n")
	for _, l := range sh.lines {
		b.WriteString(sh.paint(l, g) + "\n")
	}
	b.WriteString("\n")
	for _, l := range s.conclusion(width) {
		b.WriteString(l + "\n")
	}
	if g.plain {
		return plain(b.String())
	}
	return b.String()
}

// plain replaces what stands in words beyond ASCII.
func plain(s string) string {
	s = strings.NewReplacer("→", ">", "…", "...", "·", "-").Replace(s)
	return strings.Map(func(r rune) rune {
		if r > '~' {
			return '?'
		}
		return r
	}, s)
}

// legend says which addresses the stations have.
func (s Story) legend(width int) []string {
	var parts []string
	for _, c := range s.trial.Stations {
		addresses := c.Addresses
		if c.Role == NAT {
			addresses = c.External
		}
		if len(addresses) == 0 {
			continue
		}
		words := make([]string, len(addresses))
		for i, a := range addresses {
			words[i] = a.String()
		}
		parts = append(parts, c.Name+" "+strings.Join(words, ", "))
	}
	return broken(strings.Join(parts, " · "), width)
}

// conclusion is the sentence, the cause, and what observation has lost.
func (s Story) conclusion(width int) []string {
	lines := broken(fmt.Sprintf("%s: %s.", s.Cause, s.Sentence), width)
	for _, m := range s.Missing {
		lines = append(lines, broken("Note: "+m+".", width)...)
	}
	return lines
}

// header is the line with the names.
func (s *sheet) header() string {
	c := newCanvas(s.width)
	c.write(timeWidth-3, "ms")
	for _, n := range s.names {
		c.write(n.x, n.words)
	}
	return c.String()
}

// paint draws a line.
func (s *sheet) paint(l line, g glyphs) string {
	c := newCanvas(s.width)
	for _, x := range s.xs {
		c.write(x, g.life)
	}
	c.write(timeWidth-1-len(l.at), l.at)
	at := timeWidth
	if s.arrives {
		c.write(2*timeWidth-1-len(l.until), l.until)
		at = 2 * timeWidth
	}
	c.write(at, l.kind)
	for _, k := range l.strokes {
		c.stroke(k, g)
	}
	for _, label := range l.labels {
		c.label(label, l.strokes, g)
	}
	return c.String()
}

// canvas is a line of cells.
type canvas []string

func newCanvas(width int) canvas {
	c := make(canvas, width)
	for i := range c {
		c[i] = " "
	}
	return c
}

// write puts text on the canvas; what does not fit is cut off.
func (c canvas) write(x int, words string) {
	for _, r := range words {
		if x >= 0 && x < len(c) {
			c[x] = string(r)
		}
		x++
	}
}

func (c canvas) stroke(k stroke, g glyphs) {
	low, high := min(k.from, k.to), max(k.from, k.to)
	for x := low + 1; x < high; x++ {
		c.write(x, g.across)
	}
	for _, x := range k.past {
		c.write(x, g.past)
	}
	switch {
	case k.dies != none:
		c.write(k.dies, g.dies)
	case k.head && k.to > k.from:
		c.write(k.to-1, g.right)
	case k.head && k.to < k.from:
		c.write(k.to+1, g.left)
	}
}

// label writes a text with what it hangs on, and leaves a space around it where it covers lifelines.
func (c canvas) label(l label, strokes []stroke, g glyphs) {
	n := utf8.RuneCountInString(l.words)
	if l.hook != onStroke {
		c.write(l.x-1, " ")
		c.write(l.x+n, " ")
	}
	c.write(l.x, l.words)
	if len(strokes) == 0 {
		return
	}
	switch at := strokes[0].from; l.hook {
	case onEvent:
		c.write(at, g.event)
	case onNote:
		if l.x > at {
			c.write(at, g.note)
		} else {
			c.write(at, g.noteBack)
		}
	}
}

// String is the line without what is blank at its end.
func (c canvas) String() string { return strings.TrimRight(strings.Join(c, ""), " ") }
