package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// replay is a trial of a run that is to be made again.
type replay struct {
	from     string // FILE:LINE
	manifest results.Manifest
	trial    results.Trial
}

const aboutReplay = `
--replay results.jsonl:LINE makes a trial of a run again: line 2 is the first. All that
was chosen is as it was: topology, profiles, strategy, stagger, links, faults, patience,
the point of a sweep, the rate of cross traffic and the gaps between its flows. The seed
decides what links do to the n-th packet of each direction. What it does not repeat: the
ports and sequence numbers that the kernel draws, the engine's secrets, nonces and the
order of its guesses, when exactly a packet leaves, and so which one is the n-th; and where
the trial was in the run's cross traffic. Where profiles, topology, version or kernel are
not those of the run, it says so.
`

// ownOfReplay are the flags that a trial that is made again may have of its own.
var ownOfReplay = []string{"replay", "explain", "everything", "pcap", "json", "profiles", "topologies"}

// ofCell are options of a run that its cells and trials say better.
var ofCell = []string{"nat", "nat-a", "nat-b", "slot", "strategy", "stagger", "seed"}

// replayed reads the trial that is to be made again, if one is, and gives every flag the
// value that it had then.
func (f *trialFlags) replayed(flags *pflag.FlagSet) error {
	if !flags.Changed("replay") {
		return nil
	}
	var p problems
	flags.Visit(func(flag *pflag.Flag) {
		if !slices.Contains(ownOfReplay, flag.Name) {
			p.addf("--"+flag.Name, "is what it was with --replay; leave it out")
		}
	})
	var err error
	if f.again, err = readReplay(f.replay); err != nil {
		p.add("--replay", err)
	}
	if err := p.err(); err != nil {
		return err
	}
	known := newBench(&common{}).Flags()
	for _, name := range slices.Sorted(maps.Keys(f.again.manifest.Options)) {
		value, flag := f.again.manifest.Options[name], flags.Lookup(name)
		switch {
		case slices.Contains(ofCell, name) || flag != nil && flag.Changed:
		case flag != nil && recorded(flag) != value:
			p.add("--replay: --"+name+" of the run", set(flags, flag, value))
		case flag == nil && known.Lookup(name) == nil:
			p.addf("--replay", "the run was made with --%s %s, which this version does not know", name, value)
		}
	}
	p.add("--replay", f.again.fill(f))
	return p.err()
}

// readReplay finds the trial that FILE:LINE names; FILE may be a results folder.
func readReplay(where string) (*replay, error) {
	file, line, ok := cutLast(where, ":")
	number, err := strconv.Atoi(line)
	if !ok || file == "" || err != nil {
		return nil, fmt.Errorf("%s is not a results file and the number of a line, such as results/results.jsonl:2", strictyaml.Quote(where))
	}
	if about, err := os.Stat(file); err == nil && about.IsDir() {
		file = filepath.Join(file, resultsFile)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, cause(err))
	}
	defer f.Close()
	r := &replay{from: fmt.Sprintf("%s:%d", file, number)}
	if r.manifest, r.trial, err = results.Line(f, number); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// cutLast cuts a word around the last separator in it.
func cutLast(word, separator string) (before, after string, found bool) {
	i := strings.LastIndex(word, separator)
	if i < 0 {
		return word, "", false
	}
	return word[:i], word[i+len(separator):], true
}

// fill gives the flags what the trial itself says.
func (r *replay) fill(f *trialFlags) error {
	t := r.trial
	f.natA, f.natB, f.strategy = r.word(string(t.NATA)), r.word(string(t.NATB)), t.Strategy
	for slot, name := range t.Slots.Map() {
		f.slots = append(f.slots, slot+"="+r.word(name))
	}
	f.stagger = time.Duration(t.StaggerMS * float64(time.Millisecond)).Round(time.Microsecond).String()
	var err error
	if unclassified := r.manifest.Options["unclassified"]; unclassified != "" {
		f.unclassified, err = strconv.ParseBool(unclassified)
	}
	return errors.Join(err, f.flags.Set("seed", fmt.Sprint(t.Seed)))
}

// own is the point of the run's sweep at which the trial was; the zero Point if there was
// no sweep, or no run.
func (r *replay) own() results.Point {
	if r == nil {
		return results.Point{}
	}
	return r.trial.Point
}

