package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/natprofiles"
)

// trialFlags are those of trial.
type trialFlags struct {
	setting
	natA, natB, strategy, stagger string
	explain, everything           bool
	pcap                          string
	captured                      bool // pcap was given

	replay       string
	again        *replay    // the trial of a run that is made again; nil for a new one
	first        bench.Cell // as it is at the first point of that run's sweep
	unclassified bool       // as that run was
}

func newTrial(c *common) *cobra.Command {
	var f trialFlags
	cmd := &cobra.Command{
		Use:   "trial",
		Short: "Run one trial and tell what happened",
		Long: `trial lets one pair of peers try once, in a lab of its own, and tells what each of
them saw; once more if the machine was too slow. The exit status is 1 if they did not connect.
` + aboutReplay + `
Strategies:
` + strategyList(),
		Example: `  punchlab trial --nat-a openwrt --nat-b linux-masquerade --strategy simultaneous-open
  punchlab trial --topology one-nat --nat-a linux-random --strategy direct --rtt 100ms
  punchlab trial --nat-a openwrt --nat-b openwrt --strategy simultaneous-open --stagger -0.5rtt --json
  punchlab trial --nat-a openwrt --nat-b openwrt --strategy simultaneous-open --explain
  punchlab trial --nat-a eim-eif --nat-b linux-random --pcap captures/
  punchlab trial --nat-a openwrt --nat-b openwrt --loss 5% --jitter normal:2ms --seed 7
  punchlab trial --nat-a openwrt --nat-b openwrt --fault 'transit-a up: drop SYN #1 to bob'
  punchlab trial --replay results/results.jsonl:17 --explain`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.captured = cmd.Flags().Changed("pcap")
			if err := f.replayed(cmd.Flags()); err != nil {
				return err
			}
			cell, stagger, err := f.cell(c)
			if err != nil {
				return err
			}
			inLab(func(ctx context.Context) error { return f.run(ctx, cell, stagger, c.json) })
			return nil
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.natA, "nat-a", "", "`profile` of Alice's NAT: a name, or the path of a YAML file")
	flags.StringVar(&f.natB, "nat-b", "", "`profile` of Bob's NAT")
	flags.StringVar(&f.strategy, "strategy", "auto", "the `strategy` to try")
	flags.StringVar(&f.stagger, "stagger", "0",
		"how much later than Alice Bob starts: a `duration`, or a multiple of the round trip such as -0.25rtt")
	flags.BoolVar(&f.explain, "explain", false, "draw what became of every packet, and say what decided")
	flags.BoolVar(&f.everything, "everything", false, "with --explain: leave no packet out, those to the rendezvous neither")
	flags.StringVar(&f.pcap, "pcap", "", "write all packets of all legs to a capture file in this `folder`")
	flags.StringVar(&f.replay, "replay", "", "make the trial of this `FILE:LINE` of a run again")
	f.register(flags)
	flags.Lookup("seed").Usage = "decides what links do to which packet; recorded with the trial (default random)"
	return cmd
}

// cell checks all flags and makes a cell of them. What is not as it was when the trial
// was first made is told.
func (f *trialFlags) cell(c *common) (bench.Cell, time.Duration, error) {
	there := *f
	cell, stagger, err := f.cellAt(c, f.again.own())
	if err != nil || f.again == nil {
		return cell, stagger, err
	}
	if err := f.again.check(cell); err != nil {
		return bench.Cell{}, 0, err
	}
	f.first, err = there.atFirst(c, cell)
	return cell, stagger, err
}

