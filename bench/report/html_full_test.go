package report

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/bench/story"
	"github.com/punchlab/punchlab/natprofiles"
)

// full is a run as large as they get: all shipped profiles with each other by auto,
// ten trials each, and a ladder of the first success and the first failure of each
// cell. Outcomes are drawn; the ladders are those that package story is tested
// with, each with ports and times of its own.
var full = sync.OnceValues(func() (results.Run, error) {
	draw := rand.New(rand.NewPCG(1, 2))
	scenes, err := scenes()
	if err != nil {
		return results.Run{}, err
	}
	run := results.Run{Manifest: results.Manifest{
		Format: 1, Version: "v0.1.0", Kernel: "6.12.0", Seed: 7, Trials: 10, Started: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC),
		Options:  map[string]string{"nat": "all", "strategy": "auto", "trials": "10", "rtt": "40ms"},
		Profiles: map[string]string{}, Topologies: map[string]string{"two-nats": "sha256:0123456789abcdef"},
	}}
	all := natprofiles.All()
	for i, a := range all {
		run.Manifest.Profiles[a.Name] = "sha256:" + fmt.Sprintf("%016x", draw.Uint64())
		for j, b := range all {
			cell := results.Cell{Topology: "two-nats", NATA: results.Name(a.Name), NATB: results.Name(b.Name), Strategy: "auto"}
			run.Manifest.Cells = append(run.Manifest.Cells, cell)
			run.Trials = append(run.Trials, drawn(cell, [...]float64{1, 1, 1, 1, 1, .9, .4, 0}[(i*j+i+j)%8], scenes, draw)...)
		}
	}
	return run, nil
})

func drawn(cell results.Cell, rate float64, scenes []string, draw *rand.Rand) []results.Trial {
	causes := []story.Cause{story.CrossedTooLate, story.WrongPort, story.NoWay, story.Filtered, story.HoleRefused}
	told := map[results.Outcome]bool{}
	var all []results.Trial
	for n := range 10 {
		t := results.Trial{
			Cell: cell, Number: n, Seed: draw.Uint64N(1 << 53), Outcome: results.Failed, RTTMS: new(40.1),
			SYNs: 1 + draw.IntN(40), Packets: 20 + draw.Int64N(100),
		}
		if draw.Float64() < rate {
			t.Outcome, t.Via = results.Connected, []string{"simultaneous-open", "open-filter", "sequential", "birthday"}[draw.IntN(4)]
			t.ConnectMS = new(60 + 40*draw.ExpFloat64())
		} else {
			t.Cause = string(causes[draw.IntN(len(causes))])
			t.Why = fmt.Sprintf("alice's SYN reached nat-b %.1f ms before bob's own SYN left port %d; nat-b answered RST; alice's socket was refused",
				20*draw.Float64(), 1024+draw.IntN(60000))
		}
		if !told[t.Outcome] {
			told[t.Outcome] = true
			t.Story = vary(scenes[draw.IntN(len(scenes))], draw)
		}
		all = append(all, t)
	}
	return all
}

// scenes are the ladders that package story is tested with.
func scenes() (all []string, err error) {
	files, err := filepath.Glob("../story/testdata/*-120.txt")
	for _, file := range files {
		text, readErr := os.ReadFile(file)
		err = cmp.Or(err, readErr)
		all = append(all, string(text))
	}
	if len(all) == 0 {
		err = cmp.Or(err, os.ErrNotExist)
	}
	return all, err
}

var (
	portOrTime = regexp.MustCompile(`\b\d{4,5}\b|\d+\.\d\b`)
	dotted     = regexp.MustCompile(`^\d+\.\d$`)
)

// vary gives a ladder other ports, the same ones wherever it had one, and other times.
func vary(ladder string, draw *rand.Rand) string {
	ports := map[string]string{}
	return portOrTime.ReplaceAllStringFunc(ladder, func(old string) string {
		if dotted.MatchString(old) {
			return fmt.Sprintf("%s%d", old[:len(old)-1], draw.IntN(10))
		}
		if ports[old] == "" {
			ports[old] = fmt.Sprint(10000 + draw.IntN(50000))[:len(old)]
		}
		return ports[old]
	})
}

// fullPage writes the page of the full run.
func fullPage(t testing.TB) (results.Run, string) {
	t.Helper()
	run, err := full()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "report.html")
	begun := time.Now()
	err = replace(path, func(f io.Writer) error { return writeHTML(f, Subject{Run: run, Path: "results/results.jsonl"}) })
	if err != nil {
		t.Fatal(err)
	}
	about, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d cells, %d trials: %d bytes, written in %s", len(run.Manifest.Cells), len(run.Trials), about.Size(), time.Since(begun).Round(time.Millisecond))
	return run, path
}
