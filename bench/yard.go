package bench

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// yard is where labs wait that no cell uses: for a cell that needs the same NATs
// in the same topology, under another strategy or at another point of a sweep, or
// else for the end of the run. Building a lab costs as much as several trials. Taking
// one down keeps the kernel busy for milliseconds at a time, on a processor that a trial
// may need (net/core/net_namespace.c, cleanup_net). It may be used by several goroutines.
type yard struct {
	mu     sync.Mutex
	parked []*Site // the longest waiting first
}

// mostParked is how many labs wait at most. Each costs about a megabyte, and one that
// has been watched five more until it is unwatched, which takes some milliseconds: so
// few of these remain.
const (
	mostParked  = 256
	mostWatched = 32
)

// filesPerLab is more than the descriptors that a lab has open between trials, one that
// has been watched too; filesPerUnwatched is more than those of one that has not been: 40 and
// 60 were counted in a carrier topology, 29 and 44 in one of two NATs.
const filesPerLab, filesPerUnwatched = 72, 48

// files is more than so many labs of a plan have open.
func (p Plan) files(labs int) int64 {
	if p.Observe == ObserveNone {
		return int64(labs) * filesPerUnwatched
	}
	return int64(labs) * filesPerLab
}

// parkingSpace is how many labs may be parked: a quarter of the open files that
// this process may have are for them, and the rest for labs in use.
func parkingSpace() int { return int(min(mostParked, fileLimit()/4/filesPerLab)) }

// site is a site for the cell: one that waits, with its own lab or with another one
// that can be refitted, or a new one.
func (y *yard) site(ctx context.Context, c Cell) (*Site, error) {
	s, err := y.take(c), error(nil)
	if s == nil {
		s, err = y.refitted(c)
	}
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return Open(ctx, c)
	}
	if err := s.use(ctx, c); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// take returns a site that waits with the cell's lab, or nil.
func (y *yard) take(c Cell) *Site {
	y.mu.Lock()
	defer y.mu.Unlock()
	i := slices.IndexFunc(y.parked, func(s *Site) bool { return s.cell.sameLab(c) })
	if i < 0 {
		return nil
	}
	s := y.parked[i]
	y.parked = slices.Delete(y.parked, i, i+1)
	return s
}

// refitted returns a site that waits, with the cell's NATs in its lab, or nil. As long as
// there is room, none is refitted: its own cell may want it again.
func (y *yard) refitted(c Cell) (*Site, error) {
	s := y.takeFitting(c)
	if s == nil {
		return nil, nil
	}
	fits, err := s.refit(c)
	if fits && err == nil {
		return s, nil
	}
	return nil, errors.Join(err, s.Close())
}

// takeFitting returns the site that needs the fewest other NATs to be one of the cell's, and
// of those the one that has waited longest; nil if there is room or none fits. A NAT that
// stays costs nothing, and its host knows it already.
func (y *yard) takeFitting(c Cell) *Site {
	y.mu.Lock()
	defer y.mu.Unlock()
	if len(y.parked) < parkingSpace() {
		return nil
	}
	best, fewest := -1, 0
	for i, s := range y.parked {
		if others, fits := s.cell.otherNATs(c); fits && (best < 0 || others < fewest) && s.cell.samePlace(c) {
			best, fewest = i, others
		}
	}
	if best < 0 {
		return nil
	}
	s := y.parked[best]
	y.parked = slices.Delete(y.parked, best, best+1)
	return s
}

// otherNATs counts the slots in which another cell of the same topology has another NAT,
// and tells whether a lab of the one can be refitted for the other.
func (c Cell) otherNATs(other Cell) (n int, fits bool) {
	for slot, nat := range other.NATs {
		was := c.NATs[slot]
		if !harness.Interchangeable(was, nat) {
			return 0, false
		}
		if !sameNAT(was, nat) {
			n++
		}
	}
	return n, len(c.NATs) == len(other.NATs)
}

// sameNATs tells whether a host is behind the same NATs in both cells, of the same topology.
func (c Cell) sameNATs(other Cell, host string) bool {
	return !slices.ContainsFunc(c.Topology.Path(host), func(n topologies.Node) bool {
		return n.Slot != "" && !sameNAT(c.NATs[n.Slot], other.NATs[n.Slot])
	})
}

func sameNAT(p, q natprofiles.Profile) bool { return p.Name == q.Name && reflect.DeepEqual(p, q) }

// sameLab tells whether two cells differ by nothing but the strategy and what links
// do, which a lab can be told anew.
func (c Cell) sameLab(other Cell) bool {
	others, fits := c.otherNATs(other)
	return fits && others == 0 && c.samePlace(other)
}

// samePlace tells whether they differ by nothing but these and the NATs.
func (c Cell) samePlace(other Cell) bool {
	return c.Topology.Name == other.Topology.Name && c.Emulation == other.Emulation &&
		reflect.DeepEqual(c.Faults, other.Faults) && c.sameNodes(other)
}

// park has a site wait. Where there is no room, the one that has waited longest
// is closed.
func (y *yard) park(s *Site) error {
	if s.watched && y.watched() >= mostWatched {
		if err := s.unwatch(); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	y.mu.Lock()
	y.parked = append(y.parked, s)
	var over *Site
	if len(y.parked) > parkingSpace() {
		over, y.parked = y.parked[0], y.parked[1:]
	}
	y.mu.Unlock()
	if over == nil {
		return nil
	}
	return over.Close()
}

// watched counts the labs that wait and have been watched.
func (y *yard) watched() (n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, s := range y.parked {
		if s.watched {
			n++
		}
	}
	return n
}

// close takes down what still waits.
func (y *yard) close() error {
	var errs []error
	for _, s := range y.parked {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
