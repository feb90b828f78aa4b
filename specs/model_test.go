package specs

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
)

// The model is punch.Predict: what the mechanisms say of two NATs and a
// strategy. Here it is held against what labs do, for NATs of the nine classes of
// RFC 4787 with each way of choosing ports and each answer to a SYN. A cell that
// comes out otherwise fails: either the model overlooks something, or the engine
// or the lab has a fault.

const (
	// modelTrials is how many trials of a cell argue with the model, where it says
	// always or never; and where it names a chance.
	modelTrials, chanceTrials = 3, 40
	// modelSample is how many cells are drawn for an ordinary run of the specs.
	// PUNCHLAB_MODEL is another number, or all, as for `make model`, or one of its two
	// halves: the cells of which the model is certain, and those that it leaves to chance.
	modelSample = 240
	// modelPatience is ten times what the slowest technique needs.
	modelPatience = 900 * time.Millisecond
	// modelNews is after how many cells a line says how far the run is.
	modelNews = 5000
	// modelRounds is how many rounds of a technique fit into that, at most.
	modelRounds = 4
	// mostSurprising is how improbable an outcome must be under the chance that
	// is predicted before it counts as another one: once in a thousand runs of
	// all cells.
	mostSurprising = 1e-3
)

// modelled lists the NATs that the model is tried with: the nine classes, by four
// allocations, by three answers.
func modelled() []natprofiles.Profile {
	var all []natprofiles.Profile
	dependences := []natprofiles.Dependence{
		natprofiles.EndpointIndependent, natprofiles.AddressDependent, natprofiles.AddressAndPortDependent,
	}
	allocations := [][2]string{
		{"preserve", "{allocation: preserve}"}, {"sequential", "{allocation: sequential}"},
		{"random", "{allocation: random}"}, {"block", "{allocation: block, block: {size: 512}}"},
	}
	for _, mapping := range dependences {
		for _, filtering := range dependences {
			for _, ports := range allocations {
				for _, answer := range []natprofiles.Answer{natprofiles.Drop, natprofiles.Reset, natprofiles.PortUnreachable} {
					word, _, _ := strings.Cut(string(answer), "-")
					name := strings.Join([]string{short(mapping) + "m", short(filtering) + "f", ports[0], word}, "-")
					text := fmt.Sprintf("summary: %s\nmapping: %s\nfiltering: %s\nports: %s\nunsolicited: %s\n",
						name, mapping, filtering, ports[1], answer)
					p, err := natprofiles.Parse(name+".yaml", []byte(text))
					if err != nil {
						panic(err) // the spec tree cannot be built without it
					}
					all = append(all, p)
				}
			}
		}
	}
	return all
}

func short(d natprofiles.Dependence) string {
	return map[natprofiles.Dependence]string{
		natprofiles.EndpointIndependent: "ei", natprofiles.AddressDependent: "ad", natprofiles.AddressAndPortDependent: "apd",
	}[d]
}

// modelCells lists every pair of those NATs under every strategy, once: a
// strategy does not know who is called Alice.
func modelCells() []bench.Cell {
	nats, two := modelled(), topology("two-nats")
	var all []bench.Cell
	for i, a := range nats {
		cells, err := bench.Cells(two, []natprofiles.Profile{a}, nats[i:], nil, punch.Strategies())
		if err != nil {
			panic(err)
		}
		all = append(all, cells...)
	}
	return all
}

// predicted is what the model says of a cell.
func predicted(c bench.Cell) punch.Prediction {
	return punch.Predict(bench.Classified(c.NATs["a"]), bench.Classified(c.NATs["b"]), c.Strategy)
}

// surprising tells an outcome that the prediction excludes, or all but excludes:
// as improbable as the tails of the binomial distribution say. The chance is that
// of one round, and an attempt has several, so that it may connect more often, as
// often as that many rounds do.
func surprising(p punch.Prediction, s results.Summary, cells int) bool {
	switch {
	case p.Verdict == punch.Connects && p.Chance == 1:
		return s.Successes < s.Trials
	case p.Verdict == punch.Cannot:
		return s.Successes > 0
	}
	improbable := tail(s.Trials, p.Chance, func(k int) bool { return k <= s.Successes })
	if p.Verdict == punch.Perhaps {
		several := 1 - math.Pow(1-p.Chance, modelRounds)
		improbable = min(improbable, tail(s.Trials, several, func(k int) bool { return k >= s.Successes }))
	}
	return improbable < mostSurprising/float64(cells)
}

