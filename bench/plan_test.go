package bench

import (
	"slices"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

func topology(t *testing.T, name string) topologies.Topology {
	t.Helper()
	topology, err := topologies.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

func profiles(t *testing.T, names ...string) []natprofiles.Profile {
	t.Helper()
	var all []natprofiles.Profile
	for _, name := range names {
		p, err := natprofiles.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestCellsCrossWhatATopologyHasSlotsFor(t *testing.T) {
	two := profiles(t, "none", "openwrt")
	for name, pairs := range map[string]int{"open": 1, "one-nat": 2, "two-nats": 4, "double-nat": 4, "carrier": 4} {
		cells, err := Cells(topology(t, name), two, two, nil, punch.Strategies())
		if err != nil {
			t.Fatal(err)
		}
		if want := pairs * len(punch.Strategies()); len(cells) != want {
			t.Errorf("%s: %d cells, want %d", name, len(cells), want)
		}
		keys := map[results.Cell]bool{}
		for _, c := range cells {
			keys[c.Key()] = true
		}
		if len(keys) != len(cells) {
			t.Errorf("%s: two cells have one name", name)
		}
	}
}

func TestFurtherSlotsAreFilled(t *testing.T) {
	one := profiles(t, "openwrt")
	for _, c := range []struct {
		slots harness.NATs
		want  string
	}{
		{nil, "linux-masquerade"},
		{harness.NATs{"carrier": profiles(t, "linux-random")[0]}, "linux-random"},
	} {
		cells, err := Cells(topology(t, "double-nat"), one, one, c.slots, punch.Strategies()[:1])
		if err != nil {
			t.Fatal(err)
		}
		if got := cells[0].Key().Slots.Map()["carrier"]; got != c.want {
			t.Errorf("carrier is %q, want %q", got, c.want)
		}
	}
	for _, slot := range []string{"a", "carrier"} {
		if _, err := Cells(topology(t, "two-nats"), one, one, harness.NATs{slot: one[0]}, punch.Strategies()); err == nil {
			t.Errorf("slot %s of two-nats was taken for a further one", slot)
		}
	}
}

func TestAPlanRepeatsItself(t *testing.T) {
	some, err := natprofiles.Select("default")
	if err != nil {
		t.Fatal(err)
	}
	cells, err := Cells(topology(t, "two-nats"), some, some, nil, punch.Strategies())
	if err != nil {
		t.Fatal(err)
	}
	order := func(seed uint64) (text string) {
		for _, p := range newDeal(Plan{Cells: cells, Seed: seed, Trials: 2}).piles {
			for _, v := range p.visits {
				text += v.key.String() + "\n"
			}
		}
		return text
	}
	first, again, other := order(1), order(1), order(2)
	if first != again || first == other {
		t.Error("the order of the cells does not follow from the seed")
	}
	p := Plan{Seed: 7}
	x, y := cells[0].Key(), cells[1].Key()
	seed, same := p.seed(x, 1), p.seed(x, 1)
	if seed != same || seed == p.seed(x, 2) || seed == p.seed(y, 1) {
		t.Error("a trial's seed does not follow from run, cell and number")
	}
}

// A run is known by what decides its trials: the delays of a topology do.
func TestAManifestKnowsItsTopology(t *testing.T) {
	of := func(rtt time.Duration) results.Manifest {
		scaled, err := topology(t, "two-nats").WithRTT(rtt)
		if err != nil {
			t.Fatal(err)
		}
		two := profiles(t, "none", "openwrt")
		cells, err := Cells(scaled, two, two, nil, punch.Strategies())
		if err != nil {
			t.Fatal(err)
		}
		return Plan{Cells: cells, Trials: 1, Seed: 7}.Manifest("v0.1.0", nil)
	}
	near, again, far := of(40*time.Millisecond), of(40*time.Millisecond), of(80*time.Millisecond)
	if near.Run == "" || near.Run != again.Run || near.Run == far.Run || near.Topologies["two-nats"] == far.Topologies["two-nats"] {
		t.Errorf("runs %s, %s and %s", near.Run, again.Run, far.Run)
	}
}

func TestStaggersTakeTurns(t *testing.T) {
	p := Plan{Staggers: []time.Duration{0, 10, 40}}
	for trial, want := range []time.Duration{0, 10, 40, 0, 10} {
		if got := p.stagger(Cell{}, trial); got != want {
			t.Errorf("trial %d is staggered by %d, want %d", trial, got, want)
		}
	}
}

func TestAPlanThatCannotBeMade(t *testing.T) {
	cells := make([]Cell, 1)
	for _, p := range []Plan{
		{Trials: 1, Patience: 1},
		{Cells: cells, Patience: 1},
		{Cells: cells, Trials: 1},
		{Cells: cells, Trials: 1, Patience: 1, Parallel: -1},
		{Cells: cells, Trials: 1, Patience: 1, Passes: -1},
		{Cells: cells, Trials: 1, Patience: 1, Until: 1},
		{Cells: cells, Trials: 1, Patience: 1, Most: -1},
	} {
		if err := Run(t.Context(), p, Observer{}); err == nil {
			t.Errorf("%+v was run", p)
		}
	}
}

func TestWhatSpoilsATrial(t *testing.T) {
	const rtt = 40 * time.Millisecond
	for _, c := range []struct {
		hosts time.Duration
		links harness.LinkStats
		bad   bool
	}{
		{2 * rtt, harness.LinkStats{Held: 10, Lateness: 5 * time.Millisecond}, false},
		{2*rtt + 1, harness.LinkStats{Held: 10}, true},
		{0, harness.LinkStats{Held: 10, Lateness: 5*time.Millisecond + 1}, true},
		{0, harness.LinkStats{Held: 10, Lost: 1}, true},
		// What links drop because they were told to is not the lab's loss.
		{0, harness.LinkStats{Held: 10, Counts: harness.LinkCounts{Dropped: 5, Overflowed: 2, Corrupted: 1}}, false},
	} {
		if got := spoiled(rtt, c.hosts, c.links); (got != nil) != c.bad {
			t.Errorf("%s, %+v: %v", c.hosts, c.links, got)
		}
	}
	if LatenessBound(time.Millisecond) != 2*time.Millisecond {
		t.Error("peers on one network have a bound that no machine keeps")
	}
	for _, name := range []string{"two-nats", "same-nat"} {
		if got := roundAbout(topology(t, name)); got != rtt {
			t.Errorf("%s: the round trip by way of the server is %s, want %s", name, got, rtt)
		}
	}
}

// Of pairs that are the other way round one remains, under every strategy.
func TestOnce(t *testing.T) {
	nats := profiles(t, "none", "openwrt", "eim-eif")
	all, err := Cells(topology(t, "two-nats"), nats, nats[:2], nil, punch.Strategies()[:2])
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range Once(all) {
		got = append(got, c.NATs["a"].Name+" "+c.NATs["b"].Name)
	}
	once := []string{"none none", "none openwrt", "openwrt openwrt", "eim-eif none", "eim-eif openwrt"}
	if want := slices.Concat(once, once); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
