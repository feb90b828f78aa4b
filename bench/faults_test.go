package bench_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

// What faults and links did is told with each trial, counts from its beginning,
// and does not make it invalid. Before the first trial they do nothing.
func TestFaultsAndLinksAreToldWithTheTrial(t *testing.T) {
	cell := cells(t, "direct", "none")[0]
	rules := []string{"transit-b down: drop SYN #1 from alice", "transit-a up: drop UDP #1"}
	for _, text := range rules {
		f, err := links.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		cell.Faults = append(cell.Faults, f)
	}
	cell.Topology = cell.Topology.WithLinks(func(n topologies.Node) links.Link {
		n.Link.Up.Duplicate, n.Link.Down.Duplicate = 1, 1
		return n.Link
	})
	site, err := bench.Open(t.Context(), cell)
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	for range 2 {
		a, err := site.Try(t.Context(), bench.TryOptions{Patience: 4 * time.Second, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		if a.Outcome == results.Failed {
			t.Errorf("%s", a.Trial)
		}
		if len(a.Faults) != 2 || a.Faults[0].Acted != 1 {
			t.Fatalf("%+v", a.Faults)
		}
		// The SYN that is sent again after the one that is dropped is matched, or, where
		// Bob's connection wins, none.
		a.Faults[0].Matched = 1
		want := []results.Fault{{Rule: rules[0], Matched: 1, Acted: 1}, {Rule: rules[1]}}
		if diff := cmp.Diff(want, a.Faults); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if a.Links.Dropped != 1 || a.Links.Duplicated == 0 || a.Links.Overflowed > 0 {
			t.Errorf("%+v, want one packet dropped and others duplicated", a.Links)
		}
		if err := site.Reset(); err != nil {
			t.Fatal(err)
		}
	}
}
