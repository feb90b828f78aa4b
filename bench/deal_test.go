package bench

import (
	"testing"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/punch"
)

// Two workers take turns: each stays with its lab while that has cells, begins
// one that nobody has begun, and at last helps with what is left.
func TestTheDealKeepsLabsTogether(t *testing.T) {
	nats := profiles(t, "none", "openwrt")
	cells, err := Cells(topology(t, "two-nats"), nats, nats[:1], nil, punch.Strategies())
	if err != nil {
		t.Fatal(err)
	}
	d := newDeal(Plan{Cells: append(cells, cells[0]), Seed: 1})
	dealt := map[results.Cell]int{}
	labs := [2]map[results.Cell]bool{{}, {}}
	var piles [2]*pile
	for more := true; more; {
		more = false
		for i := range piles {
			c, from, ok := d.next(piles[i])
			if !ok {
				continue
			}
			more, piles[i] = true, from
			dealt[c.Key()]++
			labs[i][c.lab()] = true
		}
	}
	if len(dealt) != len(cells) || dealt[cells[0].Key()] != 2 {
		t.Errorf("%d cells were dealt of %d, the one that is there twice %d times", len(dealt), len(cells), dealt[cells[0].Key()])
	}
	if len(labs[0])+len(labs[1]) != 3 {
		t.Errorf("the two changed labs: %v, %v; want one for each, and the longer pile shared", labs[0], labs[1])
	}
	if c, _, ok := newDeal(Plan{}).next(nil); ok {
		t.Errorf("%v was dealt out of nothing", c.Key())
	}
}
