package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// printJSON writes v as an indented JSON document. Causes and rules hold < and
// >, which stay legible.
func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return failed(encoder.Encode(v))
}

// write puts out text for people.
func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return failed(err)
}

// terminalWidth is that of the terminal behind f, or 0 if there is none.
func terminalWidth(f *os.File) int {
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// pageWidth is the width that text for people has to fit: that of the terminal
// behind f; elsewhere what COLUMNS says (POSIX.1-2024, XBD section 8.3), or 0,
// no limit.
func pageWidth(f *os.File) int {
	if width := terminalWidth(f); width > 0 {
		return width
	}
	width, err := strconv.Atoi(os.Getenv("COLUMNS"))
	if err != nil {
		return 0
	}
	return max(width, 0)
}

// leastText is the width below which the last column of a list is not broken.
const leastText = 20

// list draws rows below their header. The last column is text, which is broken
// between words to fit the width.
func list(header []string, rows [][]string, width int) string {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	t.AppendHeader(cells(header))
	for _, row := range rows {
		t.AppendRow(cells(row))
	}
	if width > 0 {
		t.SetColumnConfigs([]table.ColumnConfig{{
			Number: len(header), WidthMax: max(width-taken(header, rows), leastText), WidthMaxEnforcer: text.WrapSoft,
		}})
	}
	return t.Render() + "\n"
}

// taken is the width of all columns but the last, with the gaps behind them.
func taken(header []string, rows [][]string) int {
	const gap = 2
	all := 0
	for i, name := range header[:len(header)-1] {
		widest := len(name)
		for _, row := range rows {
			widest = max(widest, text.StringWidth(row[i]))
		}
		all += widest + gap
	}
	return all
}

func cells(words []string) table.Row {
	row := make(table.Row, len(words))
	for i, w := range words {
		row[i] = w
	}
	return row
}

// entries writes names and values below each other, aligned; a value may have
// several lines.
func entries(indent string, pairs [][2]string) string {
	widest := 0
	for _, p := range pairs {
		widest = max(widest, text.StringWidth(p[0]))
	}
	var b strings.Builder
	for _, p := range pairs {
		name := p[0]
		for value := range strings.SplitSeq(p[1], "\n") {
			line := fmt.Sprintf("%s%s  %s", indent, text.Pad(name, widest, ' '), value)
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			name = ""
		}
	}
	return b.String()
}
