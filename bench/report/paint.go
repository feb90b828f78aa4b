package report

import "strings"

// painter colours text, or leaves it alone if it is false. The sequences are
// SGR parameters of ECMA-48; they are written here and not by the table's
// library because that one looks at the environment, and what a report looks
// like is the caller's to say.
type painter bool

func (p painter) title(s string) string { return p.sgr("1", s) }  // bold
func (p painter) good(s string) string  { return p.sgr("32", s) } // green
func (p painter) mixed(s string) string { return p.sgr("33", s) } // yellow
func (p painter) bad(s string) string   { return p.sgr("31", s) } // red
func (p painter) faint(s string) string { return p.sgr("2", s) }

// sgr paints line by line, so that a cell of two lines does not colour what
// stands between them.
func (p painter) sgr(parameter, s string) string {
	if !p {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = "\x1b[" + parameter + "m" + line + "\x1b[0m"
	}
	return strings.Join(lines, "\n")
}
