package strictyaml

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("0123456789", 10)
	for _, c := range []struct {
		text         string
		line, column int
		want         string
	}{
		{"a: 1\nb: two\n", 2, 4, "    b: two\n       ^"},
		{"b: two", 1, 1, "    b: two\n    ^"},
		{"windows: yes\r\nx: 1\r\n", 1, 10, "    windows: yes\n             ^"},
		{"a:\tb", 1, 4, "    a: b\n       ^"},
		{"größe: klein", 1, 8, "    größe: klein\n           ^"},
		{"x: \u009b31m\u202etxet", 1, 4, "    x: ·31m·txet\n       ^"},
		{"name:", 1, 6, "    name:\n         ^"},
		{long, 1, 1, "    " + long[:71] + "…\n    ^"},
		{long, 1, 50, "    …" + long[14:84] + "…\n" + strings.Repeat(" ", 4+36) + "^"},
		{long, 1, 100, "    …" + long[29:] + "\n" + strings.Repeat(" ", 4+71) + "^"},
		{long, 1, 101, "    …" + long[29:] + "\n" + strings.Repeat(" ", 4+72) + "^"},
		{"a: 1", 2, 1, ""},
		{"a: 1", 0, 1, ""},
		{"a: 1", 1, 9, ""},
		{"a: 1\n   \n", 2, 1, ""},
	} {
		if got := excerpt([]byte(c.text), c.line, c.column); got != c.want {
			t.Errorf("%q at %d:%d: got\n%s\nwant\n%s", c.text, c.line, c.column, got, c.want)
		}
	}
}

// Whatever a line holds, its excerpt is two short lines without a control
// character.
func FuzzExcerpt(f *testing.F) {
	f.Add("a: b", 1, 3)
	f.Add("a: \x1b[31m\u0085\u2028", 1, 3)
	f.Add(strings.Repeat("\t", 300), 1, 200)
	f.Fuzz(func(t *testing.T, text string, line, column int) {
		got := excerpt([]byte(text), line, column)
		lines := strings.Split(got, "\n")
		if got != "" && len(lines) != 2 {
			t.Errorf("%q is %d lines", got, len(lines))
		}
		for _, l := range lines {
			if n := utf8.RuneCountInString(l); n > 80 || strings.ContainsFunc(l, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 }) {
				t.Errorf("%d characters: %q", n, l)
			}
		}
	})
}
