package specs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

const (
	// trialsPerCell makes a trial of each stagger.
	trialsPerCell = 5
	// patience is more than a pair needs that meets at all: the slowest way,
	// an answered SYN after a stagger of one round trip, takes three of 40 ms.
	patience = 1500 * time.Millisecond
	// sideBySide is how many labs run at once at most. Most of their pairs only
	// wait for their patience to end.
	sideBySide = 40
)

// measured is what the trials of the matrix came to.
type measured struct {
	tables []table
	cells  []bench.Cell
	sums   map[results.Cell]results.Summary
	trials int
	spoilt int
	dumps  map[results.Cell]string // of labs in which a trial surprised
	kept   surprises
}

// staggers are by how much bob starts later than alice: not at all, by a
// quarter and by a whole round trip; and the other way round.
func staggers() []time.Duration {
	return []time.Duration{0, crossing / 4, crossing, -crossing / 4, -crossing}
}

// crossing is the round trip from access network to access network in every
// shipped topology.
const crossing = 40 * time.Millisecond

// matrix lists every pair of everyday profiles in every shipped topology under
// every strategy.
func matrix() []bench.Cell {
	var all []bench.Cell
	for _, t := range topologies.All() {
		all = append(all, crossed(t, "default")...)
	}
	return all
}

// crossed lists every pair of profiles of some sets in a topology under every
// strategy that testdata has a table of there. What the others come to is argued
// by punch.Predict, and the specs of the model compare that.
func crossed(t topologies.Topology, sets ...string) []bench.Cell {
	catalogue, err := natprofiles.Open("")
	if err == nil {
		var chosen []natprofiles.Profile
		if chosen, err = catalogue.Select(sets...); err == nil {
			var cells []bench.Cell
			if cells, err = bench.Cells(t, chosen, chosen, nil, tabled(t)); err == nil {
				return cells
			}
		}
	}
	panic(err) // the spec tree cannot be built without it
}

// tabled lists the strategies that testdata has a table of for a topology.
func tabled(t topologies.Topology) []punch.Strategy {
	var all []punch.Strategy
	for _, table := range tables() {
		if table.topology != t.Name {
			continue
		}
		s, err := punch.StrategyNamed(table.strategy)
		if err != nil {
			panic(err) // the spec tree cannot be built without it
		}
		all = append(all, s)
	}
	return all
}

// measure makes trials of cells.
func measure(ctx context.Context, cells []bench.Cell, trials int, seed int64) (*measured, error) {
	m := &measured{
		tables: tables(), cells: cells,
		sums: map[results.Cell]results.Summary{}, dumps: map[results.Cell]string{}, kept: surprises{},
	}
	plan := bench.Plan{
		Cells: m.cells, Trials: trials, Patience: patience,
		Staggers: staggers(), Seed: uint64(seed), Parallel: sideBySide,
	}
	var made []results.Trial
	err := bench.Run(ctx, plan, bench.Observer{
		Trial: func(t results.Trial) {
			if made = append(made, t); m.surprising(t) {
				m.kept.add(t)
			}
		},
		Seen: func(t results.Trial, o *bench.Observation) error {
			if m.surprising(t) {
				m.kept.seen(t, o)
			}
			return nil
		},
		Lab: m.look,
	})
	for _, s := range results.Summarise(made) {
		m.sums[s.Cell], m.trials, m.spoilt = s, m.trials+s.Trials, m.spoilt+s.Invalid
	}
	return m, err
}

// surprising tells a trial that did not come out as the table of its cell says.
func (m *measured) surprising(t results.Trial) bool {
	i := slices.IndexFunc(m.cells, func(c bench.Cell) bool { return c.Key() == t.Cell })
	want, err := m.expected(m.cells[i])
	return err != nil || !want.met(results.Summarise([]results.Trial{t})[0])
}

