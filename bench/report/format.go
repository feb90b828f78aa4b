package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/punchlab/punchlab/bench/expect"
	"github.com/punchlab/punchlab/bench/populations"
	"github.com/punchlab/punchlab/bench/results"
)

// Subject is what a report is about: a run, what was expected of it, and what
// follows from it that the results file alone does not tell.
type Subject struct {
	Run      results.Run
	Path     string // of the results file, as the report names it
	Verdicts []expect.Verdict

	// Expected is what the run's strategies are worth to populations that were asked
	// for. Shipped is the same of those that nobody asked for: only formats that
	// have room for it tell it, as far as enough was measured.
	Expected []populations.Expectation
	Shipped  []populations.Expectation

	// Changed is a sentence about profiles of the run that are others now; empty
	// where all are what they were.
	Changed string

	// Again are the flags of punchlab trial, beside those that name a cell, with
	// which a trial is like those of the run.
	Again []string
}

// Format is one way of telling about a run: a file of a results folder that is
// derived from results.jsonl. There is one Go file for each, which registers it.
type Format struct {
	Name  string // as a command line has it
	File  string // in the folder
	About string
	Write func(io.Writer, Subject) error
}

var formats []Format

// register adds a format; every format's file calls it once.
func register(f Format) { formats = append(formats, f) }

// Formats are all formats, by name.
func Formats() []Format {
	return slices.SortedFunc(slices.Values(formats), func(x, y Format) int { return strings.Compare(x.Name, y.Name) })
}

// Folder writes every format to its file in dir, and the drawings of a sweep. A file that is there is replaced,
// when the new one is whole and not before: a disk that is full leaves old files
// or none, and never half of one. The error then tells which could not be written.
func Folder(dir string, s Subject) error {
	for i, f := range Formats() {
		if err := replace(filepath.Join(dir, f.File), func(w io.Writer) error { return f.Write(w, s) }); err != nil {
			var missing []string
			for _, left := range Formats()[i:] {
				missing = append(missing, left.File)
			}
			return fmt.Errorf("%w; not written: %s", err, strings.Join(missing, ", "))
		}
	}
	return drawAll(dir, s.Run)
}

// replace writes a file beside path and then puts it in its place.
func replace(path string, write func(io.Writer) error) error {
	// The new file has the rights that any new file has, which CreateTemp does not give.
	beside := fmt.Sprintf("%s.%d.tmp", path, os.Getpid())
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err = write(f); err == nil {
		err = f.Sync() // some disks say only now that they are full
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		_ = os.Remove(beside)
		return err
	}
	return nil
}

// put writes a text that was made in memory.
func put(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
