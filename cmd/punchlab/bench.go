package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

// benchFlags are those of bench.
type benchFlags struct {
	setting
	nat, natA, natB []string
	strategies      []string
	trials          int
	parallel        parallel
	until           percent
	most            int
	once            bool
	unclassified    bool
	observe, pcap   string
	shard           string
	output, resume  string
	sweepText       string

	before *loaded // the run that goes on; nil for a new one
	mine   share   // of the run
}

const aboutBench = `bench runs trials of every pair of NATs with every strategy, each pair in a lab
of its own. It prints a table for each strategy: how many trials connected, and
the median time that they took. Every trial is kept in the file results.jsonl of
the results folder as it ends, and at the end the files that punchlab report makes
are written beside it.

Without flags the profiles of the set default meet each other, and each itself,
between two NATs, ten times by auto, which chooses for each pair. That takes less
than a minute.
Sets such as classes and real hold more profiles (punchlab nat list).

--parallel labs run side by side: without it, as many as leave the hosts of three trials
of four in time, since a host that waits for a processor shows in the times; the run
finds out how many those are, and goes on to. A number makes a run shorter, and times
longer: then packets are in time, or the trial is invalid and made again, and hosts are
as late as it comes. A lab holds 20 to 50 open files, and many are kept until the end of
the run. If "too many open files" are the answer, raise the limit: ulimit -n 8192.

Ctrl-C ends the run cleanly: what was measured is kept and printed, and said to
be incomplete; the exit status is then 1. A second Ctrl-C ends it at once. Either
way, and after a kill or a full disk, punchlab bench --resume DIR goes on with the
trials that are missing, with all flags as they were. -o DIR --resume DIR begins the
run where it has not begun, and goes on with it where it has: one command line for
whoever starts it again, as batch systems do.

--until 2% goes on in each cell until the 95 % interval of its rate reaches no
further than 2 points from its middle: 93 trials where a pair always connects, 2398
where it does every other time. --trials is then the least, and --most the bound.

--shard 2/5 makes the second of five parts of the run, and punchlab merge joins
them. All parts need the same flags and the same --seed. Without the flag, a task of
a Slurm array is the part that SLURM_ARRAY_TASK_ID, _MIN, _STEP and _COUNT say, and a
pod of an indexed Kubernetes Job the one that JOB_COMPLETION_INDEX says; how many
there are Kubernetes does not tell its pods: set JOB_COMPLETIONS in their template.
--shard 1/1 is the whole run wherever it is made.

--sweep stagger=-2rtt..2rtt makes the trials of each pair and strategy at each of 17
values from one to the other, or of as many as are asked for (-2rtt..2rtt/9), in
turn, and shows between which of them the pair connects. What can be swept is
stagger, rtt, jitter, loss, cross-traffic, written as the flag of that name has it,
and syn-sent: for how many seconds the NATs in the slots a and b keep a mapping that
a SYN has made and nothing has answered. A list has commas: loss=0,1%,2%,5%.

--once leaves out half of a long run. In a topology whose sides are alike, A x B and
B x A are the same experiment, made twice without it.

--cross-traffic lets others open flows through both NATs meanwhile, at random
times that the seed draws. Ports that a NAT gives out one after the other can be
predicted only while nobody else takes any.

--jitter, --loss, --duplicate, --reorder, --rate and --mtu are what every link of
the lab does in either direction, unless the topology says otherwise. The seed of
a trial decides which packets are hit: the n-th of a direction has the same luck
in every trial with that seed. What links drop because they were told to is not
what a lab loses, and does not make a trial invalid. Before the trials, peers
measure their NATs over links that lose nothing.

--fault hits single packets, counted from the beginning of the trial:
  LINK up|down: drop|delay|duplicate|corrupt CLASS #N|#N-M|every
                [by DURATION] [from END] [to END]
CLASS is SYN, SYN-ACK, RST, FIN, ACK, data, UDP, ICMP, ICMP-time-exceeded or any.
END is a host, a NAT or an address, with :PORT behind it or not; a host behind a
NAT is also that NAT's addresses. Each trial tells how often a rule matched.

Strategies:
`

