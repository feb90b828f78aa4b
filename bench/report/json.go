package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/punchlab/punchlab/bench/expect"
	"github.com/punchlab/punchlab/bench/populations"
	"github.com/punchlab/punchlab/bench/results"
)

func init() {
	register(Format{Name: "json", File: "summary.json", About: "all figures of every cell, for machines", Write: writeJSON})
}

// summary is a run for machines.
type summary struct {
	Results   string            `json:"results"` // the path of the file
	Run       string            `json:"run,omitempty"`
	Shard     *results.Shard    `json:"shard,omitempty"`
	Version   string            `json:"version"`
	Kernel    string            `json:"kernel"`
	Seed      uint64            `json:"seed"`
	Complete  bool              `json:"complete"`
	Planned   int               `json:"planned"` // trials
	Done      int               `json:"done"`
	Summaries []results.Summary `json:"summaries"`
	Verdicts  []expect.Verdict  `json:"verdicts,omitempty"`

	Sweep  *results.Sweep `json:"sweep,omitempty"`
	Curves []curve        `json:"curves,omitempty"`

	// Populations are those that were asked for.
	Populations []populations.Expectation `json:"populations,omitempty"`
}

// curve is where on a sweep one pair connects by one strategy.
type curve struct {
	results.Cell
	Windows []results.Window `json:"windows"`
	Words   string           `json:"words"`
}

func curves(run results.Run) (all []curve) {
	for _, c := range run.Curves() {
		windows := c.Windows()
		if windows == nil {
			windows = []results.Window{} // a list in JSON, too
		}
		all = append(all, curve{c.Cell, windows, Window(c)})
	}
	return all
}

func writeJSON(w io.Writer, s Subject) error {
	m := s.Run.Manifest
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // causes hold < and >, which stay legible
	encoder.SetIndent("", "  ")
	err := encoder.Encode(summary{
		Results: s.Path, Run: m.Run, Shard: m.Shard, Version: m.Version, Kernel: m.Kernel, Seed: m.Seed,
		Complete: s.Run.Complete(), Planned: m.Planned(), Done: s.Run.Done(),
		Summaries: s.Run.Summaries(), Verdicts: s.Verdicts, Populations: s.Expected,
		Sweep: m.Sweep, Curves: curves(s.Run),
	})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
