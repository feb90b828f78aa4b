package story

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// sheet is the ladder laid out in character cells: both renderings draw it, the text one cell by cell and the SVG one
// by lines of its own. Nothing in it overlaps.
type sheet struct {
	width   int
	margin  int
	arrives bool        // there is a column for the times of arrival
	xs      map[int]int // columns of stations
	names   []label
	columns []int
	lines   []line
}

// line is a line of the sheet.
type line struct {
	at, until, kind string
	strokes         []stroke
	labels          []label
	matters         bool
	title           string
}

// stroke is an arrow from one column to another.
type stroke struct {
	from, to int // cells
	head     bool
	dies     int   // cell of the cross; none
	past     []int // cells of the stations that it passes
}

// label is text at a cell.
type label struct {
	x     int
	words string
	hook  hook
}

// hook says what a label hangs on, drawn in the cell of its station.
type hook int

const (
	free     hook = iota
	onNote        // of a packet, under the cross
	onEvent       // of what an engine tells
	onStroke      // ports on an arrow
)

const (
	timeWidth = 8 // "-1234.5 "
	// roomy is the width from which there is room for the times of arrival.
	roomy = 100
	// namesApart is the least space between two names.
	namesApart = 2
)

// newSheet lays rows out. It is as wide as was asked for, or as the names of the stations need.
func newSheet(t *trial, rows []row, width int) *sheet {
	s := &sheet{columns: columns(t, rows), xs: map[int]int{}, arrives: width >= roomy}
	kinds := 0
	for _, r := range rows {
		kinds = max(kinds, len(r.kind))
	}
	s.margin = timeWidth + kinds + 2
	if s.arrives {
		s.margin += timeWidth
	}
	s.place(t, width)
	for _, r := range rows {
		s.add(t, r)
	}
	return s
}

// place gives the stations their columns. Gaps in which ports are told get what is left beyond the names, those beside
// the internet, where ports stay what they are, less of it.
func (s *sheet) place(t *trial, width int) {
	need := make([]int, len(s.columns)) // of the gap before each
	weight := make([]int, len(s.columns))
	used, weights := 0, 0
	for i, c := range s.columns {
		if i == 0 {
			need[i] = s.margin + half(t.Stations[c].Name)
		} else {
			need[i] = half(t.Stations[s.columns[i-1]].Name) + half(t.Stations[c].Name) + namesApart
			weight[i] = gapWeight(t, s.columns[i-1], c)
		}
		used += need[i]
		weights += weight[i]
	}
	if len(s.columns) > 0 {
		used += half(t.Stations[s.columns[len(s.columns)-1]].Name) + 1
	}
	s.width = max(width, used)
	spare, x := s.width-used, 0
	for i, c := range s.columns {
		x += need[i]
		if weights > 0 && weight[i] > 0 {
			share := spare * weight[i] / weights
			x += share
			spare, weights = spare-share, weights-weight[i]
		}
		s.xs[c] = x
		name := t.Stations[c].Name
		s.names = append(s.names, label{x: x - utf8.RuneCountInString(name)/2, words: name})
	}
}

func half(name string) int { return (utf8.RuneCountInString(name) + 1) / 2 }

func gapWeight(t *trial, left, right int) int {
	switch {
	case t.Stations[right].Role == Rendezvous:
		return 0
	case t.Stations[left].Role == Internet || t.Stations[right].Role == Internet:
		return 2
	}
	return 3
}

// add lays one row out.
func (s *sheet) add(t *trial, r row) {
	l := line{kind: r.kind, matters: r.matters, title: r.title}
	if r.kind != "" || r.event || len(r.strides) == 0 {
		l.at = clock(t.since(r.at).Seconds())
	}
	if s.arrives && !r.until.IsZero() && r.until != r.at {
		l.until = clock(t.since(r.until).Seconds())
	}
	if len(r.strides) == 0 {
		l.kind = r.kind
		s.lines = append(s.lines, s.written(r, l)...)
		return
	}
	hang := s.draw(r, &l)
	s.lines = append(s.lines, l)
	if r.note != "" {
		if r.station == r.strides[0].from {
			hang = s.xs[r.station]
		}
		s.lines = append(s.lines, s.wrap(r.note, hang, onNote, line{matters: r.matters})...)
	}
}

