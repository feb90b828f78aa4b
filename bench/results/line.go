package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Line reads the manifest and one trial of a results file, by the number of its line:
// that of the manifest is 1. A line that a newer version wrote is an error, since what
// this one does not know may have decided what came of the trial.
func Line(r io.Reader, number int) (Manifest, Trial, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return Manifest{}, Trial{}, err
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	m, err := readManifest(lines[0])
	if err == nil {
		err = newer(unknownOfManifest(lines[0]))
	}
	switch {
	case err != nil:
		return Manifest{}, Trial{}, &LineError{1, err}
	case number == 1:
		return Manifest{}, Trial{}, &LineError{1, errors.New("the manifest, and no trial")}
	case number < 1 || number > len(lines):
		return Manifest{}, Trial{}, fmt.Errorf("there is no line %d: trials are in lines 2 to %d", number, len(lines))
	}
	t, err := readTrial(lines[number-1])
	if err == nil {
		err = newer(slices.Sorted(maps.Keys(t.Unknown)))
	}
	if err != nil {
		return Manifest{}, Trial{}, &LineError{number, err}
	}
	return m, t, nil
}

// newer is the error about fields that only a newer version knows.
func newer(unknown []string) error {
	if len(unknown) == 0 {
		return nil
	}
	return fmt.Errorf("a newer version wrote it, with what this one does not know: %s", strings.Join(unknown, ", "))
}