// contradicts tells a trial that the prediction excludes. Where it names a chance, none
// alone does.
func contradicts(p punch.Prediction, t results.Trial) bool {
	return p.Verdict == punch.Connects && t.Outcome == results.Failed ||
		p.Verdict == punch.Cannot && t.Outcome == results.Connected
}

// tail is the probability of those numbers of successes in so many trials.
func tail(trials int, chance float64, wanted func(int) bool) (sum float64) {
	for k := range trials + 1 {
		if wanted(k) {
			sum += math.Exp(logChoose(trials, k) + float64(k)*math.Log(chance) + float64(trials-k)*math.Log1p(-chance))
		}
	}
	return sum
}

// startsApart are as many starts, evenly spread up to one round trip apart, which is what
// the model's chances mean where they depend on it.
func startsApart(trials int, rtt time.Duration) (all []time.Duration) {
	for i := range trials {
		all = append(all, time.Duration((float64(2*i+1)/float64(trials)-1)*float64(rtt)))
	}
	return all
}

// drawn draws n cells: the same ones in every ordinary run, so that one run can be
// compared with the next, and others each time where somebody asks for a number.
func drawn(cells []bench.Cell, n int, anew bool) []bench.Cell {
	seed := uint64(1)
	if anew {
		seed = uint64(GinkgoRandomSeed())
	}
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	return cells[:min(n, len(cells))]
}

// logChoose is the logarithm of n over k.
func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// parted are the cells of which the model is certain, and those that it leaves to
// chance.
func parted(cells []bench.Cell) (certain, chances []bench.Cell) {
	for _, c := range cells {
		if predicted(c).Verdict == punch.Perhaps {
			chances = append(chances, c)
		} else {
			certain = append(certain, c)
		}
	}
	return certain, chances
}

// argument is the model's with a lab, cell by cell.
type argument struct {
	cells         map[results.Cell]bench.Cell
	made          map[results.Cell][]results.Trial // of cells that are not at their end
	kept          surprises
	begun         time.Time
	pools         map[string]pool // by strategy
	missed        []bench.Cell    // of which the model says that a trial may miss, and one did
	doubted       []bench.Cell    // left to chance, and surprising beside other labs
	alone         bool            // one lab at a time
	known         int             // cells that are
	disagreements int
}

// hold has the trials of a plan made, if it has any, and compares them with the model. As
// many labs are tried side by side as the machine bears: by a number that suits most cells,
// those that guess hundreds of ports are late.
func (a *argument) hold(ctx context.Context, plan bench.Plan) {
	GinkgoHelper()
	if len(plan.Cells) == 0 {
		return
	}
	plan.Patience, plan.Passes, plan.Seed = modelPatience, 1, uint64(GinkgoRandomSeed())
	if a.alone {
		plan.Parallel = 1
	}
	Expect(bench.Run(ctx, plan, bench.Observer{
		Trial: a.trial, Seen: a.seen, Cell: func(c results.Cell) { a.settle(c, len(plan.Cells)) },
	})).To(Succeed())
	GinkgoWriter.Printf("%s: %d cells of %d trials\n", since(a.begun), len(plan.Cells), plan.Trials)
}

// pool are the trials of one strategy where the model says that it connects, but for one of so
// many: guesses that miss. A failure of one of them is no surprise, but their number may be.
type pool struct {
	trials, missed int
	expected       float64 // how many miss
}

// pooled adds a cell to its strategy's pool.
func (a *argument) pooled(p punch.Prediction, s results.Summary) {
	if p.Verdict != punch.Connects || p.Chance == 1 {
		return
	}
	of := a.pools[s.Cell.Strategy]
	of.trials += s.Trials
	of.missed += s.Trials - s.Successes
	of.expected += float64(s.Trials) * (1 - p.Chance)
	a.pools[s.Cell.Strategy] = of
}