func newBench(c *common) *cobra.Command {
	var b benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure which pairs of NATs connect, and how fast",
		Long:  aboutBench + strategyList(),
		Example: `  punchlab bench
  punchlab bench --nat linux-masquerade,openwrt --trials 50 --rtt 100ms
  punchlab bench --nat-a openwrt --nat-b my-router.yaml --strategy auto,low-ttl,simultaneous-open -o results/
  punchlab bench --nat classic,./my-router.yaml --trials 3
  punchlab bench --topology double-nat --slot carrier=linux-random
  punchlab bench --nat-a apdm-sequential --nat-b openwrt --cross-traffic 20
  punchlab bench --loss 'p=1% r=25%' --jitter normal:5ms --rate 10mbit --queue 64kB
  punchlab bench --fault 'transit-a up: drop SYN #1 to bob' --fault 'transit-b down: delay RST every by 30ms'
  punchlab bench --stagger 0,0.25rtt,-1rtt --json
  punchlab bench --nat openwrt --strategy simultaneous-open --sweep stagger=-2rtt..2rtt
  punchlab bench --until 2% --most 1000
  punchlab bench --nat-a openwrt --nat-b openwrt --strategy all --pcap captures/
  punchlab bench --nat all --once --seed 1 --shard 2/5 -o shard-2
  punchlab bench --resume results/
  punchlab bench --nat all --seed 1 -o results/ --resume results/`,
		Args: noArguments,
		RunE: func(_ *cobra.Command, _ []string) error {
			if err := b.restore(); err != nil {
				return err
			}
			plan, err := b.plan(c)
			if err != nil {
				return err
			}
			manifest, err := b.part(&plan)
			if err != nil {
				return err
			}
			inLab(func(ctx context.Context) error { return runBench(ctx, &b, plan, manifest, c) })
			return nil
		},
	}
	b.define(cmd.Flags())
	return cmd
}

func (b *benchFlags) define(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.StringSliceVar(&b.nat, "nat", []string{"default"}, "`profiles` that are paired each with each: names, paths of YAML files, sets")
	flags.StringSliceVar(&b.natA, "nat-a", nil, "`profiles` of Alice's NAT, instead of --nat")
	flags.StringSliceVar(&b.natB, "nat-b", nil, "`profiles` of Bob's NAT, instead of --nat")
	flags.BoolVar(&b.once, "once", false, "each two of them meet once: not the other way round as well, where that is the same")
	flags.StringSliceVar(&b.strategies, "strategy", []string{"auto"}, "`strategies` to try, or all")
	b.register(flags)
	flags.IntVar(&b.trials, "trials", 10, "valid trials of each pair with each strategy")
	flags.Var(&b.until, "until", "go on until the 95 % interval of each rate is so far, in `percent`, from its middle at most")
	flags.IntVar(&b.most, "most", defaultMost, "with --until, trials of each pair with each strategy at most")
	flags.StringSliceVar(&b.staggers, "stagger", []string{"0"},
		"how much later than Alice Bob starts, from trial to trial: `durations`, or multiples of the round trip such as -0.25rtt")
	flags.StringVar(&b.observe, "observe", observeDoubtful, "`trials` of which every packet is recorded, so that a failure has its cause: "+
		strings.Join(observations, ", "))
	flags.StringVar(&b.pcap, "pcap", "", "write the packets of every trial to a capture file in this `folder`; all are observed then")
	flags.StringVar(&b.sweepText, "sweep", "",
		"a `range` or a list of values of one of "+strings.Join(results.SweepParameters(), ", ")+", such as stagger=-2rtt..2rtt, loss=0,1%,5%, or rtt=10ms..200ms/20")
	flags.BoolVar(&b.unclassified, "unclassified", false, "peers measure their NATs in every trial, and not once before all")
	flags.Var(&b.parallel, "parallel", fmt.Sprintf("`labs` side by side; auto: as many as the machine bears in time, up to %d", bench.DefaultParallel()))
	flags.StringVar(&b.shard, "shard", "", "make only this `part` of the run, such as 2/5 (default that of the Slurm array or the Kubernetes Job)")
	flags.StringVar(&b.resume, "resume", "", "go on with the run in this `folder`")
	flags.StringVarP(&b.output, "output", "o", "", "`folder` for the results (default "+defaultResults+"/TIME)")
	for _, lists := range []string{"nat", "strategy", "stagger"} {
		def := flags.Lookup(lists)
		def.DefValue = strings.Trim(def.DefValue, "[]") // as a user writes it
	}
}

// strategyList tells what strategies there are.
func strategyList() string {
	var pairs [][2]string
	for _, s := range punch.Strategies() {
		pairs = append(pairs, [2]string{s.Name(), s.Summary()})
	}
	return strings.TrimRight(entries("  ", pairs), "\n")
}

// maxTrials is more than any run needs, and keeps a slip of the finger from
// filling the disk.
const maxTrials = 1_000_000

// defaultMost is enough for --until 1% whatever the rate.
const defaultMost = 10_000

