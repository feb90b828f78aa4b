// Package expect reads what must hold of the cells of a run, a YAML file that
// people write, and holds a run against it.
//
//	cells:
//	  - {strategy: auto, expect: connects}
//	  - {nat-a: [linux-random, "apdm-*"], nat-b: linux-random, expect: cannot}
//	  - {topology: double-nat, slots: {carrier: rfc6888-cgn}, expect: 95%}
//	  - {point: {stagger: [-1rtt, 0rtt, 1rtt]}, expect: connects}
//
// Where several lines match a cell the last one decides, as in .gitignore: what is
// true in general stands first, and the exceptions below it.
package expect

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// Expectations are what must hold of a run's cells.
type Expectations struct {
	file  string
	doc   *strictyaml.Document
	rules []rule
}

// shape is the file.
type shape struct {
	Cells []rule `yaml:"cells"`
}

// rule is an element of the list: which cells, and what must hold of them. What a
// rule does not name may be anything.
type rule struct {
	Topology strictyaml.OneOrMore[pattern] `yaml:"topology"`
	NATA     strictyaml.OneOrMore[pattern] `yaml:"nat-a"`
	NATB     strictyaml.OneOrMore[pattern] `yaml:"nat-b"`
	Slots    strictyaml.Entries[pattern]   `yaml:"slots"`
	Strategy strictyaml.OneOrMore[pattern] `yaml:"strategy"`
	Point    strictyaml.Entries[points]    `yaml:"point"`
	Want     Want                          `yaml:"expect"`

	line int
}

// points are values of a parameter that is swept.
type points = strictyaml.OneOrMore[pattern]

// Parse reads expectations; file is how messages name it. The error tells
// everything that is wrong, with lines and allowed values.
func Parse(file string, data []byte) (*Expectations, error) {
	var s shape
	doc, err := strictyaml.Load(file, data, &s)
	if err != nil {
		return nil, err
	}
	e := &Expectations{file: file, doc: doc, rules: s.Cells}
	doc.At("cells").Require("a list of rules, such as {strategy: auto, expect: connects}")
	if doc.At("cells").IsList() && len(s.Cells) == 0 {
		doc.At("cells").Errorf("cells: empty; want a list of rules, such as {strategy: auto, expect: connects}")
	}
	for i := range s.Cells {
		at := strconv.Itoa(i)
		e.rules[i].line = doc.At("cells", at).Line()
		doc.At("cells", at, "expect").Require(wanted)
	}
	return e, doc.Err()
}

// Verdict is whether what was expected of a cell holds.
type Verdict struct {
	results.Cell

	Want  Want   `json:"expected"`
	Where string `json:"where"` // file and line of the rule
	Held  bool   `json:"held"`
	Found string `json:"found"` // what the run found, for people
}

// Judge holds the expectations against a run: a verdict for every cell that a rule
// matches, in the order of the run's summaries. A rule that matches no cell at all
// is an error, since nobody would notice that it says nothing.
func (e *Expectations) Judge(run results.Run) ([]Verdict, error) {
	var verdicts []Verdict
	matched := make([]bool, len(e.rules))
	for _, s := range run.Summaries() {
		decides := -1
		for i, r := range e.rules {
			if r.matches(s.Cell) {
				matched[i], decides = true, i
			}
		}
		if decides >= 0 {
			r := e.rules[decides]
			verdicts = append(verdicts, Verdict{
				Cell: s.Cell, Want: r.Want, Where: fmt.Sprintf("%s:%d", e.file, r.line), Held: r.Want.holds(s), Found: found(s),
			})
		}
	}
	for i, m := range matched {
		if !m {
			e.doc.At("cells", strconv.Itoa(i)).Errorf("no cell of the run is like this: expect nothing of it, or mend a name")
		}
	}
	return verdicts, e.doc.Err()
}

func (r rule) matches(c results.Cell) bool {
	for _, part := range []struct {
		patterns []pattern
		name     string
	}{{r.Topology, c.Topology}, {r.NATA, string(c.NATA)}, {r.NATB, string(c.NATB)}, {r.Strategy, c.Strategy}} {
		if !anyMatches(part.patterns, part.name) {
			return false
		}
	}
	filled := c.Slots.Map()
	for _, slot := range r.Slots {
		if name, has := filled[slot.Name]; !has || !slot.Value.matches(name) {
			return false
		}
	}
	for _, of := range r.Point {
		if c.Point.Parameter != of.Name || !anyMatches(of.Value, c.Point.Value) {
			return false
		}
	}
	return true
}

func anyMatches(patterns []pattern, name string) bool {
	for _, p := range patterns {
		if p.matches(name) {
			return true
		}
	}
	return len(patterns) == 0
}

// pattern is a name in which * stands for any letters, ? for one, and [ab] for one
// of these.
type pattern string

// UnmarshalText refuses patterns that match nothing because they are broken.
func (p *pattern) UnmarshalText(text []byte) error {
	*p = pattern(text)
	if len(text) == 0 {
		return fmt.Errorf("empty; want a name, or a pattern such as linux-*")
	}
	if _, err := filepath.Match(string(text), ""); err != nil {
		return fmt.Errorf("%s is not a pattern: want a name, in which * stands for any letters, ? for one, and [ab] for one of these",
			strictyaml.Quote(string(text)))
	}
	return nil
}

func (p pattern) matches(name string) bool {
	ok, err := filepath.Match(string(p), name)
	return err == nil && ok
}
