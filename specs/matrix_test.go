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
	// trialsPerCell makes two trials of each stagger.
	trialsPerCell = 6
	// patience is more than a pair needs that meets at all: the slowest way,
	// an answered SYN after a stagger of one round trip, takes three of 40 ms.
	patience = 1500 * time.Millisecond
	// sideBySide leaves most of a small machine idle, so that packets are on
	// time.
	sideBySide = 24
	// mostInvalid is the share of trials that the machine may spoil.
	mostInvalid = 0.05
)

// measured is what a topology's trials came to.
type measured struct {
	tables []table // of the topology
	cells  []bench.Cell
	sums   map[results.Cell]results.Summary
	trials int
	spoilt int
	dumps  map[results.Cell]string // of labs in which a trial surprised
}

// staggers are the peers' starts: together, and the second one a quarter and a
// whole round trip late. Each pair is measured in both orders.
func staggers() []time.Duration { return []time.Duration{0, crossing / 4, crossing} }

// crossing is the round trip from access network to access network in every
// shipped topology.
const crossing = 40 * time.Millisecond

// measure makes trials of every pair of shipped profiles under every strategy
// that there is a table for.
func measure(ctx context.Context, t topologies.Topology, all []table) (*measured, error) {
	m := &measured{sums: map[results.Cell]results.Summary{}, dumps: map[results.Cell]string{}}
	var strategies []punch.Strategy
	for _, table := range all {
		if table.topology == t.Name {
			s, err := punch.StrategyNamed(table.strategy)
			if err != nil {
				return nil, err
			}
			m.tables, strategies = append(m.tables, table), append(strategies, s)
		}
	}
	var err error
	if m.cells, err = bench.Cells(t, natprofiles.All(), natprofiles.All(), nil, strategies); err != nil {
		return nil, err
	}
	plan := bench.Plan{
		Cells: m.cells, Trials: trialsPerCell, Patience: patience,
		Staggers: staggers(), Seed: uint64(GinkgoRandomSeed()), Parallel: sideBySide,
	}
	var trials []results.Trial
	err = bench.Run(ctx, plan, bench.Observer{
		Trial: func(t results.Trial) { trials = append(trials, t) },
		Lab:   m.look,
	})
	for _, s := range results.Summarise(trials) {
		m.sums[s.Cell], m.trials, m.spoilt = s, m.trials+s.Trials, m.spoilt+s.Invalid
	}
	return m, err
}

// look keeps the dump of the first lab of a cell in which a trial surprised.
func (m *measured) look(t results.Trial, lab *harness.Lab) {
	i := slices.IndexFunc(m.cells, func(c bench.Cell) bool { return c.Key() == t.Cell })
	want, err := m.expected(m.cells[i])
	one := results.Summarise([]results.Trial{t})[0]
	if err == nil && want.met(one) || m.dumps[t.Cell] != "" {
		return
	}
	var dump strings.Builder
	fmt.Fprintln(&dump, t)
	if err := lab.Dump(&dump); err != nil {
		fmt.Fprintln(&dump, "dump:", err)
	}
	m.dumps[t.Cell] = dump.String()
}

func (m *measured) expected(c bench.Cell) (verdict, error) {
	i := slices.IndexFunc(m.tables, func(t table) bool { return t.strategy == c.Strategy.Name() })
	return m.tables[i].expected(c)
}

// surprises lists the cells that did not come out as their table says.
func (m *measured) surprises() []string {
	var all []string
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

var _ = Describe("The matrix", Ordered, Serial, func() {
	all := tables()
	var trials, spoilt int
	for _, t := range topologies.All() {
		describeTopology(t, all, &trials, &spoilt)
	}
	It("is measured by links that keep their delays", func() {
		Expect(share(trials, spoilt)).To(BeNumerically("<=", mostInvalid), "%d of %d trials are invalid", spoilt, trials+spoilt)
	})
})

// share is the share of trials that did not count.
func share(trials, spoilt int) float64 { return float64(spoilt) / float64(trials+spoilt) }

// describeTopology makes a spec of every cell of a topology, and adds its
// trials to the counts.
func describeTopology(t topologies.Topology, all []table, trials, spoilt *int) {
	Describe("of "+t.Name, func() {
		var m *measured
		BeforeAll(func(ctx SpecContext) {
			var err error
			m, err = measure(ctx, t, all)
			Expect(err).NotTo(HaveOccurred())
			*trials, *spoilt = *trials+m.trials, *spoilt+m.spoilt
		}, NodeTimeout(3*time.Minute))

		It("has a table for every strategy", func() {
			var have, want []string
			for _, table := range m.tables {
				have = append(have, table.strategy)
			}
			for _, s := range punch.Strategies() {
				want = append(want, s.Name())
			}
			Expect(have).To(ConsistOf(want))
		})
		for _, c := range cellsOf(t) {
			It(c.Key().String(), func() { expectCell(m, c) })
		}
	})
}

// cellsOf lists the cells of a topology when the tree is built.
func cellsOf(t topologies.Topology) []bench.Cell {
	cells, err := bench.Cells(t, natprofiles.All(), natprofiles.All(), nil, punch.Strategies())
	if err != nil {
		panic(err)
	}
	return cells
}

func expectCell(m *measured, c bench.Cell) {
	GinkgoHelper()
	want, err := m.expected(c)
	Expect(err).NotTo(HaveOccurred())
	sum := m.sums[c.Key()]
	if dump := m.dumps[c.Key()]; dump != "" {
		AddReportEntry("lab of a trial that surprised", dump, ReportEntryVisibilityFailureOrVerbose)
	}
	Expect(sum.Trials).To(BeNumerically(">=", 5))
	Expect(want.met(sum)).To(BeTrue(), "%s, expected %s; causes: %v", sum, want, sum.Causes)
}
