package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
)

// notRestored are flags that a run that goes on may have otherwise than when it began,
// or that say where it is.
var notRestored = []string{"output", "resume", "parallel", "shard"}

// restore reads the run that is to go on, and gives every flag the value that it
// began with. A flag that is given with another value is an error.
func (b *benchFlags) restore() error {
	if b.resume == "" && !b.flags.Changed("resume") {
		return nil
	}
	same := b.flags.Changed("output") && filepath.Clean(b.output) == filepath.Clean(b.resume)
	if same {
		if begun, err := begunIn(b.resume); err != nil || !begun {
			return misuse(err)
		}
	}
	l, err := load(b.resume)
	if err != nil {
		return misuse(fmt.Errorf("--resume: %w", err))
	}
	var p problems
	if b.flags.Changed("output") && !same {
		p.addf("--output", "a run that goes on stays in its folder; leave it out, or name %s to begin there where nothing has begun", b.resume)
	}
	m := l.run.Manifest
	if m.Run == "" {
		p.addf("--resume", "%s was written by a version that could not go on with a run", l.path)
	}
	b.flags.VisitAll(func(f *pflag.Flag) {
		began, known := m.Options[f.Name]
		switch {
		case !known || slices.Contains(notRestored, f.Name):
		case f.Changed && recorded(f) != began:
			p.addf("--"+f.Name, "the run in %s began with %q, and goes on with that; leave out %q", b.resume, began, recorded(f))
		case !f.Changed && recorded(f) != began:
			p.add("--"+f.Name, set(b.flags, f, began))
		}
	})
	b.before = &l
	return p.err()
}

// begunIn tells whether a run has begun in a folder: its file has a first line then. A
// file with less of it is of a run that was killed before its first trial, and is taken
// away, so that the run can begin.
func begunIn(dir string) (begun bool, err error) {
	const head = `{"manifest":`
	path := filepath.Join(dir, resultsFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("--resume: %w", err)
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadString('\n')
	if err == nil || !strings.HasPrefix(line, head) && !strings.HasPrefix(head, line) {
		return true, nil // or something else, which is for others to refuse
	}
	if errors.Is(err, io.EOF) {
		err = alone(f)
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		err = fmt.Errorf("--resume: %s: %w", path, cause(err))
	}
	return false, err
}

// recorded is the value of a flag as manifests have it.
func recorded(f *pflag.Flag) string { return strings.Trim(f.Value.String(), "[]") }

// set gives a flag a recorded value.
func set(flags *pflag.FlagSet, f *pflag.Flag, value string) error {
	list, is := f.Value.(pflag.SliceValue)
	if !is {
		return flags.Set(f.Name, value)
	}
	var words []string
	if value != "" {
		var err error
		if words, err = csv.NewReader(strings.NewReader(value)).Read(); err != nil { // as pflag wrote it
			return fmt.Errorf("recorded as %q: %w", value, err)
		}
	}
	f.Changed = true
	return list.Replace(words)
}

// goesOn checks that a plan is that of the run before, and leaves out what is done.
func (b *benchFlags) goesOn(plan *bench.Plan, m results.Manifest) error {
	before := b.before.run
	switch {
	case before.Manifest.Run != m.Run:
		var differ []string
		for _, d := range before.Manifest.Differences(m) {
			differ = append(differ, d.String())
		}
		if len(differ) == 0 {
			differ = []string{"other cells"}
		}
		return misuse(fmt.Errorf("--resume: %s is of another run, whose trials must not be mixed with new ones (then and now: %s)",
			b.before.path, strings.Join(differ, "; ")))
	case fmt.Sprint(before.Manifest.Shard) != fmt.Sprint(m.Shard):
		return misuse(fmt.Errorf("--resume: %s is shard %v, and this is %v", b.before.path, shardName(before.Manifest), shardName(m)))
	}
	plan.Begun = before.Begun()
	goal := m.Goal()
	plan.Cells = slices.DeleteFunc(plan.Cells, func(c bench.Cell) bool { return goal.Ended(plan.Begun[c.Key()].Tally) })
	return nil
}

func shardName(m results.Manifest) string {
	if m.Shard == nil {
		return "the whole run"
	}
	return m.Shard.String()
}

// reopen opens the results file of a run that goes on, to append to it. A last line
// that was cut short is taken away; one that only lacks its end gets it.
func reopen(l *loaded) (*os.File, error) {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, fmt.Errorf("--resume: %w", err)
	}
	if err := mend(f, l); err != nil {
		return nil, fmt.Errorf("--resume: %s: %w", l.path, errors.Join(cause(err), f.Close()))
	}
	return f, nil
}

// mend makes the file end with a whole line, once nobody else can write it.
func mend(f *os.File, l *loaded) error {
	if err := alone(f); err != nil {
		return err
	}
	about, err := f.Stat()
	switch {
	case err != nil:
		return err
	case about.Size() != l.size:
		return errors.New("it has changed since it was read; try again")
	case l.run.CutLine > 0:
		return f.Truncate(l.run.Whole)
	case l.size > l.run.Whole:
		_, err = f.WriteString("\n")
	}
	return err
}

// alone makes sure that no other process writes the file, until it is closed.
func alone(f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("another run is writing it (%w)", err)
	}
	return nil
}
