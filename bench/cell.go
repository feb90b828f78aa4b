// Package bench repeats trials: two hosts of a lab, one strategy, and what
// came of it. It is the one library package that knows both the harness and
// the engine.
package bench

import (
	"errors"
	"fmt"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

// The slots that a cell varies.
const slotA, slotB = "a", "b"

// Cell is what trials are repeated of: a topology with a profile in every
// slot, and a strategy.
type Cell struct {
	Topology topologies.Topology
	NATs     harness.NATs
	Strategy punch.Strategy

	// Emulation is what makes the links.
	Emulation harness.Emulation
	// Faults hit single packets of every trial, which are counted from its
	// beginning.
	Faults []links.Fault

	// Point is where on a sweep the cell is; the zero Point where nothing is swept.
	Point Point
}

// Key names the cell as results files do.
func (c Cell) Key() results.Cell {
	further := map[string]string{}
	for slot, p := range c.NATs {
		if slot != slotA && slot != slotB {
			further[slot] = p.Name
		}
	}
	return results.Cell{
		Topology: c.Topology.Name,
		NATA:     results.Name(c.NATs[slotA].Name),
		NATB:     results.Name(c.NATs[slotB].Name),
		Slots:    results.SlotsOf(further),
		Strategy: c.Strategy.Name(),
		Point:    c.Point.Point,
	}
}

// Cells crosses profiles and strategies: every profile of as in slot a with
// every one of bs in slot b, under every strategy. A topology without slot b
// takes no bs, one without any slot neither; further slots are filled from
// slots, or from the topology's defaults. The order is that of the arguments,
// strategies outermost.
func Cells(t topologies.Topology, as, bs []natprofiles.Profile, slots harness.NATs, strategies []punch.Strategy) ([]Cell, error) {
	further, err := fill(t, slots)
	if err != nil {
		return nil, err
	}
	var cells []Cell
	for _, s := range strategies {
		for _, a := range choices(t, slotA, as) {
			for _, b := range choices(t, slotB, bs) {
				nats := harness.NATs{}
				for _, fillings := range []harness.NATs{further, a, b} {
					for slot, p := range fillings {
						nats[slot] = p
					}
				}
				cells = append(cells, Cell{Topology: t, NATs: nats, Strategy: s})
			}
		}
	}
	return cells, nil
}

// Once leaves out the cells that are others the other way round: those whose NATs in the
// slots a and b are of another cell before them in the slots b and a. In a topology that is
// symmetric ([topologies.Topology.Symmetric]), and with peers that start alike, they are the
// same experiment.
func Once(cells []Cell) (all []Cell) {
	met := map[results.Cell]bool{}
	for _, c := range cells {
		key := c.Key()
		met[key] = true
		if key.NATA != key.NATB {
			key.NATA, key.NATB = key.NATB, key.NATA
			if met[key] {
				continue
			}
		}
		all = append(all, c)
	}
	return all
}

// choices are the ways to fill a slot: one way, with nothing, if the topology
// does not have it.
func choices(t topologies.Topology, slot string, profiles []natprofiles.Profile) []harness.NATs {
	if !has(t, slot) {
		return []harness.NATs{nil}
	}
	var all []harness.NATs
	for _, p := range profiles {
		all = append(all, harness.NATs{slot: p})
	}
	return all
}

func has(t topologies.Topology, slot string) bool {
	for _, s := range t.Slots() {
		if s.Name == slot {
			return true
		}
	}
	return false
}

// fill gives the slots beyond a and b the profiles that were asked for, or
// their defaults.
func fill(t topologies.Topology, asked harness.NATs) (harness.NATs, error) {
	filled, err := harness.Defaults(t)
	errs := []error{err}
	for slot, p := range asked {
		if slot == slotA || slot == slotB || !has(t, slot) {
			errs = append(errs, fmt.Errorf("topology %s has no further slot %q", t.Name, slot))
		}
		filled[slot] = p
	}
	return filled, errors.Join(errs...)
}
