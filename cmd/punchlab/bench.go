package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

// benchFlags are those of bench.
type benchFlags struct {
	setting
	nat, natA, natB  []string
	strategies       []string
	trials, parallel int
	unclassified     bool
	output           string
}

const aboutBench = `bench runs trials of every pair of NATs with every strategy, each pair in a lab
of its own. It prints a table for each strategy: how many trials connected, and
the median time that they took. Every trial is kept in the file results.jsonl of
the results folder as it ends.

Without flags the profiles of the set default meet each other, and each itself,
between two NATs, ten times by auto, which chooses for each pair. That takes less
than a minute.
Sets such as classes and real hold more profiles (punchlab nat list).

--parallel labs run side by side. Pairs that cannot connect spend their patience
waiting, so that many labs at once keep a run short; with too many the machine
delivers packets late, and trials in which it does are invalid and made again.
A lab holds about 30 open files, and many are kept until the end of the run. If
"too many open files" are the answer, raise the limit: ulimit -n 8192.

Ctrl-C ends the run cleanly: what was measured is kept and printed, and said to
be incomplete; the exit status is then 1. A second Ctrl-C ends it at once.

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
  punchlab bench --stagger 0,0.25rtt,-1rtt --json`,
		Args: noArguments,
		RunE: func(_ *cobra.Command, _ []string) error {
			plan, err := b.plan(c)
			if err != nil {
				return err
			}
			inLab(func(ctx context.Context) error { return runBench(ctx, &b, plan, c.json) })
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
	flags.StringSliceVar(&b.strategies, "strategy", []string{"auto"}, "`strategies` to try, or all")
	b.register(flags)
	flags.IntVar(&b.trials, "trials", 10, "valid trials of each pair with each strategy")
	flags.StringSliceVar(&b.staggers, "stagger", []string{"0"},
		"how much later than Alice Bob starts, from trial to trial: `durations`, or multiples of the round trip such as -0.25rtt")
	flags.BoolVar(&b.unclassified, "unclassified", false, "peers measure their NATs in every trial, and not once before all")
	flags.IntVar(&b.parallel, "parallel", 0, fmt.Sprintf("labs side by side; 0: %d on this machine", bench.DefaultParallel()))
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

// plan checks all flags and makes a plan of them, which has no seed yet.
func (b *benchFlags) plan(c *common) (bench.Plan, error) {
	profiles, layouts, err := c.catalogues()
	if err != nil {
		return bench.Plan{}, err
	}
	choice := &choice{catalogue: profiles}
	if b.trials < 1 || b.trials > maxTrials {
		choice.addf("--trials", "%d is not a number from 1 to %d", b.trials, maxTrials)
	}
	if b.parallel < 0 {
		choice.addf("--parallel", "%d is not 0 or more", b.parallel)
	}
	if len(b.staggers) == 0 {
		choice.add("--stagger", badStagger(""))
	}
	strategies := choice.strategies(b.strategies)
	at, ok := b.site(layouts, choice)
	var as, bs []natprofiles.Profile
	if ok {
		as, bs = b.pairs(at.topology, choice)
	}
	if b.output != "" || b.flags.Changed("output") {
		choice.add("--output", probeFolder(b.output))
	} else {
		choice.add("--output", probeFolder(defaultResults))
	}
	if err := choice.err(); err != nil {
		return bench.Plan{}, err
	}
	cells, err := bench.Cells(at.topology, as, bs, at.slots, strategies)
	at.equip(cells)
	return bench.Plan{
		Cells: cells, Trials: b.trials, Patience: b.patience, Staggers: at.staggers, Parallel: b.parallel,
		CrossTraffic: b.crossTraffic, Unclassified: b.unclassified,
	}, err
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
func (b *benchFlags) options(seed uint64, dir string) map[string]string {
	options := map[string]string{}
	b.flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "json" {
			options[f.Name] = strings.Trim(f.Value.String(), "[]")
		}
	})
	options["seed"], options["output"] = fmt.Sprint(seed), dir
	return options
}