// cellAt makes a cell of all flags, at a point of a sweep if it is one.
func (f *trialFlags) cellAt(c *common, point results.Point) (bench.Cell, time.Duration, error) {
	profiles, layouts, err := c.catalogues()
	if err != nil {
		return bench.Cell{}, 0, err
	}
	choice := &choice{catalogue: profiles}
	swept, err := f.at(point)
	choice.add("--replay", err)
	f.staggers = []string{f.stagger}
	strategies := choice.strategies(one(f.strategy))
	if len(strategies) > 1 {
		choice.addf("--strategy", "a trial tries one strategy; want one of %s", strings.Join(strategyNames(), ", "))
	}
	at, ok := f.site(layouts, choice)
	var as, bs []natprofiles.Profile
	if ok {
		as, bs = choice.varied(at.topology, "a", one(f.natA)), choice.varied(at.topology, "b", one(f.natB))
	}
	if f.everything && !f.explain {
		choice.addf("--everything", "says how much --explain draws, which is not there")
	}
	if f.captured {
		if err := probeWriting(f.pcap); err != nil {
			choice.addf("--pcap", "%v", err)
		}
	}
	if len(as) > 1 || len(bs) > 1 {
		choice.addf("--nat-a, --nat-b", "a trial has one profile in each slot; bench takes several")
	}
	if err := choice.err(); err != nil {
		return bench.Cell{}, 0, err
	}
	cells, err := bench.Cells(at.topology, swept.timed(as), swept.timed(bs), at.slots, strategies)
	if err != nil {
		return bench.Cell{}, 0, err
	}
	at.equip(cells)
	cells[0].Point = swept.Point
	return cells[0], at.staggers[0], nil
}

// one is the list of a word, or of nothing.
func one(word string) []string {
	if word == "" {
		return nil
	}
	return []string{word}
}

// run runs the trial and tells it.
func (f *trialFlags) run(ctx context.Context, cell bench.Cell, stagger time.Duration, asJSON bool) error {
	if f.again != nil {
		f.again.tell(f.first)
	}
	attempt, err := f.try(ctx, cell, stagger)
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(os.Stdout, attemptJSON(attempt))
	} else {
		err = write(os.Stdout, attemptPage(attempt)+f.explained(attempt))
	}
	if err == nil && f.captured {
		var file string
		if file, err = captures(f.pcap).write(attempt.Trial, attempt.Seen); err == nil {
			fmt.Fprintf(os.Stderr, "punchlab: the packets are in %s\n", file)
		}
	}
	if err == nil && attempt.Outcome != results.Connected {
		err = errTold
	}
	return err
}

// explained is the trial's story as far as it was asked for.
func (f *trialFlags) explained(a bench.Attempt) string {
	if !f.explain {
		return ""
	}
	told := a.Seen.Story()
	if f.everything {
		told = told.Everything()
	}
	return "\n" + told.Text(pageWidth(os.Stdout)) + "\n"
}

// try runs the trial in a lab of its own.
func (f *trialFlags) try(ctx context.Context, cell bench.Cell, stagger time.Duration) (_ bench.Attempt, err error) {
	place, err := openSite(ctx, cell)
	if err != nil {
		return bench.Attempt{}, err
	}
	defer func() { err = errors.Join(err, failed(place.Close())) }()
	seed := f.seedOrRandom()
	if f.crossTraffic != 0 {
		err = place.CrossTraffic(ctx, f.crossTraffic, f.trafficSeed(cell, seed))
	}
	var attempt bench.Attempt
	if err == nil {
		attempt, err = place.TryUntilValid(ctx, bench.TryOptions{
			Patience: f.patience, Stagger: stagger, Seed: seed, Unclassified: f.unclassified, Observe: true,
		}, tellSpoilt)
	}
	if f.again != nil {
		attempt.Number = f.again.trial.Number
	}
	if err != nil {
		err = fmt.Errorf("trial: %w", advised(err))
	}
	return attempt, err
}

// tellSpoilt says why a trial is made again.
func tellSpoilt(a bench.Attempt) {
	fmt.Fprintf(os.Stderr, "punchlab: the trial is made again: %s\n", a.Why)
}

// trafficSeed is what the gaps between foreign flows are drawn from: the trial's seed, or
// what it was in a run.
func (f *trialFlags) trafficSeed(c bench.Cell, seed uint64) uint64 {
	if f.again != nil {
		return bench.Plan{Seed: f.again.manifest.Seed}.TrafficSeed(c)
	}
	return seed
}