// look keeps the dump of the first lab of a cell in which a trial surprised.
func (m *measured) look(t results.Trial, lab *harness.Lab) {
	if m.dumps[t.Cell] != "" || !m.surprising(t) {
		return
	}
	var dump strings.Builder
	fmt.Fprintln(&dump, t)
	if err := lab.Dump(&dump); err != nil {
		fmt.Fprintln(&dump, "dump:", err)
	}
	m.dumps[t.Cell] = dump.String()
}

// expected is what the tables say of a cell.
func (m *measured) expected(c bench.Cell) (verdict, error) {
	i := slices.IndexFunc(m.tables, func(t table) bool {
		return t.topology == c.Topology.Name && t.strategy == c.Strategy.Name()
	})
	if i < 0 {
		return "", fmt.Errorf("there is no testdata/%s/%s.txt", c.Topology.Name, c.Strategy.Name())
	}
	return m.tables[i].expected(c)
}

// surprises lists the cells that did not come out as their table says.
func (m *measured) surprises() []string {
	var all []string
	if n := m.guessed(); n > mostGuessedInAll {
		all = append(all, fmt.Sprintf("%d trials guessed a port; chance allows %d", n, mostGuessedInAll))
	}
	for _, c := range m.cells {
		sum := m.sums[c.Key()]
		want, err := m.expected(c)
		switch {
		case err != nil:
			all = append(all, err.Error())
		case !want.met(sum):
			all = append(all, fmt.Sprintf("%s, expected %s, causes %v", sum, want, sum.Causes))
		}
	}
	return all
}

// guessed counts the trials that connected by a guessed port.
func (m *measured) guessed() (n int) {
	for _, c := range m.cells {
		if want, err := m.expected(c); err == nil && want == guesses {
			n += m.sums[c.Key()].Successes
		}
	}
	return n
}

// short lists the cells that the machine left short of valid trials: nothing
// was measured there. How many trials it spoilt on the way says something about
// the machine and nothing about us.
func (m *measured) short() []string {
	var all []string
	for _, c := range m.cells {
		if sum := m.sums[c.Key()]; sum.Trials < trialsPerCell {
			all = append(all, sum.String())
		}
	}
	return all
}

var _ = Describe("The matrix", Ordered, ContinueOnFailure, Serial, func() { comesOut(matrix()) })

// Every mapping of RFC 4787 with every filtering, against each other.
var _ = Describe("The classes", Ordered, ContinueOnFailure, Serial, func() {
	two, err := topologies.Get("two-nats")
	if err != nil {
		panic(err)
	}
	var cells []bench.Cell
	for _, c := range crossed(two, "classes") {
		if c.Strategy.Name() != relay {
			cells = append(cells, c)
		}
	}
	comesOut(cells)
})

// relay is the strategy that every pair connects by.
const relay = "relay"

// comesOut makes the specs of cells that must come out as their tables say.
func comesOut(cells []bench.Cell) {
	var m *measured
	BeforeAll(func(ctx SpecContext) {
		var err error
		m, err = measure(ctx, cells, trialsPerCell, GinkgoRandomSeed())
		Expect(err).NotTo(HaveOccurred())
	}, NodeTimeout(4*time.Minute))

	It("is measured in trials whose packets were in time", func() {
		AddReportEntry("invalid trials", fmt.Sprintf("%d beside %d valid ones", m.spoilt, m.trials))
		Expect(m.short()).To(BeEmpty())
	})
	It("has no more guessed ports than chance allows", func() {
		Expect(m.guessed()).To(BeNumerically("<=", mostGuessedInAll))
	})
	for _, c := range cells {
		It("of "+c.Key().String(), func() { expectCell(m, c) })
	}
}

func expectCell(m *measured, c bench.Cell) {
	GinkgoHelper()
	want, err := m.expected(c)
	Expect(err).NotTo(HaveOccurred())
	sum := m.sums[c.Key()]
	if dump := m.dumps[c.Key()]; dump != "" {
		AddReportEntry("lab of a trial that surprised", dump, ReportEntryVisibilityFailureOrVerbose)
	}
	m.kept.show(c.Key())
	Expect(want.met(sum)).To(BeTrue(), "%s, expected %s; causes: %v", sum, want, sum.Causes)
}
