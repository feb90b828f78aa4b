package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// resultsFile is the file in a results folder that all others come from.
const resultsFile = "results.jsonl"

// defaultResults is the folder that results folders without a name go to.
const defaultResults = "punchlab-results"

// timestamped names a results folder after the moment when its run began.
func timestamped(now time.Time) string {
	return filepath.Join(defaultResults, now.UTC().Format("20060102T150405.000Z"))
}

// probeFolder finds out whether a results file can be made in dir, by trying,
// and leaves nothing behind. The folder need not exist.
func probeFolder(dir string) error {
	if dir == "" {
		return errors.New("the name of the folder is empty")
	}
	file := filepath.Join(dir, resultsFile)
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s exists already, and is not overwritten: choose another folder", file)
	}
	return probeWriting(dir)
}

// probeWriting finds out whether files can be made in dir, which need not exist.
func probeWriting(dir string) error {
	existing, about, err := ancestor(dir)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", dir, cause(err))
	case !about.IsDir():
		return fmt.Errorf("%s is not a folder", existing)
	}
	probe, err := os.CreateTemp(existing, ".punchlab-*")
	if err != nil {
		return fmt.Errorf("%s: cannot write to %s: %w", dir, existing, cause(err))
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// ancestor is the nearest folder above dir that exists, or dir itself.
func ancestor(dir string) (string, fs.FileInfo, error) {
	for {
		about, err := os.Stat(dir)
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return dir, about, err
		}
		dir = filepath.Dir(dir)
	}
}

// createResults makes the folder and an empty results file in it, and does not
// overwrite one.
func createResults(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("--output: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, resultsFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("--output: %w", err)
	}
	if err := alone(f); err != nil {
		return nil, fmt.Errorf("--output: %s: %w", f.Name(), errors.Join(err, f.Close()))
	}
	return f, nil
}

// cause drops the path from a file error: the message has one already.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
