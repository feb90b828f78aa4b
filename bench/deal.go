package bench

import (
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/punchlab/punchlab/bench/results"
)

// deal hands out the trials of a plan. Those of a cell are spread over the run, in
// as many passes as the labs bear, so that a noisy minute does not fall on one cell.
// Who has made some of one gets others in the same lab, as long as there are any:
// of cells that differ by their strategy alone, or by the point of a sweep. It may be
// used by several goroutines.
type deal struct {
	mu    sync.Mutex
	piles []*pile // of all passes, one after the other
	begun int     // piles that somebody has begun; they come first

	labs  int // of which all piles are
	cells []*series
	until bool // a cell may want more trials than there are in the piles
	turn  int  // of the cells, for those
}

// pile is what is to be done in one lab in one pass.
type pile struct {
	visits []visit
}

// visit is some trials of one cell, one after the other.
type visit struct {
	*series
	trials int
}

// spread is into how many passes trials are dealt where there are more labs than
// may wait: each pass makes every lab anew.
const spread = 4

// furtherTrials is how many a cell gets at a time until its rate is known.
const furtherTrials = 5

// passes is how many there are for so many labs.
func (p Plan) passes(labs int) int {
	switch {
	case p.Passes > 0:
		return min(p.Trials, p.Passes)
	case labs <= parkingSpace():
		return p.Trials
	}
	return min(p.Trials, spread)
}

func newDeal(p Plan) *deal {
	var labs [][]*series
	at := map[results.Cell]int{}
	for _, c := range p.Cells {
		lab := c.lab()
		i, known := at[lab]
		if !known {
			i = len(labs)
			at[lab], labs = i, append(labs, nil)
		}
		labs[i] = append(labs[i], newSeries(c, p))
	}
	d, passes := &deal{labs: len(labs), until: p.Until > 0}, p.passes(len(labs))
	for _, of := range labs {
		d.cells = append(d.cells, of...)
	}
	for pass := range passes {
		trials := p.Trials*(pass+1)/passes - p.Trials*pass/passes
		d.piles = append(d.piles, p.pass(uint64(pass), labs, trials)...)
	}
	return d
}

// pass deals so many trials of every cell. The order is drawn: blocked pairs, which
// only wait, and busy ones mix.
func (p Plan) pass(number uint64, labs [][]*series, trials int) (piles []*pile) {
	random := rand.New(rand.NewPCG(p.Seed, number))
	for _, i := range random.Perm(len(labs)) {
		of := new(pile)
		for _, j := range random.Perm(len(labs[i])) {
			of.visits = append(of.visits, visit{labs[i][j], trials})
		}
		piles = append(piles, of)
	}
	return piles
}

// lab names what the cells of one lab have in common.
func (c Cell) lab() results.Cell {
	key := c.Key()
	lab := key.Lab()
	if c.Point.ownLab() {
		lab.Point = key.Point
	}
	return lab
}

// visits is how many there are.
func (d *deal) visits() (n int) {
	for _, p := range d.piles {
		n += len(p.visits)
	}
	return n
}

// next takes a visit from the pile that the one before came from; from the next
// pile that nobody has begun; or, since others may wait long for a pair that
// cannot connect, from the highest of those that somebody has.
func (d *deal) next(before *pile) (visit, *pile, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := before
	switch {
	case p != nil && len(p.visits) > 0:
	case d.begun < len(d.piles):
		p = d.piles[d.begun]
		d.begun++
	default:
		p = d.highest()
	}
	if p == nil || len(p.visits) == 0 {
		return d.further()
	}
	v := p.visits[0]
	p.visits = p.visits[1:]
	return v, p, true
}

// further finds a cell whose rate is not known closely enough. The cells take turns.
func (d *deal) further() (visit, *pile, bool) {
	for range d.cells {
		s := d.cells[d.turn%len(d.cells)]
		d.turn++
		if d.until && s.wants() {
			return visit{s, furtherTrials}, new(pile), true
		}
	}
	return visit{}, nil, false
}

func (d *deal) highest() *pile {
	if len(d.piles) == 0 {
		return nil
	}
	return slices.MaxFunc(d.piles, func(x, y *pile) int { return len(x.visits) - len(y.visits) })
}