// first is the point of the sweep that the run's manifest has the profiles and the
// topology of.
func (r *replay) first() results.Point {
	if axis := r.manifest.Sweep; axis != nil && len(axis.Values) > 0 {
		return results.Point{Parameter: axis.Parameter, Value: axis.Values[0].Text}
	}
	return r.own()
}

// at has the setting be what it was at a point of a sweep, if it is one.
func (s *setting) at(swept results.Point) (p place, err error) {
	if !swept.Swept() {
		return p, nil
	}
	scale, known := scales[swept.Parameter]
	if !known {
		return p, fmt.Errorf("the run swept %s, which this version does not know", swept.Parameter)
	}
	if err := scale.set(s, &p, swept.Value); err != nil {
		return p, fmt.Errorf("%s: %w", swept, err)
	}
	s.swept = swept.Parameter
	p.Point.Point = swept
	return p, nil
}

// atFirst is the cell of the trial at the first point of the run's sweep, which what the
// manifest says is compared with.
func (f *trialFlags) atFirst(c *common, cell bench.Cell) (bench.Cell, error) {
	first := f.again.first()
	if first == cell.Point.Point {
		return cell, nil
	}
	cell, _, err := f.cellAt(c, first)
	return cell, err
}

// word is what the run's command line called a profile: the path of its file, or its name.
func (r *replay) word(name string) string {
	for _, option := range []string{"nat", "nat-a", "nat-b", "slot"} {
		for word := range strings.SplitSeq(r.manifest.Options[option], ",") {
			if _, profile, filled := strings.Cut(word, "="); filled && option == "slot" {
				word = profile
			}
			base := filepath.Base(word)
			if ext := filepath.Ext(base); ext != "" && strings.TrimSuffix(base, ext) == name {
				return word
			}
		}
	}
	return name
}

// check refuses a cell that is not the one of the run: what makes the difference may be
// known to a newer version alone.
func (r *replay) check(c bench.Cell) error {
	if r != nil && c.Key() != r.trial.Cell {
		return misuse(fmt.Errorf("--replay: %s is a trial of %s, and here it would be one of %s", r.from, r.trial.Cell, c.Key()))
	}
	return nil
}

// tell writes to stderr what is made again and what is not as it was, by the cell at the
// first point of the run's sweep, if it had one.
func (r *replay) tell(first bench.Cell) {
	t := r.trial
	then := fmt.Sprintf("then it was %s", t.Outcome)
	if t.ConnectMS != nil {
		then += fmt.Sprintf(" after %.1f ms", *t.ConnectMS)
	}
	if how := cmp.Or(t.Via, t.Cause); how != "" {
		then += " (" + how + ")"
	}
	fmt.Fprintf(os.Stderr, "punchlab: trial %d of %s again, of %s; %s\n", t.Number, t.Cell, t.At.UTC().Format(time.DateTime), then)
	for _, d := range r.differences(first) {
		fmt.Fprintf(os.Stderr, "punchlab: not as it was: %s\n", d)
	}
	fmt.Fprintln(os.Stderr, "punchlab: the seed repeats what links do; ports, sequence numbers and the engine's secrets are drawn anew")
}

// differences tells what is not as it was: then and now.
func (r *replay) differences(c bench.Cell) (all []string) {
	then, now := r.manifest, bench.Plan{Cells: []bench.Cell{c}}.Manifest(version(), nil)
	add := func(what, was, is string) {
		if was != "" && was != is {
			all = append(all, fmt.Sprintf("%s: %s, and now %s", what, was, is))
		}
	}
	add("version", then.Version, now.Version)
	if !slices.Contains(strings.Split(then.Kernel, ", "), now.Kernel) { // shards may have had several
		add("kernel", then.Kernel, now.Kernel)
	}
	for _, part := range []struct {
		what      string
		then, now map[string]string
	}{{"profile ", then.Profiles, now.Profiles}, {"topology ", then.Topologies, now.Topologies}} {
		for _, name := range slices.Sorted(maps.Keys(part.now)) {
			add(part.what+name, cmp.Or(part.then[name], "unknown"), part.now[name])
		}
	}
	return all
}
