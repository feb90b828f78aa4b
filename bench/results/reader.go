package results

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Run is a results file as it was read.
type Run struct {
	Manifest Manifest
	Trials   []Trial // in the order of the file, which is that of their ends

	// CutLine is the number of the last line if it was cut short, as by a
	// kill or a full disk, and 0 otherwise. Its trial is lost, the others
	// are whole. Whole is how many bytes the lines that end make up.
	CutLine int
	Whole   int64

	// Unknown names the fields that this version does not know, since a newer
	// one wrote the file: those of the manifest with "manifest." before them.
	// Those of trials are kept in them.
	Unknown []string
}

// LineError is a line that is not a trial.
type LineError struct {
	Line int // counted from 1, the manifest
	Err  error
}

// Error is one line, whatever the number of faults.
func (e *LineError) Error() string {
	return fmt.Sprintf("line %d: %s", e.Line, strings.ReplaceAll(e.Err.Error(), "\n", "; "))
}

// Unwrap gives what is wrong with the line.
func (e *LineError) Unwrap() error { return e.Err }

// maxLineErrors bounds how many broken lines are told one by one.
const maxLineErrors = 10

// Read reads a results file. Broken lines do not hide the whole ones: the run
// that is returned holds every trial that could be read, and the error joins
// a [LineError] for each line that could not. Without a manifest there is no
// run. A last line that was cut is no error; Run.CutLine tells of it.
func Read(r io.Reader) (Run, error) {
	lines := bufio.NewReader(r)
	first, err := lines.ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return Run{}, fmt.Errorf("results: %w", err)
	}
	manifest, err := readManifest(first)
	if err != nil {
		return Run{}, fmt.Errorf("results: %w", &LineError{1, err})
	}
	run := Run{Manifest: manifest, Whole: int64(len(first)), Unknown: unknownOfManifest(first)}
	if err := run.readTrials(lines); err != nil {
		return run, fmt.Errorf("results: %w", err)
	}
	return run, nil
}

func readManifest(line []byte) (Manifest, error) {
	if len(line) == 0 {
		return Manifest{}, errors.New("no manifest: the file is empty")
	}
	var first manifestLine
	if err := json.Unmarshal(line, &first); err != nil {
		return Manifest{}, fmt.Errorf("no manifest: %w", err)
	}
	switch {
	case first.Manifest == nil:
		return Manifest{}, errors.New(`no manifest: the first line must be {"manifest": …}`)
	case first.Manifest.Format > Format:
		return Manifest{}, fmt.Errorf("format %d is newer than this version reads (%d)", first.Manifest.Format, Format)
	}
	return *first.Manifest, first.Manifest.Shard.check(len(first.Manifest.Cells))
}

// readTrials reads all lines after the first, whose number is 2.
func (r *Run) readTrials(lines *bufio.Reader) error {
	var broken []error
	more := 0
	defer r.nameUnknown()
	for number := 2; ; number++ {
		line, readErr := lines.ReadBytes('\n')
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return errors.Join(append(broken, readErr)...)
		}
		last := readErr != nil
		if last && len(line) == 0 {
			break
		}
		if !last {
			r.Whole += int64(len(line))
		}
		t, err := readTrial(line)
		switch {
		case err == nil:
			r.Trials = append(r.Trials, t)
		case last:
			r.CutLine = number
		case len(broken) < maxLineErrors:
			broken = append(broken, &LineError{number, err})
		default:
			more++
		}
		if last {
			break
		}
	}
	if more > 0 {
		broken = append(broken, fmt.Errorf("and %d more broken lines", more))
	}
	return errors.Join(broken...)
}

func readTrial(line []byte) (Trial, error) {
	var t Trial
	if err := json.Unmarshal(line, &t); err != nil {
		return Trial{}, err
	}
	if !understood(line, new(Trial)) {
		t.Unknown = unknown(line, trialFields)
	}
	return t, t.check()
}
