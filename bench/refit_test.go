package bench

import (
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/punch"
)

// A site whose lab is refitted measures the new NATs: auto connects as in a lab of
// its own, and what it says of the NATs is true.
func TestASiteIsRefitted(t *testing.T) {
	harness.Need(t)
	auto, err := punch.StrategyNamed("auto")
	if err != nil {
		t.Fatal(err)
	}
	nats := profiles(t, "eim-apdf", "apdm-sequential", "eim-eif")
	cells, err := Cells(topology(t, "two-nats"), nats, nats[2:], nil, []punch.Strategy{auto})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), cells[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range append(cells[1:], cells[0]) {
		if fits, err := s.refit(c); !fits || err != nil {
			t.Fatal(fits, err)
		}
		if err := s.use(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if s.lab.Router("nat-a").Profile().Name != c.NATs["a"].Name || !s.measured {
			t.Errorf("%s was not refitted", c.Key())
		}
		a, err := s.Try(t.Context(), TryOptions{Patience: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		want := Classified(c.NATs["a"])
		if a.Outcome == results.Failed || a.Alice.Us.Mapping != want.Mapping || a.Alice.Us.Filtering != want.Filtering {
			t.Errorf("%v; alice's NAT is said to be %v, want %v", a.Trial, a.Alice.Us, want)
		}
		if err := s.Reset(); err != nil {
			t.Fatal(err)
		}
	}
}
