package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/punchlab/punchlab/bench/results"
)

// loaded is a results file that was read.
type loaded struct {
	path   string // of the file
	size   int64  // when it was read
	run    results.Run
	broken error // that some lines are no trials; nil where there are none
	notes  []string
}

// load reads the results in a folder, or a results file. What is whole of it is
// used; the notes tell what is not, and what a newer version has added.
func load(where string) (loaded, error) {
	l := loaded{path: where}
	if about, err := os.Stat(where); err == nil && about.IsDir() {
		l.path = filepath.Join(where, resultsFile)
	}
	text, err := os.ReadFile(l.path)
	if err != nil {
		return l, misuse(fmt.Errorf("%s: %w", l.path, cause(err)))
	}
	l.size = int64(len(text))
	l.run, err = results.Read(bytes.NewReader(text))
	if err != nil && l.run.Whole == 0 { // not even a manifest
		return l, misuse(fmt.Errorf("%s: %w", l.path, err))
	}
	if err != nil {
		l.broken = failed(fmt.Errorf("%s: some lines are no trials, and are left out", l.path))
		for line := range strings.Lines(err.Error()) {
			l.notes = append(l.notes, strings.TrimRight(line, "\n"))
		}
	}
	if l.run.CutLine > 0 {
		l.notes = append(l.notes, fmt.Sprintf("line %d was cut short; its trial is lost", l.run.CutLine))
	}
	if len(l.run.Unknown) > 0 {
		l.notes = append(l.notes, "a newer version wrote fields that this one does not know, and does not use: "+
			strings.Join(l.run.Unknown, ", "))
	}
	return l, nil
}

// tell writes the notes to stderr.
func (l *loaded) tell() {
	for _, note := range l.notes {
		fmt.Fprintf(os.Stderr, "punchlab: %s: %s\n", l.path, note)
	}
}

// loadAll reads several and tells their notes, or all that cannot be read.
func loadAll(where ...string) ([]loaded, error) {
	var all []loaded
	var errs []error
	for _, w := range where {
		l, err := load(w)
		all, errs = append(all, l), append(errs, err)
		l.tell()
	}
	return all, misuse(errors.Join(errs...))
}

// folders is for verbs that are told which results folders they are about.
func folders(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most > 0 && len(args) > most {
			return fmt.Errorf("%s wants %s, and got %s (%s --help shows how)", cmd.CommandPath(), what,
				counted(len(args), "argument"), cmd.CommandPath())
		}
		return nil
	}
}
