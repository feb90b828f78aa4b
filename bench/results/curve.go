package results

import (
	"cmp"
	"slices"
)

// Curve is how often one pair connected by one strategy, and how fast, at each point
// of a sweep.
type Curve struct {
	Cell         // without a point
	Sweep Sweep  `json:"-"`
	Spots []Spot `json:"-"` // by rising number
}

// Spot is a point of a curve.
type Spot struct {
	Number float64 // in the unit of the sweep
	Summary
}

// Curves are those of a run that sweeps a parameter, in the order of its cells. Cells
// whose point the manifest does not know are on none.
func (r Run) Curves() (all []Curve) {
	at := map[Cell]int{}
	for _, s := range r.Summaries() {
		number, known := r.Manifest.Sweep.Number(s.Point)
		if !known {
			continue
		}
		of := s.Cell
		of.Point = Point{}
		i, begun := at[of]
		if !begun {
			i = len(all)
			at[of], all = i, append(all, Curve{Cell: of, Sweep: *r.Manifest.Sweep})
		}
		all[i].Spots = append(all[i].Spots, Spot{number, s})
	}
	for _, c := range all {
		slices.SortStableFunc(c.Spots, func(x, y Spot) int { return cmp.Compare(x.Number, y.Number) })
	}
	return all
}

// measured are the spots that have a trial that counts.
func (c Curve) measured() (all []Spot) {
	for _, s := range c.Spots {
		if s.Trials > 0 {
			all = append(all, s)
		}
	}
	return all
}

// Window is a range of a parameter in which at least one half of the trials connect.
type Window struct {
	From Edge `json:"from"`
	To   Edge `json:"to"`
}

// Edge is one end of a window, in the unit of the sweep.
type Edge struct {
	// At is where the straight line between two neighbouring points crosses one half;
	// where the window is open, the first or the last point that was measured.
	At float64 `json:"at"`
	// Open says that the sweep ends before the window does.
	Open bool `json:"open"`

	// Outside and Inside are the nearest points of which the trials show, with the
	// confidence of their intervals, that less and that more than one half connect:
	// the edge is between them. Nil where no point shows it.
	Outside *float64 `json:"outside"`
	Inside  *float64 `json:"inside"`
}

// half is the rate at which a window begins and ends.
const half = 0.5

// Windows are where the pair connects in at least one half of the trials. That there
// is one, and where it ends, is as uncertain as the rates are: [Edge] has by how much.
func (c Curve) Windows() (all []Window) {
	spots := c.measured()
	for i := 0; i < len(spots); i++ {
		if !inWindow(spots[i]) {
			continue
		}
		last := i
		for last+1 < len(spots) && inWindow(spots[last+1]) {
			last++
		}
		all = append(all, Window{edge(spots, i, last, -1), edge(spots, last, i, +1)})
		i = last
	}
	return all
}

func inWindow(s Spot) bool { return s.Tally().Rate() >= half }

// edge is the end of a window at the spot first, seen outwards in the direction of way.
// The other end of the window is at the spot far.
func edge(spots []Spot, first, far, way int) Edge {
	inner := spots[first]
	e := Edge{At: inner.Number}
	for i := first; i*way >= far*way; i -= way {
		if spots[i].Interval.Low > half {
			e.Inside = new(spots[i].Number)
			break
		}
	}
	next := first + way
	if next < 0 || next >= len(spots) {
		e.Open = true
		return e
	}
	outer := spots[next]
	rate := outer.Tally().Rate()
	e.At += (outer.Number - inner.Number) * (inner.Tally().Rate() - half) / (inner.Tally().Rate() - rate)
	for i := next; i >= 0 && i < len(spots) && (i == next || !inWindow(spots[i])); i += way {
		if spots[i].Interval.High < half {
			e.Outside = new(spots[i].Number)
			break
		}
	}
	return e
}