// settlePools compares how many guesses missed with how many were to: rare ones are as
// Poisson's distribution has them. A second round may make good what the first one
// missed, so that nobody is surprised by fewer.
func (a *argument) settlePools() {
	for strategy, of := range a.pools {
		verdict := "as predicted"
		if (distuv.Poisson{Lambda: of.expected}).Survival(float64(of.missed-1)) < mostSurprising/float64(len(a.pools)) {
			verdict = "too many"
			a.disagreements++
		}
		GinkgoWriter.Printf("%s: %d of %d missed, %.2f were predicted: %s\n", strategy, of.missed, of.trials, of.expected, verdict)
	}
}

// trial is one that was made.
func (a *argument) trial(t results.Trial) {
	a.made[t.Cell] = append(a.made[t.Cell], t)
	if contradicts(predicted(a.cells[t.Cell]), t) {
		a.kept.add(t)
	}
}

// seen keeps what nobody expected.
func (a *argument) seen(t results.Trial, o *bench.Observation) error {
	if contradicts(predicted(a.cells[t.Cell]), t) {
		a.kept.seen(t, o)
	}
	return nil
}

// settle compares a cell whose trials are made with what the model says of it, and tells
// at once if they disagree: a long run that is ended early has said what it found. So many
// cells are compared together.
//
// A chance is that of hosts which are in time. Five hundred SYNs take longer than a round
// trip where labs wait for each other: refused ones give their ports back to the NAT while
// others still draw, and some ports are never drawn. Such a cell is tried again by itself.
func (a *argument) settle(c results.Cell, together int) {
	if a.known++; a.known%modelNews == 0 {
		GinkgoWriter.Printf("%s: %d of %d cells\n", since(a.begun), a.known, len(a.cells))
	}
	p := predicted(a.cells[c])
	for _, s := range results.Summarise(a.made[c]) {
		a.pooled(p, s)
		switch told := fmt.Sprintf("%s; predicted: %s (%.4f), %s; causes: %v", s, p.Verdict, p.Chance, p.Why, s.Causes); {
		case surprising(p, s, together) && p.Verdict == punch.Perhaps && !a.alone:
			a.doubted = append(a.doubted, a.cells[c])
			GinkgoWriter.Println("doubted: " + told)
		case surprising(p, s, together):
			a.disagreements++
			GinkgoWriter.Println(told)
			a.kept.show(c)
		case p.Verdict == punch.Connects && s.Successes < s.Trials:
			a.missed = append(a.missed, a.cells[c])
			GinkgoWriter.Println("missed: " + told)
		}
	}
	delete(a.made, c)
	delete(a.kept, c)
}

var _ = Describe("The model", Serial, func() {
	It("says what labs do", func(ctx SpecContext) {
		wanted, cells := os.Getenv("PUNCHLAB_MODEL"), modelCells()
		switch certain, chances := parted(cells); wanted {
		case "all":
		case "certain":
			cells = certain
		case "chances":
			cells = chances
		default:
			n, err := strconv.Atoi(cmp.Or(wanted, strconv.Itoa(modelSample)))
			Expect(err).NotTo(HaveOccurred(), "PUNCHLAB_MODEL is a number of cells, or certain, chances or all")
			cells = drawn(cells, n, wanted != "")
		}
		a := &argument{cells: map[results.Cell]bench.Cell{}, made: map[results.Cell][]results.Trial{}, kept: surprises{},
			pools: map[string]pool{}, begun: time.Now()}
		for _, c := range cells {
			a.cells[c.Key()] = c
		}
		certain, chances := parted(cells)
		a.hold(ctx, bench.Plan{Cells: certain, Trials: modelTrials})
		apart := startsApart(chanceTrials, topology("two-nats").RTT("alice", "bob"))
		a.hold(ctx, bench.Plan{Cells: chances, Trials: chanceTrials, Staggers: apart})
		Expect(a.known).To(Equal(len(cells)))
		a.hold(ctx, bench.Plan{Cells: a.missed, Trials: chanceTrials}) // one miss of three says little
		a.alone = true
		a.hold(ctx, bench.Plan{Cells: a.doubted, Trials: chanceTrials, Staggers: apart})
		a.settlePools()
		Expect(a.disagreements).To(BeZero(), "of %d cells", len(cells))
	}, SpecTimeout(170*time.Minute))
})
