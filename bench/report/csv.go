package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/punchlab/punchlab/bench/results"
)

func init() {
	register(Format{Name: "csv", File: "results.csv", About: "a line for every cell, with all figures, for spreadsheets", Write: writeCSV})
}

// column is a figure of a cell.
type column struct {
	name string
	of   func(results.Summary) string
}

// columns are those of the file. What a cell has not is empty, and counts by
// technique and by cause are JSON objects.
var columns = []column{
	{"topology", func(s results.Summary) string { return s.Topology }},
	{"nat_a", func(s results.Summary) string { return string(s.NATA) }},
	{"nat_b", func(s results.Summary) string { return string(s.NATB) }},
	{"slots", func(s results.Summary) string { return s.Slots.String() }},
	{"strategy", func(s results.Summary) string { return s.Strategy }},
	{"successes", func(s results.Summary) string { return strconv.Itoa(s.Successes) }},
	{"trials", func(s results.Summary) string { return strconv.Itoa(s.Trials) }},
	{"invalid", func(s results.Summary) string { return strconv.Itoa(s.Invalid) }},
	{"rate", func(s results.Summary) string { return number(s.Rate) }},
	{"rate_low", func(s results.Summary) string { return end(s, func(i results.Interval) float64 { return i.Low }) }},
	{"rate_high", func(s results.Summary) string { return end(s, func(i results.Interval) float64 { return i.High }) }},
	{"established_ms", func(s results.Summary) string { return number(s.EstablishedMedian) }},
	{"connect_ms", func(s results.Summary) string { return number(s.ConnectMedian) }},
	{"connect_p90_ms", func(s results.Summary) string { return number(s.ConnectP90) }},
	{"connect_p99_ms", func(s results.Summary) string { return number(s.ConnectP99) }},
	{"connect_rounds", func(s results.Summary) string { return number(s.RoundsMedian) }},
	{"connect_p90_rounds", func(s results.Summary) string { return number(s.RoundsP90) }},
	{"connect_p99_rounds", func(s results.Summary) string { return number(s.RoundsP99) }},
	{"syns", func(s results.Summary) string { return number(s.SYNsMedian) }},
	{"packets", func(s results.Summary) string { return number(s.PacketsMedian) }},
	{"via", func(s results.Summary) string { return counts(s.Via) }},
	{"causes", func(s results.Summary) string { return counts(s.Causes) }},
	{"parameter", func(s results.Summary) string { return s.Point.Parameter }},
	{"value", func(s results.Summary) string { return s.Point.Value }},
}

func writeCSV(w io.Writer, s Subject) error {
	table := csv.NewWriter(w)
	var head []string
	for _, c := range columns {
		head = append(head, c.name)
	}
	head = append(head, "number") // of the value, in the unit of the sweep
	lines := [][]string{head}
	for _, of := range s.Run.Summaries() {
		var line []string
		for _, c := range columns {
			line = append(line, c.of(of))
		}
		lines = append(lines, append(line, axis(s.Run, of)))
	}
	if err := table.WriteAll(lines); err != nil { // which flushes
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// axis is where on a sweep a cell is.
func axis(run results.Run, of results.Summary) string {
	at, known := run.Manifest.Sweep.Number(of.Point)
	if !known {
		return ""
	}
	return number(&at)
}

// number is a figure with as many digits as it has.
func number(figure *float64) string {
	if figure == nil {
		return ""
	}
	return strconv.FormatFloat(*figure, 'g', -1, 64)
}

func end(s results.Summary, of func(results.Interval) float64) string {
	if s.Interval == nil {
		return ""
	}
	return number(new(of(*s.Interval)))
}

func counts(of map[string]int) string {
	text, err := json.Marshal(of)
	if err != nil {
		panic(fmt.Sprintf("a map of numbers has a JSON form: %v", err))
	}
	return string(text)
}
