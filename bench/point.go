package bench

import (
	"slices"
	"time"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

// Point is where on a sweep a cell is: the value that it has of the parameter that the
// plan varies. Links and timers have it already, in the cell's topology and profiles.
type Point struct {
	results.Point

	// Staggers and CrossTraffic are what trials of the cell have in the place of the
	// plan's.
	Staggers     []time.Duration
	CrossTraffic float64
}

// ownLab says whether cells of one pair need a lab for each point. Links change between
// two trials; NATs with another timer are other NATs.
func (p Point) ownLab() bool { return p.Parameter == results.SweepSYNSent }

// staggers are those of a cell's trials.
func (p Plan) staggers(c Cell) []time.Duration {
	if c.Point.Swept() {
		return c.Point.Staggers
	}
	return p.Staggers
}

// stagger is the stagger of one of them.
func (p Plan) stagger(c Cell, trial int) time.Duration {
	all := p.staggers(c)
	if len(all) == 0 {
		return 0
	}
	return all[trial%len(all)]
}

// crossTraffic is how many flows begin in a second during a cell's trials.
func (p Plan) crossTraffic(c Cell) float64 {
	if c.Point.Swept() {
		return c.Point.CrossTraffic
	}
	return p.CrossTraffic
}

// relink has the links of the site's lab do what another topology says, which differs
// from its own by nothing else.
func (s *Site) relink(c Cell) error {
	for i, n := range c.Topology.Nodes {
		if n.Link == s.cell.Topology.Nodes[i].Link {
			continue
		}
		if err := s.lab.SetLink(n.Name, n.Link); err != nil {
			return err
		}
	}
	return nil
}

// sameNodes tells whether two topologies differ by nothing but what links do.
func (c Cell) sameNodes(other Cell) bool {
	return slices.EqualFunc(c.Topology.Nodes, other.Topology.Nodes, func(x, y topologies.Node) bool {
		x.Link, y.Link = links.Link{}, links.Link{}
		return x == y
	})
}