func clock(seconds float64) string { return fmt.Sprintf("%.1f", seconds*1000) }

// written lays out a row without a packet's way.
func (s *sheet) written(r row, l line) []line {
	if r.station == none {
		l.labels = nil
		return s.wrap(r.note, s.margin-1, free, l)
	}
	return s.wrap(r.note, s.xs[r.station], onEvent, l)
}

// draw lays the arrows of a row out, and returns the cell on which a note about its end hangs.
func (s *sheet) draw(r row, l *line) (hang int) {
	for i, d := range r.strides {
		k := stroke{from: s.xs[d.from], to: s.xs[d.to], head: !d.dies, dies: none}
		for _, p := range d.past {
			if x, known := s.xs[p]; known {
				k.past = append(k.past, x)
			}
		}
		hang = k.to
		if d.halfway {
			hang = (k.from + k.to) / 2
			k.to, k.head = hang, false
		}
		if d.dies {
			k.dies = hang
		}
		l.strokes = append(l.strokes, k)
		if words, x := fit(d, k, i == 0); words != "" {
			l.labels = append(l.labels, label{x: x, words: words, hook: onStroke})
		}
	}
	return hang
}

// fit finds the longest form of a stride's ports that its arrow has room for, and where: before the first station that
// it passes, or behind it. A short form has the port that is new.
func fit(d stride, k stroke, first bool) (words string, x int) {
	if d.ports == [2]uint16{} {
		return "", 0
	}
	short := fmt.Sprintf(":%d", d.ports[d.fresh])
	if first {
		short = fmt.Sprintf(":%d", d.ports[0])
	}
	low, high := min(k.from, k.to), max(k.from, k.to)
	for _, form := range []string{fmt.Sprintf("%d→%d", d.ports[0], d.ports[1]), short} {
		n := utf8.RuneCountInString(form)
		for _, room := range rooms(low, high, k.past) {
			if inside := room[1] - room[0] - 1; n+2 <= inside {
				return form, room[0] + 1 + (inside-n)/2
			}
		}
	}
	return "", 0
}

// rooms are the gaps of an arrow between the stations that it passes, and the whole of it.
func rooms(low, high int, past []int) (all [][2]int) {
	begin := low
	for x := low + 1; x < high; x++ {
		for _, p := range past {
			if p == x {
				all, begin = append(all, [2]int{begin, x}), x
			}
		}
	}
	all = append(all, [2]int{begin, high})
	return append(all, [2]int{low, high})
}

// wrap lays words out beside a cell, on the side where they fit in fewer lines.
func (s *sheet) wrap(words string, at int, h hook, l line) []line {
	right, left := s.width-at-2, at-s.margin-1
	if h == free {
		right, left = s.width-at, 0
	}
	toRight := utf8.RuneCountInString(words) <= right || right >= left
	var lines []line
	for i, part := range broken(words, max(right, left)) {
		one := line{matters: l.matters}
		if i == 0 {
			one = l
		}
		x := at + 2
		switch n := utf8.RuneCountInString(part); {
		case h == free:
			x = at
		case !toRight:
			x = at - 1 - n
		}
		hang := h
		if i > 0 {
			hang = free
		}
		one.labels = append(one.labels, label{x: x, words: part, hook: hang})
		if i == 0 && h != free {
			one.strokes = []stroke{{from: at, to: at, dies: none}}
		}
		lines = append(lines, one)
	}
	return lines
}

// broken breaks words at spaces into lines of a width; a word that is longer stays whole.
func broken(words string, width int) (lines []string) {
	current := ""
	for _, w := range strings.Fields(words) {
		switch {
		case current == "":
			current = w
		case utf8.RuneCountInString(current)+1+utf8.RuneCountInString(w) <= width:
			current += " " + w
		default:
			lines, current = append(lines, current), w
		}
	}
	return append(lines, current)
}
