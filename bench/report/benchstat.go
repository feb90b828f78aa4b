package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/punchlab/punchlab/bench/results"
)

func init() {
	register(Format{Name: "benchstat", File: "bench.txt", About: "the times of all connected trials, for benchstat", Write: writeBenchstat})
}

// writeBenchstat writes the format of Go's benchmarks
// (https://go.dev/design/14313-benchmark-format): a line for every trial that
// connected, and one with the rate for every cell. benchstat compares medians,
// which a rate does not have: punchlab compare tests rates.
func writeBenchstat(w io.Writer, s Subject) error {
	var b strings.Builder
	m := s.Run.Manifest
	for _, config := range [][2]string{{"punchlab", m.Version}, {"kernel", m.Kernel}, {"seed", fmt.Sprint(m.Seed)}} {
		fmt.Fprintf(&b, "%s: %s\n", config[0], config[1])
	}
	b.WriteString("Unit connected better=higher\n")
	for _, c := range s.Run.Summaries() {
		if c.Rate != nil {
			fmt.Fprintf(&b, "%s %d %v connected\n", benchmark(c.Cell), c.Trials, *c.Rate)
		}
	}
	for _, t := range s.Run.Trials {
		if t.Outcome == results.Connected {
			fmt.Fprintf(&b, "%s 1 %v sec/connect %d SYNs %d packets\n", benchmark(t.Cell), *t.ConnectMS/1000, t.SYNs, t.Packets)
		}
	}
	return put(w, b.String())
}

// benchmark names a cell as a benchmark with settings. The strategy stands last,
// since benchstat takes a number behind a last hyphen for one of processors.
func benchmark(c results.Cell) string {
	var b strings.Builder
	b.WriteString("BenchmarkPunch")
	add := func(key, value string) {
		if value != "" {
			b.WriteString("/" + word(key) + "=" + word(value))
		}
	}
	add("topology", c.Topology)
	add("a", string(c.NATA))
	add("b", string(c.NATB))
	slots := c.Slots.Map()
	for _, slot := range slices.Sorted(maps.Keys(slots)) {
		add(slot, slots[slot])
	}
	add(c.Point.Parameter, c.Point.Value)
	add("strategy", c.Strategy)
	return b.String()
}

// word has nothing that ends a benchmark's name or a setting of it.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '/' || r == '=' {
			return '_'
		}
		return r
	}, s)
}
