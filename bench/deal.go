package bench

import (
	"sync"

	"github.com/punchlab/punchlab/bench/results"
)

// deal hands out the cells of a plan. Who has made the trials of one gets another
// in the same lab, as long as there is one: cells that differ by their strategy
// alone. It may be used by several goroutines.
type deal struct {
	mu    sync.Mutex
	piles []*pile // in the plan's shuffled order
	begun int     // piles that somebody has begun; they come first
}

// pile is the cells of one lab.
type pile struct {
	cells []Cell
}

func newDeal(p Plan) *deal {
	d := new(deal)
	of := map[results.Cell]*pile{}
	for _, c := range p.shuffled() {
		lab := c.lab()
		if of[lab] == nil {
			of[lab] = new(pile)
			d.piles = append(d.piles, of[lab])
		}
		of[lab].cells = append(of[lab].cells, c)
	}
	return d
}

// lab names what the cells of one lab have in common.
func (c Cell) lab() results.Cell {
	key := c.Key()
	key.Strategy = ""
	return key
}

// next takes a cell from the pile that the one before came from; from the next
// pile that nobody has begun; or, since others may wait long for a pair that
// cannot connect, from the highest of those that somebody has.
func (d *deal) next(before *pile) (Cell, *pile, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := before
	switch {
	case p != nil && len(p.cells) > 0:
	case d.begun < len(d.piles):
		p = d.piles[d.begun]
		d.begun++
	default:
		p = d.highest()
	}
	if p == nil || len(p.cells) == 0 {
		return Cell{}, nil, false
	}
	c := p.cells[0]
	p.cells = p.cells[1:]
	return c, p, true
}

func (d *deal) highest() (top *pile) {
	for _, p := range d.piles {
		if top == nil || len(p.cells) > len(top.cells) {
			top = p
		}
	}
	return top
}
