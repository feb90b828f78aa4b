package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// share is which part of a run this process makes: number of so many. The zero
// share is the whole run.
type share struct {
	number, of int
	from       string // what said so, as messages name it
}

func (s share) String() string {
	if s.of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.number, s.of)
}

// parseShare reads "2/5".
func parseShare(word string) (s share, err error) {
	number, of, ok := strings.Cut(word, "/")
	s.number, err = strconv.Atoi(number)
	if err == nil {
		s.of, err = strconv.Atoi(of)
	}
	if !ok || err != nil || s.number < 1 || s.of < 1 || s.number > s.of || s.of > results.MaxShards {
		return share{}, fmt.Errorf("%s is not a part such as 2/5: a number from 1 on, and how many parts there are, at most %d",
			strictyaml.Quote(word), results.MaxShards)
	}
	s.from = "--shard"
	return s, nil
}

// What Kubernetes sets in a pod of an indexed Job, and what its template has to set.
const (
	podIndex = "JOB_COMPLETION_INDEX"
	podCount = "JOB_COMPLETIONS"
)

// surroundings finds the part that a batch system wants of this process, if it runs
// in one. Slurm numbers the tasks of an array and says how many there are. An indexed
// Job of Kubernetes sets JOB_COMPLETION_INDEX, from 0 on, and nothing tells a pod how
// many there are: JOB_COMPLETIONS must be set in the pod's template.
func surroundings(env func(string) string) (share, error) {
	switch {
	case env("SLURM_ARRAY_TASK_ID") != "":
		return slurmShare(env)
	case env(podIndex) != "" && env(podCount) != "":
		return shareOf(env, podIndex, podCount, 0, 1)
	case env(podIndex) != "":
		return share{}, fmt.Errorf("%s is set, and %s is not: "+
			"set it to the completions of the Job, or say --shard 1/1 for the whole run", podIndex, podCount)
	}
	return share{}, nil
}

// slurmShare takes arrays that begin anywhere and have steps, and none with gaps.
func slurmShare(env func(string) string) (share, error) {
	first, step := 0, 1
	for name, to := range map[string]*int{"SLURM_ARRAY_TASK_MIN": &first, "SLURM_ARRAY_TASK_STEP": &step} {
		if env(name) == "" {
			continue
		}
		n, err := strconv.Atoi(env(name))
		if err != nil || n < 0 || to == &step && n < 1 {
			return share{}, fmt.Errorf("%s=%s is not a number of Slurm's", name, strictyaml.Quote(env(name)))
		}
		*to = n
	}
	return shareOf(env, "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", first, step)
}

// shareOf reads an index, which counts from first in steps, and a count.
func shareOf(env func(string) string, index, count string, first, step int) (share, error) {
	i, err := strconv.Atoi(env(index))
	of, countErr := strconv.Atoi(env(count))
	number := (i-first)/step + 1
	if err != nil || countErr != nil || i < first || (i-first)%step != 0 || number > of || of > results.MaxShards {
		return share{}, fmt.Errorf("%s=%s is not one of %s=%s from %d on in steps of %d: name the part with --shard, 1/1 for the whole run",
			index, strictyaml.Quote(env(index)), count, strictyaml.Quote(env(count)), first, step)
	}
	return share{number, of, index}, nil
}

// share finds the part that the flag or the surroundings ask for. A flag wins; where
// neither says anything, a run that goes on stays the part that it is.
func (b *benchFlags) share(c *choice) share {
	var s share
	var err error
	if b.flags.Changed("shard") {
		s, err = parseShare(b.shard)
	} else {
		s, err = surroundings(os.Getenv)
	}
	if began := b.began(); err == nil && s.of == 0 && began != "" {
		s, err = parseShare(began)
		s.from = "--resume"
	}
	c.add("--shard", err)
	if s.of == 1 {
		return share{} // the whole run
	}
	if s.of > 1 && !b.flags.Changed("seed") {
		c.addf("--seed", "missing: the shards of a run have one seed, and this is shard %s (%s)", s, s.from)
	}
	return s
}

// began is the part that a run was when it began; empty for the whole, or a new one.
func (b *benchFlags) began() string {
	if b.before == nil {
		return ""
	}
	return b.before.run.Manifest.Options["shard"]
}

// own keeps the cells of a plan that a manifest has.
func own(all []bench.Cell, m results.Manifest) []bench.Cell {
	mine := map[results.Cell]bool{}
	for _, c := range m.Cells {
		mine[c] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(c bench.Cell) bool { return !mine[c.Key()] })
}
