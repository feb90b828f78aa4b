package populations

import (
	_ "embed" // for the figures
	"fmt"
	"strconv"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

//go:embed published/figures.yaml
var published []byte

// Figure is a published success rate that one may want to lay beside an
// expectation, and what it counts: hardly two of them count the same.
type Figure struct {
	Name  string `json:"name"`
	Study string `json:"study"` // authors and year
	// Percent is the figure and Margin what the study gives as plus or minus, 0
	// if it gives none.
	Percent float64 `json:"percent"`
	Margin  float64 `json:"margin,omitempty"`
	Of      Counted `json:"of"`
	// Protocol is tcp, udp, or tcp and quic.
	Protocol string `json:"protocol"`
	// Counts says in a sentence what was counted, and as what.
	Counts string `json:"counts"`
	Known  Known  `json:"known"`
	Ref    string `json:"ref"` // the document with its address
}

// Value is the figure as a study writes it, in whole percent.
func (f Figure) Value() string {
	if f.Margin > 0 {
		return fmt.Sprintf("%.0f ± %.1f %%", f.Percent, f.Margin)
	}
	return fmt.Sprintf("%.0f %%", f.Percent)
}

// Meaning says what was counted, and where that is known from others.
func (f Figure) Meaning() string {
	switch f.Known {
	case KnownAbstract:
		return f.Counts + " (from the abstract)"
	case KnownSecondHand:
		return f.Counts + " (as others quote it)"
	}
	return f.Counts
}

// Counted is what a figure is a share of.
type Counted string

// What figures count: single NATs that behaved as a technique needs, pairs of
// NATs, or attempts between peers whatever is between them.
const (
	CountedNATs     Counted = "nats"
	CountedPairs    Counted = "pairs"
	CountedAttempts Counted = "attempts"
)

// UnmarshalYAML accepts the three words.
func (c *Counted) UnmarshalYAML(n *yaml.Node) error {
	return strictyaml.OneOf(n, c, CountedNATs, CountedPairs, CountedAttempts)
}

// Known is how a figure is known to us.
type Known string

// Whoever wrote a figure down here has read where the study states it, or its
// abstract alone, or somebody who quotes it.
const (
	KnownText       Known = "text"
	KnownAbstract   Known = "abstract"
	KnownSecondHand Known = "second-hand"
)

// UnmarshalYAML accepts the three words.
func (k *Known) UnmarshalYAML(n *yaml.Node) error {
	return strictyaml.OneOf(n, k, KnownText, KnownAbstract, KnownSecondHand)
}

// figuresShape is the file of figures as it is written.
type figuresShape struct {
	Figures []figureShape `yaml:"figures"`
}

type figureShape struct {
	Name     string  `yaml:"name"`
	Study    string  `yaml:"study"`
	Percent  weight  `yaml:"percent"`
	Margin   weight  `yaml:"margin"`
	Of       Counted `yaml:"of"`
	Protocol string  `yaml:"protocol"`
	Counts   string  `yaml:"counts"`
	Known    Known   `yaml:"known"`
	Ref      string  `yaml:"ref"`
}

// Published gives the published figures, in the order of their years. They are
// the caller's to change.
func Published() []Figure { return append([]Figure(nil), figures()...) }

// figures panics if the file is wrong: it is code, and a test reads it.
var figures = sync.OnceValue(func() []Figure {
	all, err := parseFigures("published/figures.yaml", published)
	if err != nil {
		panic(err)
	}
	return all
})

// parseFigures reads a file of figures; all but the margin is required.
func parseFigures(file string, data []byte) ([]Figure, error) {
	var s figuresShape
	doc, err := strictyaml.Load(file, data, &s)
	if err != nil {
		return nil, err
	}
	doc.At("figures").Require("a list of published figures")
	var all []Figure
	for i, f := range s.Figures {
		at := func(field string) strictyaml.Place { return doc.At("figures", strconv.Itoa(i), field) }
		for _, field := range []string{"name", "study", "percent", "of", "protocol", "counts", "known", "ref"} {
			at(field).Require("every figure says what it is and where it is from")
		}
		if err := catalogue.CheckName(f.Name); err != nil && at("name").Given() && at("name").Sound() {
			at("name").Errorf("name: %v", err)
		}
		all = append(all, Figure{
			Name: f.Name, Study: f.Study, Percent: f.Percent.percentage(), Margin: f.Margin.percentage(), Of: f.Of,
			Protocol: f.Protocol, Counts: f.Counts, Known: f.Known, Ref: f.Ref,
		})
	}
	return all, doc.Err()
}
