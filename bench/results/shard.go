package results

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Shard says which part of a run this is.
type Shard struct {
	// Numbers are those of the shard, from 1 to Of: one, or those that were
	// merged so far.
	Numbers []int `json:"numbers"`
	Of      int   `json:"of"`

	// Places are where the cells of the manifest stand in the plan of the whole
	// run, which has so many as Planned.
	Places  []int `json:"places"`
	Planned int   `json:"planned"`
}

// String is for people: "2/5".
func (s Shard) String() string { return numbers(s.Numbers, ",") + fmt.Sprintf("/%d", s.Of) }

// MaxShards is how many shards a run may have.
const MaxShards = 10_000

// check says what cannot be right about the shard of a manifest with so many cells.
func (s *Shard) check(cells int) error {
	switch {
	case s == nil:
		return nil
	case s.Of < 1 || s.Of > MaxShards || len(s.Numbers) == 0:
		return fmt.Errorf("shard: %s is not one of 1 to %d", s, MaxShards)
	case slices.Min(s.Numbers) < 1 || slices.Max(s.Numbers) > s.Of:
		return fmt.Errorf("shard: %s is not from 1 to %d", s, s.Of)
	case len(s.Places) != cells:
		return fmt.Errorf("shard: %d places for %d cells", len(s.Places), cells)
	}
	return nil
}

// Share is the part of a whole run's manifest that belongs to shard number of so
// many. Labs are dealt out in turn: cells that differ by their strategy alone stay
// together, since they share a lab, and every shard has some of all topologies. So do
// the points of a sweep: one machine measures the whole curve of a pair.
func (m Manifest) Share(number, of int) Manifest {
	share := &Shard{Numbers: []int{number}, Of: of, Planned: len(m.Cells)}
	labs := map[Cell]int{}
	var own []Cell
	for place, cell := range m.Cells {
		lab := cell.Lab()
		if _, known := labs[lab]; !known {
			labs[lab] = len(labs)
		}
		if labs[lab]%of == number-1 {
			own, share.Places = append(own, cell), append(share.Places, place)
		}
	}
	m.Cells, m.Shard = own, share
	return m
}

// Part is a run that is to be joined with others, and the name that messages
// have for it.
type Part struct {
	Name string
	Run  Run
}

// Merge joins the shards of a run. Parts of different runs, a shard that is given
// twice, and missing ones unless they may be, are errors, all told at once. What
// comes out has the cells in the order of the plan, and is itself a shard if some
// are missing.
func Merge(parts []Part, partial bool) (Run, error) {
	if len(parts) == 0 {
		return Run{}, errors.New("merge: no parts")
	}
	if err := ofOneRun(parts); err != nil {
		return Run{}, err
	}
	parts = slices.SortedStableFunc(slices.Values(parts), func(x, y Part) int {
		return slices.Compare(x.Run.Manifest.Shard.Numbers, y.Run.Manifest.Shard.Numbers)
	})
	merged := Run{Manifest: parts[0].Run.Manifest}
	merged.Manifest.Shard = join(parts)
	merged.Manifest.Cells = inPlan(parts)
	if missing := merged.Manifest.Shard.missing(); len(missing) == 0 {
		merged.Manifest.Shard = nil
	} else if !partial {
		return Run{}, fmt.Errorf("merge: %s missing, of %d; --partial merges without", shards(missing), merged.Manifest.Shard.Of)
	}
	var kernels []string
	for _, p := range parts {
		merged.Trials = append(merged.Trials, p.Run.Trials...)
		merged.Manifest.Started = earlier(merged.Manifest.Started, p.Run.Manifest.Started)
		if k := p.Run.Manifest.Kernel; !slices.Contains(kernels, k) {
			kernels = append(kernels, k)
		}
	}
	merged.Manifest.Kernel = strings.Join(kernels, ", ")
	return merged, nil
}

func earlier(x, y time.Time) time.Time {
	if y.Before(x) {
		return y
	}
	return x
}

// ofOneRun tells all that keeps parts from being joined.
func ofOneRun(parts []Part) error {
	var errs []error
	first := parts[0]
	given := map[int]string{}
	for _, p := range parts {
		m := p.Run.Manifest
		switch {
		case m.Shard == nil:
			errs = append(errs, fmt.Errorf("merge: %s is a whole run, and no shard of one", p.Name))
			continue
		case m.Run != first.Run.Manifest.Run:
			errs = append(errs, fmt.Errorf("merge: %s is of another run than %s: %s", p.Name, first.Name, first.Run.Manifest.differing(m)))
			continue
		case first.Run.Manifest.Shard != nil && m.Shard.Of != first.Run.Manifest.Shard.Of:
			errs = append(errs, fmt.Errorf("merge: %s is shard %s, and %s is shard %s", p.Name, m.Shard, first.Name, first.Run.Manifest.Shard))
			continue
		}
		for _, n := range m.Shard.Numbers {
			if other, twice := given[n]; twice {
				errs = append(errs, fmt.Errorf("merge: shard %d/%d is given twice: %s and %s", n, m.Shard.Of, other, p.Name))
			}
			given[n] = p.Name
		}
	}
	return errors.Join(errs...)
}

// differing tells what makes two runs different ones, in one line.
func (m Manifest) differing(o Manifest) string {
	var all []string
	for _, d := range m.Differences(o) {
		all = append(all, d.String())
	}
	if len(all) == 0 {
		return "their cells differ"
	}
	return strings.Join(all, "; ")
}

func join(parts []Part) *Shard {
	of := parts[0].Run.Manifest.Shard
	all := &Shard{Of: of.Of, Planned: of.Planned}
	for _, p := range parts {
		all.Numbers = append(all.Numbers, p.Run.Manifest.Shard.Numbers...)
		all.Places = append(all.Places, p.Run.Manifest.Shard.Places...)
	}
	slices.Sort(all.Numbers)
	slices.Sort(all.Places)
	return all
}

// inPlan puts the cells of all parts in the order of the plan.
func inPlan(parts []Part) []Cell {
	at := map[int]Cell{}
	var places []int
	for _, p := range parts {
		for i, place := range p.Run.Manifest.Shard.Places {
			at[place] = p.Run.Manifest.Cells[i]
			places = append(places, place)
		}
	}
	slices.Sort(places)
	var cells []Cell
	for _, place := range places {
		cells = append(cells, at[place])
	}
	return cells
}

func (s *Shard) missing() (missing []int) {
	for n := 1; n <= s.Of; n++ {
		if !slices.Contains(s.Numbers, n) {
			missing = append(missing, n)
		}
	}
	return missing
}

// shards names some: "shard 2 is", "shards 2, 4 are".
func shards(n []int) string {
	if len(n) == 1 {
		return fmt.Sprintf("shard %d is", n[0])
	}
	return "shards " + numbers(n, ", ") + " are"
}

func numbers(of []int, between string) string {
	words := make([]string, len(of))
	for i, n := range of {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, between)
}
