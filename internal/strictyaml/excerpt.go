package strictyaml

import (
	"bytes"
	"strings"
	"unicode"
)

const (
	// excerptIndent sets an excerpt apart from the problem above it.
	excerptIndent = "    "
	// excerptWidth is how many characters of a line an excerpt shows, so that
	// it fits a terminal of 80 columns.
	excerptWidth = 72
)

// excerpt shows a line of the file, counted from one, and a caret under a
// column of it. A long line is cut to the part around the column. Characters
// that a terminal could act on, or that take no room, are shown as dots.
func excerpt(data []byte, line, column int) string {
	lines := bytes.Split(data, []byte("\n"))
	if line < 1 || line > len(lines) {
		return ""
	}
	runes := []rune(strings.TrimRight(string(lines[line-1]), "\r"))
	if column < 1 || column > len(runes)+1 || strings.TrimSpace(string(runes)) == "" {
		return ""
	}
	for i, r := range runes {
		switch {
		case r == '\t':
			runes[i] = ' '
		case !unicode.IsPrint(r):
			runes[i] = '·'
		}
	}
	text, at := window(runes, column-1)
	return excerptIndent + strings.TrimRight(text, " ") + "\n" + excerptIndent + strings.Repeat(" ", at) + "^"
}

// window cuts a line to the part around index at, and gives the part and the
// index in it.
func window(line []rune, at int) (string, int) {
	from := 0
	if len(line) > excerptWidth {
		from = min(max(0, at-excerptWidth/2), len(line)-excerptWidth)
		to := from + excerptWidth
		if from > 0 {
			line[from] = '…'
		}
		if to < len(line) {
			line[to-1] = '…'
		}
		line = line[from:to]
	}
	return string(line), at - from
}
