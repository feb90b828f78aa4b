package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
)

// captures is a folder of capture files, one for each trial.
type captures string

// captureName names the file of a trial: "two-nats,openwrt,eim-eif,auto,7.pcapng".
// No topology, profile or strategy has a comma in its name.
func captureName(t results.Trial) string {
	parts := []string{t.Topology}
	for _, name := range []results.Name{t.NATA, t.NATB} {
		if name != "" {
			parts = append(parts, string(name))
		}
	}
	if slots := t.Slots.String(); slots != "" {
		parts = append(parts, strings.ReplaceAll(slots, ", ", "+"))
	}
	return strings.Join(append(parts, t.Strategy, fmt.Sprint(t.Number)), ",") + ".pcapng"
}

// write writes the packets of a trial. A file is there whole or not at all; those of
// other trials stay.
func (dir captures) write(t results.Trial, seen *bench.Observation) (file string, err error) {
	file = filepath.Join(string(dir), captureName(t))
	defer func() {
		if err != nil {
			err = fmt.Errorf("--pcap: %s is missing: %w", file, cause(err))
		}
	}()
	if err := os.MkdirAll(string(dir), 0o777); err != nil {
		return file, err
	}
	f, err := os.CreateTemp(string(dir), ".punchlab-*")
	if err != nil {
		return file, err
	}
	w := bufio.NewWriter(f)
	err = errors.Join(seen.WritePCAPNG(w), w.Flush(), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return file, err
}