// plan checks all flags and makes a plan of the whole run.
func (b *benchFlags) plan(c *common) (bench.Plan, error) {
	profiles, layouts, err := c.catalogues()
	if err != nil {
		return bench.Plan{}, err
	}
	choice := &choice{catalogue: profiles}
	if b.trials < 1 || b.trials > maxTrials {
		choice.addf("--trials", "%d is not a number from 1 to %d", b.trials, maxTrials)
	}
	b.checkUntil(choice)
	b.mine = b.share(choice)
	b.checkObserve(choice)
	if len(b.staggers) == 0 {
		choice.add("--stagger", badStagger(""))
	}
	strategies := choice.strategies(b.strategies)
	where := b.nearest()
	at, ok := where.site(layouts, choice)
	var as, bs []natprofiles.Profile
	var axis *results.Sweep
	if ok {
		as, bs = b.pairs(at.topology, choice)
		axis = b.swept(at, choice)
		b.checkOnce(at, axis, choice)
	}
	b.checkFolder(choice)
	places := []place{{site: at}}
	if axis != nil && choice.err() == nil {
		places = b.places(*axis, layouts, choice)
	}
	if err := choice.err(); err != nil {
		return bench.Plan{}, err
	}
	cells, err := crossed(places, func(p place) ([]bench.Cell, error) {
		cells, err := bench.Cells(p.topology, p.timed(as), p.timed(bs), p.slots, strategies)
		p.equip(cells)
		if b.once {
			cells = bench.Once(cells)
		}
		return cells, err
	})
	return bench.Plan{
		Cells: cells, Trials: b.trials, Patience: b.patience, Staggers: at.staggers, Parallel: int(b.parallel),
		CrossTraffic: b.crossTraffic, Unclassified: b.unclassified, Observe: b.watched(), Sweep: axis,
		Until: float64(b.until), Most: b.bound(), Seed: b.seedOrRandom(),
	}, err
}

// bound is how many trials a cell gets at most; 0 where --trials says how many.
func (b *benchFlags) bound() int {
	if b.until == 0 {
		return 0
	}
	return b.most
}

func (b *benchFlags) checkUntil(c *choice) {
	switch {
	case b.flags.Changed("most") && b.until == 0:
		c.addf("--most", "bounds --until, which is missing; --trials says how many there are otherwise")
	case b.until != 0 && (b.most < b.trials || b.most > maxTrials):
		c.addf("--most", "%d is not a number from --trials %d to %d", b.most, b.trials, maxTrials)
	}
}

// checkOnce checks that a pair of NATs the other way round is the same experiment.
func (b *benchFlags) checkOnce(at site, axis *results.Sweep, c *choice) {
	if !b.once {
		return
	}
	for _, flag := range []string{"nat-a", "nat-b", "stagger", "fault"} {
		if b.flags.Changed(flag) {
			c.addf("--once", "--%s may treat the peers differently, so that a pair the other way round is not the same", flag)
		}
	}
	if axis != nil && axis.Parameter == results.SweepStagger {
		c.addf("--once", "a swept stagger treats the peers differently, so that a pair the other way round is not the same")
	}
	if !at.topology.Symmetric() {
		c.addf("--once", "topology %s is not the same for both peers, and so is no pair the other way round", at.topology.Name)
	}
}

// checkFolder checks the folder of a new run. That of a run that goes on is there.
func (b *benchFlags) checkFolder(c *choice) {
	switch {
	case b.before != nil:
	case b.output != "" || b.flags.Changed("output"):
		c.add("--output", probeFolder(b.output))
	default:
		c.add("--output", probeFolder(defaultResults))
	}
}

// part makes the manifest of what is to be run, and takes from the plan what others
// run or what is done already.
func (b *benchFlags) part(plan *bench.Plan) (results.Manifest, error) {
	if b.output == "" {
		b.output = timestamped(time.Now())
	}
	m := plan.Manifest(version(), b.options(plan.Seed))
	if b.mine.of > 0 {
		m = m.Share(b.mine.number, b.mine.of)
		if plan.Cells = own(plan.Cells, m); len(plan.Cells) == 0 {
			return m, misuse(fmt.Errorf("--shard: %s has nothing to do (%s): the run has fewer labs than that", b.mine, b.mine.from))
		}
	}
	if b.before != nil {
		return m, b.goesOn(plan, m)
	}
	return m, nil
}

// pairs finds the profiles that go into the slots a and b.
func (b *benchFlags) pairs(t topologies.Topology, c *choice) (as, bs []natprofiles.Profile) {
	both := b.flags.Changed("nat")
	apart := b.flags.Changed("nat-a") || b.flags.Changed("nat-b")
	if both && apart {
		c.addf("--nat", "fills both slots, which --nat-a and --nat-b fill one by one; give either --nat or those")
		return nil, nil
	}
	if apart {
		return c.varied(t, "a", b.natA), c.varied(t, "b", b.natB)
	}
	if both && len(slotNames(t)) == 0 {
		c.addf("--nat", "topology %s has no slot for a profile", t.Name)
	}
	all := c.profiles("--nat", b.nat)
	return all, all
}

// options are the flags as the manifest keeps them.
func (b *benchFlags) options(seed uint64) map[string]string {
	options := map[string]string{}
	b.flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "json" && f.Name != "resume" {
			options[f.Name] = recorded(f)
		}
	})
	options["seed"], options["output"], options["shard"] = fmt.Sprint(seed), b.output, b.mine.String()
	return options
}
