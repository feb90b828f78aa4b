package specs

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/bench/story"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

const (
	// scouting is how many trials of each strategy find the best one of a cell,
	// and comparing how many fresh ones compare it with auto.
	scouting, comparing = 20, 100
	// worseSample is how many cells are drawn for an ordinary run of the specs.
	// PUNCHLAB_MATRIX is another number, or all, as for `make matrix`.
	worseSample = 24
	// significance is that of the whole family of cells, one-sided.
	significance = 0.01
	// mostLost is what auto may lose against the best strategy of each cell, over
	// all cells together.
	mostLost = 0.005
	// wide is how many labs run side by side where most trials connect: they keep two
	// processors busy. More of them leave less of the files for guessing, and more that
	// conntrack has to walk over whenever it forgets.
	wide = 48
	// scoutingWide is how many do where most trials fail, and wait.
	scoutingWide = 96
	// matrixPatience is several times what the slowest technique needs.
	matrixPatience = 1200 * time.Millisecond
)

// distinct are shipped profiles, one of each behaviour.
func distinct() (all []natprofiles.Profile) {
	met := map[string]bool{}
	for _, p := range natprofiles.All() {
		if b := p.Behaviour(); !met[b] {
			met[b] = true
			all = append(all, p)
		}
	}
	return all
}

// automatic lists all pairs of behaviours in every topology, under auto: once where it
// makes no difference which of two NATs is whose.
func automatic() (all []bench.Cell) {
	auto, err := punch.StrategyNamed("auto")
	Expect(err).NotTo(HaveOccurred())
	for _, t := range topologies.All() {
		cells, err := bench.Cells(t, distinct(), distinct(), nil, []punch.Strategy{auto})
		Expect(err).NotTo(HaveOccurred())
		if t.Symmetric() {
			cells = bench.Once(cells)
		}
		all = append(all, cells...)
	}
	return all
}

// byStrategy is a cell with another strategy.
func byStrategy(c bench.Cell, s punch.Strategy) bench.Cell {
	c.Strategy = s
	return c
}

// comparison is auto and the best single strategy in one cell: first all that auto
// did there, and then both afresh.
type comparison struct {
	scouted    results.Summary
	auto, best results.Summary
}

// p is the chance that auto does so much worse although it is as good (Fisher's
// exact test, one-sided).
func (c comparison) p() float64 { return results.FisherLess(c.auto.Tally(), c.best.Tally()) }

// witnesses is how many further trials of auto are observed where it is worse: enough for
// one that fails.
const witnesses = 20

// witness makes some trials of auto in cells where it is worse, and shows one that failed
// in each. What cells are compared by is not observed: to watch a thousand SYNs costs more
// than to send them.
func witness(ctx context.Context, cells []bench.Cell) {
	GinkgoHelper()
	if len(cells) == 0 {
		return
	}
	shown := map[results.Cell]bool{}
	plan := bench.Plan{
		Cells: cells, Trials: witnesses, Patience: matrixPatience, Seed: uint64(GinkgoRandomSeed()), Observe: bench.ObserveAll,
	}
	Expect(bench.Run(ctx, plan, bench.Observer{Seen: func(t results.Trial, o *bench.Observation) error {
		if t.Outcome == results.Failed && !shown[t.Cell] {
			shown[t.Cell] = true
			show(t.Cell.String() + "\n" + kept(trialName(t), o))
		}
		return nil
	}})).To(Succeed())
}

// matrixOf carries out a plan, of which cells, trials, passes and width are given, and sums
// the cells up. Cells that are compared have their trials spread over the run; one that is
// only measured has them one after the other, in one lab.
func matrixOf(ctx context.Context, plan bench.Plan) map[results.Cell]results.Summary {
	GinkgoHelper()
	if len(plan.Cells) == 0 {
		return nil
	}
	plan.Patience, plan.Seed, plan.Observe = matrixPatience, uint64(GinkgoRandomSeed()), bench.ObserveNone
	var made []results.Trial
	Expect(bench.Run(ctx, plan, bench.Observer{
		Trial: func(t results.Trial) { made = append(made, t) },
	})).To(Succeed())
	sums := map[results.Cell]results.Summary{}
	for _, s := range results.Summarise(made) {
		sums[s.Cell] = s
	}
	return sums
}

// scouted finds the best single strategy of cells. One that sees no way in a cell sends
// nothing there, so that two trials say as much of it as all. The others are made in three
// passes: strategies that fail take turns in their lab, and one lab of many would be the last.
func scouted(ctx context.Context, cells []bench.Cell) map[results.Cell]punch.Strategy {
	const first = 2
	var open []bench.Cell
	for _, c := range cells {
		for _, s := range punch.Strategies() {
			if s.Name() != relay && s.Name() != "auto" {
				open = append(open, byStrategy(c, s))
			}
		}
	}
	sums := matrixOf(ctx, bench.Plan{Cells: open, Trials: first, Passes: 1, Parallel: scoutingWide})
	open = slices.DeleteFunc(open, func(c bench.Cell) bool { return sums[c.Key()].Causes[noWay] == first })
	more := matrixOf(ctx, bench.Plan{Cells: open, Trials: scouting - first, Passes: 3, Parallel: scoutingWide})
	best, most := map[results.Cell]punch.Strategy{}, map[results.Cell]int{}
	for _, c := range open {
		auto := c.Key()
		auto.Strategy = "auto"
		if n := sums[c.Key()].Successes + more[c.Key()].Successes; n > most[auto] {
			most[auto], best[auto] = n, c.Strategy
		}
	}
	return best
}

