package strictyaml_test

import (
	"strings"
	"testing"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

func TestNearest(t *testing.T) {
	profiles := []string{"linux-masquerade", "linux-open-input", "linux-random", "none", "openwrt"}
	for _, c := range []struct {
		word    string
		allowed []string
		want    string
	}{
		{"linux-masquerad", profiles, "linux-masquerade"},
		{"Openwrt", profiles, "openwrt"},
		{"OPENWRT", profiles, "openwrt"},
		{"non", profiles, "none"},
		{"linux", profiles, ""},
		{"cisco", profiles, ""},
		{"", profiles, ""},
		{"x", nil, ""},
		{"dealy", []string{"behind", "delay"}, "delay"},
		{"rest", []string{"drop", "reset"}, "reset"},
		{"dorp", []string{"drop", "reset"}, "drop"},
		{"rpodcut", []string{"product"}, "product"},
		{"prd", []string{"drop"}, ""},
		{"rdpo", []string{"drop"}, ""},
		{"ab", []string{"ax", "ay"}, "ax"},
		{"xyz", []string{"abc"}, ""},
		{strings.Repeat("none", 20_000), profiles, ""},
		{"größe", []string{"grosse", "größer"}, "größer"},
	} {
		if got := strictyaml.Nearest(c.word, c.allowed); got != c.want {
			t.Errorf("Nearest(%.20q, %v) = %q, want %q", c.word, c.allowed, got, c.want)
		}
	}
}

func TestQuoteIsShortAndHarmless(t *testing.T) {
	for word, want := range map[string]string{
		"plain":                 `"plain"`,
		"a \"b\"":               `"a \"b\""`,
		"\x1b[31m\n":            `"\x1b[31m\n"`,
		strings.Repeat("ä", 41): `"` + strings.Repeat("ä", 40) + `…"`,
	} {
		if got := strictyaml.Quote(word); got != want {
			t.Errorf("Quote(%q) = %s, want %s", word, got, want)
		}
	}
}
