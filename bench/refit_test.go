package bench

import (
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/links"
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
		if s.measured != [2]bool{false, true} {
			t.Errorf("peers who know their NATs after one of these was changed: %v", s.measured)
		}
		if err := s.use(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if s.lab.Router("nat-a").Profile().Name != c.NATs["a"].Name || !s.classified() {
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

// A lab that gets other NATs gets the links of the new cell too.
func TestARefittedSiteHasTheLinksOfItsCell(t *testing.T) {
	harness.Need(t)
	relay, err := punch.StrategyNamed("relay")
	if err != nil {
		t.Fatal(err)
	}
	nats := profiles(t, "eim-apdf", "apdm-sequential")
	near := Cell{Topology: topology(t, "two-nats"), NATs: harness.NATs{"a": nats[0], "b": nats[0]}, Strategy: relay}
	far := Cell{NATs: harness.NATs{"a": nats[1], "b": nats[0]}, Strategy: relay}
	const rtt = 120 * time.Millisecond
	if far.Topology, err = near.Topology.WithRTT(rtt); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), near)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if fits, err := s.refit(far); !fits || err != nil {
		t.Fatal(fits, err)
	}
	if err := s.use(t.Context(), far); err != nil {
		t.Fatal(err)
	}
	a, err := s.Try(t.Context(), TryOptions{Patience: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	// A busy machine makes a round trip longer, and never shorter than the links are.
	if a.RTTMS == nil || *a.RTTMS < results.Milliseconds(rtt) {
		t.Errorf("%v, want a round trip of %s", a.Trial, rtt)
	}
}

// A strategy that measures takes over a lab from one that does not, faults and all:
// they do nothing while peers measure, and act in the trials.
func TestFaultsDoNothingWhilePeersMeasure(t *testing.T) {
	harness.Need(t)
	f, err := links.ParseFault("transit-a up: drop SYN every to rendezvous")
	if err != nil {
		t.Fatal(err)
	}
	open := Cell{
		Topology: topology(t, "two-nats"), Faults: []links.Fault{f},
		NATs: harness.NATs{"a": profiles(t, "apdm-sequential")[0], "b": profiles(t, "eim-apdf")[0]},
	}
	auto := open
	for name, of := range map[string]*Cell{"simultaneous-open": &open, "auto": &auto} {
		if of.Strategy, err = punch.StrategyNamed(name); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(t.Context(), open)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.use(t.Context(), auto); err != nil {
		t.Fatal(err)
	}
	if got, want := s.nats[0], Classified(auto.NATs["a"]); got.Mapping != want.Mapping || got.Ports.Rule != want.Ports.Rule {
		t.Errorf("alice's NAT is said to be %v, want %v", got, want)
	}
	if now, err := s.lab.Faults(); err != nil || len(now) != 1 || now[0].Fault != f {
		t.Errorf("faults are %+v, %v", now, err)
	}
}