// noWay is the cause where a strategy has nothing to send.
const noWay = string(story.NoWay)

var _ = Describe("auto", Serial, func() {
	It("is never worse than the best single strategy", func(ctx SpecContext) {
		cells, first, passes := automatic(), scouting, 1
		if wanted := os.Getenv("PUNCHLAB_MATRIX"); wanted != "all" {
			first, passes = comparing, 0
			n, err := strconv.Atoi(cmp.Or(wanted, strconv.Itoa(worseSample)))
			Expect(err).NotTo(HaveOccurred(), "PUNCHLAB_MATRIX is a number of cells, or all")
			cells = drawn(cells, n, wanted != "")
		}
		compared := againstBest(ctx, cells, first, passes)
		lost, wrong := judged(compared, len(cells))
		GinkgoWriter.Printf("%d cells, %d of them compared; auto loses %.2f points\n", len(cells), len(compared), 100*lost)
		witness(ctx, slices.DeleteFunc(cells, func(c bench.Cell) bool { return wrong[c.Key()] == "" }))
		Expect(wrong).To(BeEmpty())
		Expect(lost).To(BeNumerically("<=", mostLost))
	}, SpecTimeout(55*time.Minute))

	// One NAT answers a SYN that crosses another by a reset, which closes the other one's hole: who is
	// a moment earlier decides, until the peers send one after the other.
	It("connects where SYNs must not cross", func(ctx SpecContext) {
		auto, err := punch.StrategyNamed("auto")
		Expect(err).NotTo(HaveOccurred())
		refuses, closes := profile("eim-crossed-syn-reset"), profile("eim-after-icmp-close")
		for _, pair := range [][2]natprofiles.Profile{{closes, refuses}, {refuses, closes}} {
			cells, err := bench.Cells(topology("two-nats"), pair[:1], pair[1:], nil, []punch.Strategy{auto})
			Expect(err).NotTo(HaveOccurred())
			for cell, s := range matrixOf(ctx, bench.Plan{Cells: cells, Trials: 30, Parallel: wide}) {
				Expect(s.Successes).To(Equal(s.Trials), "%v: %v", cell, s.Causes)
			}
		}
	}, SpecTimeout(5*time.Minute))
})

// againstBest finds out by so many trials where auto does not connect every time;
// what always connects counts as no worse than anything. Elsewhere it measures auto
// once more, and beside it, in the same run, the best strategy.
//
// All cells together have 20 such trials each, since 100 take hours: one where auto
// is 20 points worse is missed once in 87 times, and one where it is 10 points worse
// once in eight. A sample has 100 each.
func againstBest(ctx context.Context, cells []bench.Cell, first, passes int) (all []comparison) {
	GinkgoHelper()
	begun := time.Now()
	autos := matrixOf(ctx, bench.Plan{Cells: cells, Trials: first, Passes: passes, Parallel: wide})
	cells = slices.DeleteFunc(slices.Clone(cells), func(c bench.Cell) bool {
		s := autos[c.Key()]
		return s.Successes == s.Trials
	})
	GinkgoWriter.Printf("%s: auto measured; it does not always connect in %d cells\n", since(begun), len(cells))
	for _, c := range cells {
		GinkgoWriter.Println(autos[c.Key()])
	}
	best := scouted(ctx, cells)
	GinkgoWriter.Printf("%s: another strategy connects in %d of them\n", since(begun), len(best))
	var fresh []bench.Cell
	for _, c := range cells {
		if s := best[c.Key()]; s != nil {
			fresh = append(fresh, c, byStrategy(c, s))
		}
	}
	sums := matrixOf(ctx, bench.Plan{Cells: fresh, Trials: comparing, Parallel: wide})
	GinkgoWriter.Printf("%s: compared\n", since(begun))
	for _, c := range cells {
		if s := best[c.Key()]; s != nil {
			all = append(all, comparison{autos[c.Key()], sums[c.Key()], sums[byStrategy(c, s).Key()]})
		}
	}
	return all
}

func since(begun time.Time) time.Duration { return time.Since(begun).Round(time.Second) }

// judged tells what auto loses in the mean of all cells, and where it is worse by
// Holm's correction for that many cells. The loss is that of all of auto's first
// trials: those of a cell that was chosen for its failures are no fair sample of it,
// but of all cells together they are. Where auto always connected nothing is lost.
func judged(all []comparison, cells int) (lost float64, wrong map[results.Cell]string) {
	wrong = map[results.Cell]string{}
	slices.SortFunc(all, func(x, y comparison) int { return cmp.Compare(x.p(), y.p()) })
	holds := true
	for i, c := range all {
		lost += c.best.Tally().Rate() - c.scouted.Tally().Rate()
		GinkgoWriter.Printf("p %.4f: first %d/%d; %s; best %s; causes %v\n",
			c.p(), c.scouted.Successes, c.scouted.Trials, c.auto, c.best, c.auto.Causes)
		if holds = holds && c.p() < significance/float64(cells-i); holds {
			wrong[c.auto.Cell] = fmt.Sprintf("%s, the best: %s", c.auto, c.best)
		}
	}
	return lost / float64(max(cells, 1)), wrong
}
