package specs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
)

// A spec that fails shows the ladder of a trial that surprised, and keeps its packets:
// in the folder PUNCHLAB_CAPTURES, or in one of its own among the temporary files, which
// is made when there is something to keep. What a NAT did can so be looked at where
// nobody can try again: in CI, or of a failure in a thousand.

// captures is that folder.
var captures = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("PUNCHLAB_CAPTURES"); dir != "" {
		return dir, os.MkdirAll(dir, 0o777)
	}
	return os.MkdirTemp("", "punchlab-captures-")
})

// ladderWidth is that of ladders in reports.
const ladderWidth = 120

// kept writes the packets and the story of a trial to the folder, and returns the
// story, with the file.
func kept(name string, o *bench.Observation) string {
	told := o.Story().Text(ladderWidth)
	file, err := writeCapture(name, o.WritePCAPNG)
	if err == nil {
		err = os.WriteFile(strings.TrimSuffix(file, ".pcapng")+".txt", []byte(told), 0o666)
	}
	if err != nil {
		return told + fmt.Sprintf("\nnot all that was seen was kept: %v\n", err)
	}
	return told + "\nthe packets are in " + file + "\n"
}

// writeCapture makes a capture file in the folder.
func writeCapture(name string, write func(io.Writer) error) (file string, err error) {
	dir, err := captures()
	if err != nil {
		return "", err
	}
	f, err := os.Create(filepath.Join(dir, fileName(name)+".pcapng"))
	if err != nil {
		return "", err
	}
	w := bufio.NewWriter(f)
	return f.Name(), errors.Join(write(w), w.Flush(), f.Close())
}

// fileName makes a file's name of a trial's, or of a sentence.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(",.-", r) {
			return r
		}
		return '_'
	}, name)
}

// trialName names a trial.
func trialName(t results.Trial) string { return fmt.Sprintf("%s,%d", t.Cell, t.Number) }

// keepIfFailed keeps what was seen of a trial if the spec fails, and shows it.
func keepIfFailed(name string, o *bench.Observation) {
	DeferCleanup(func() {
		if CurrentSpecReport().Failed() {
			show(kept(name, o))
		}
	})
}

// show adds a trial that surprised to the spec's report.
func show(story string) {
	AddReportEntry("a trial that surprised", "\n"+story, ReportEntryVisibilityFailureOrVerbose)
}

// surprises keeps one trial of each cell, for specs of many trials.
type surprises map[results.Cell]string

// add keeps a trial by what it tells of itself, unless the cell has one.
func (s surprises) add(t results.Trial) {
	if s[t.Cell] == "" && t.Story != "" {
		s[t.Cell] = t.Story + "\n(it was not observed, or is shown from its story: there is no capture)\n"
	}
}

// seen keeps the first trial of a cell of which there are packets.
func (s surprises) seen(t results.Trial, o *bench.Observation) {
	if !strings.Contains(s[t.Cell], ".pcapng") {
		s[t.Cell] = kept(trialName(t), o)
	}
}

// show shows those of some cells.
func (s surprises) show(cells ...results.Cell) {
	for _, c := range cells {
		if s[c] != "" {
			show(c.String() + "\n" + s[c])
		}
	}
}
