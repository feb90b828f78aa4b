package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
)

// begun plans as bench does with these flags, up to where labs would be built.
func begun(t *testing.T, args ...string) (*benchFlags, bench.Plan, results.Manifest, error) {
	t.Helper()
	var b benchFlags
	cmd := newBench(&common{})
	cmd.ResetFlags()
	b.define(cmd.Flags())
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if err := b.restore(); err != nil {
		return &b, bench.Plan{}, results.Manifest{}, err
	}
	plan, err := b.plan(&common{})
	if err != nil {
		return &b, plan, results.Manifest{}, err
	}
	m, err := b.part(&plan)
	return &b, plan, m, err
}

// kept writes a results file in which every cell but the last has its trials, and
// the last has one of two.
func kept(t *testing.T, m results.Manifest) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, resultsFile)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := results.NewWriter(f, m)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range m.Cells {
		for n := range m.Trials {
			if i == len(m.Cells)-1 && n > 0 {
				continue
			}
			if err := w.Write(results.Trial{Cell: c, Number: 3 * n, Outcome: results.Failed, Cause: "silence", Story: "alice …"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir, path
}

var flagsOfARun = []string{
	"--topology", "double-nat", "--nat-a", "openwrt,none", "--nat-b", "linux-random", "--slot", "carrier=rfc6888-cgn",
	"--strategy", "auto,relay", "--stagger", "0,0.25rtt,-1rtt", "--trials", "2", "--until", "10%", "--seed", "5", "--rtt", "60ms",
	"--patience", "3s", "--cross-traffic", "20", "--unclassified",
}

// Nothing but the folder needs to be said: all flags are as they were, and only what
// is missing is run, from where it was left.
func TestARunGoesOnAsItBegan(t *testing.T) {
	_, first, m, err := begun(t, append(flagsOfARun, "-o", filepath.Join(t.TempDir(), "new"))...)
	if err != nil {
		t.Fatal(err)
	}
	m.Until, m.Most, m.Options["until"] = 0, 0, "" // so that two trials are enough
	m.Run = m.Identity()
	dir, _ := kept(t, m)
	_, plan, again, err := begun(t, "--resume", dir)
	if err != nil {
		t.Fatal(err)
	}
	if again.Run != m.Run || plan.Patience != first.Patience || !slices.Equal(plan.Staggers, first.Staggers) || plan.Seed != 5 {
		t.Errorf("%+v\nbegan as %+v", plan, first)
	}
	last := m.Cells[len(m.Cells)-1]
	if len(plan.Cells) != 1 || plan.Cells[0].Key() != last {
		t.Fatalf("%d cells are left", len(plan.Cells))
	}
	if b := plan.Begun[last]; b.Tally != (results.Tally{Trials: 1}) || b.Next != 1 || !b.Told[results.Failed] {
		t.Errorf("%+v", b)
	}
	if _, _, _, err := begun(t, "--resume", dir, "--parallel", "3", "--seed", "5", "--slot", "carrier=rfc6888-cgn"); err != nil {
		t.Errorf("the same flags again: %v", err)
	}
	_, _, _, err = begun(t, "--resume", dir, "--slot", "carrier=none", "--seed", "6")
	if got := fmt.Sprint(err); !strings.Contains(got, `--slot: the run in `) || !strings.Contains(got, `--seed: the run in `) {
		t.Errorf("%v", err)
	}
}

// An interval that is still too wide is a reason to go on.
func TestARunGoesOnUntilItIsNarrow(t *testing.T) {
	_, _, m, err := begun(t, append(flagsOfARun, "-o", filepath.Join(t.TempDir(), "new"))...)
	if err != nil {
		t.Fatal(err)
	}
	dir, _ := kept(t, m)
	_, plan, _, err := begun(t, "--resume", dir)
	if err != nil || len(plan.Cells) != len(m.Cells) || plan.Until != 0.1 || plan.Most != defaultMost {
		t.Errorf("%d of %d cells, until %v, %v", len(plan.Cells), len(m.Cells), plan.Until, err)
	}
}

// A shard goes on as that shard, whatever the batch system says now.
func TestAShardGoesOn(t *testing.T) {
	args := append(flagsOfARun[:len(flagsOfARun):len(flagsOfARun)], "-o", filepath.Join(t.TempDir(), "new"), "--shard", "2/2")
	_, first, m, err := begun(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Cells) != 2 || m.Shard == nil || len(m.Cells) != 2 {
		t.Fatalf("%d cells, shard %v", len(first.Cells), m.Shard)
	}
	dir, _ := kept(t, m)
	b, _, again, err := begun(t, "--resume", dir)
	if err != nil || again.Shard.String() != "2/2" || b.mine.String() != "2/2" {
		t.Errorf("shard %v, %v", again.Shard, err)
	}
	t.Setenv("SLURM_ARRAY_TASK_ID", "0")
	t.Setenv("SLURM_ARRAY_TASK_COUNT", "2")
	if _, _, _, err := begun(t, "--resume", dir); err == nil || !strings.Contains(err.Error(), "is shard 2/2, and this is 1/2") {
		t.Errorf("%v", err)
	}
}

// The file ends with a whole line before anything is appended.
func TestReopenMends(t *testing.T) {
	_, _, m, err := begun(t, append(flagsOfARun, "-o", filepath.Join(t.TempDir(), "new"))...)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]struct {
		of   func(string) string
		lost int
	}{
		"whole":                   {func(s string) string { return s }, 0},
		"the last line cut":       {func(s string) string { return s[:len(s)-40] }, 1},
		"only the end of it lost": {func(s string) string { return s[:len(s)-1] }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir, path := kept(t, m)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(change.of(string(whole))), 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := load(dir)
			if err != nil {
				t.Fatal(err)
			}
			f, err := reopen(&l)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := reopen(&l); err == nil || !strings.Contains(err.Error(), "another run is writing it") {
				t.Errorf("a second run may write it: %v", err)
			}
			more := results.Trial{Cell: m.Cells[0], Number: 99, Outcome: results.Failed}
			if err := results.Resume(f).Write(more); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			again, err := load(dir)
			want := strings.Count(string(whole), "\n") - 1 - change.lost + 1
			if err != nil || again.broken != nil || again.run.CutLine != 0 || len(again.run.Trials) != want {
				t.Errorf("%d trials, want %d; %v, %v", len(again.run.Trials), want, again.notes, err)
			}
		})
	}
}

func TestSurroundings(t *testing.T) {
	tests := map[string]struct {
		env  map[string]string
		want string // or the error's beginning
	}{
		"nothing":              {nil, ""},
		"an array from 0":      {map[string]string{"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_COUNT": "4"}, "1/4"},
		"an array from 1":      {map[string]string{"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "4"}, "4/4"},
		"an array with steps":  {map[string]string{"SLURM_ARRAY_TASK_ID": "6", "SLURM_ARRAY_TASK_MIN": "2", "SLURM_ARRAY_TASK_STEP": "4", "SLURM_ARRAY_TASK_COUNT": "3"}, "2/3"},
		"a job of one":         {map[string]string{"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "7", "SLURM_ARRAY_TASK_COUNT": "1"}, "1/1"},
		"an index of a Job":    {map[string]string{"JOB_COMPLETION_INDEX": "2", "JOB_COMPLETIONS": "3"}, "3/3"},
		"an array with gaps":   {map[string]string{"SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "3"}, `SLURM_ARRAY_TASK_ID="9" is not one of`},
		"an array without end": {map[string]string{"SLURM_ARRAY_TASK_ID": "9"}, `SLURM_ARRAY_TASK_ID="9" is not one of`},
		"a Job without number": {map[string]string{"JOB_COMPLETION_INDEX": "2"}, "JOB_COMPLETION_INDEX is set, and JOB_COMPLETIONS is not"},
	}
	for name, test := range tests {
		s, err := surroundings(func(name string) string { return test.env[name] })
		if got := s.String(); err == nil && got != test.want || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %s, %v; want %s", name, got, err, test.want)
		}
	}
}
