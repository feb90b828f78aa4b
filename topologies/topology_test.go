package topologies_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/topologies"
)

func get(t *testing.T, name string) topologies.Topology {
	t.Helper()
	topology, err := topologies.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

func TestSlotsOfTheShippedTopologies(t *testing.T) {
	for name, want := range map[string][]topologies.Slot{
		"open":       nil,
		"one-nat":    {{Name: "a"}},
		"two-nats":   {{Name: "a"}, {Name: "b"}},
		"same-nat":   {{Name: "a"}},
		"double-nat": {{Name: "a"}, {Name: "b"}, {Name: "carrier", Default: "linux-masquerade"}},
		"carrier": {
			{Name: "a"}, {Name: "b"}, {Name: "carrier", Default: "rfc6888-cgn"}, {Name: "home-c", Default: "openwrt"},
		},
	} {
		topology := get(t, name)
		if diff := cmp.Diff(want, topology.Slots()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got, want := topology.Pairs(), slices.Contains(want, topologies.Slot{Name: "b"}); got != want {
			t.Errorf("%s: pairs %t, want %t", name, got, want)
		}
	}
}

// Probing a NAT's filtering takes two addresses outside of it.
func TestEveryShippedRendezvousHasTwoAddresses(t *testing.T) {
	for _, topology := range topologies.All() {
		if n, ok := topology.Node(topologies.Rendezvous); !ok || n.Addresses != 2 {
			t.Errorf("%s: %+v", topology.Name, n)
		}
	}
}

func TestNodeAndChildren(t *testing.T) {
	topology := get(t, "same-nat")
	if n, ok := topology.Node("nat-a"); !ok || n.Kind != topologies.NAT || n.Behind != "transit-a" {
		t.Errorf("nat-a: %+v, %t", n, ok)
	}
	for _, missing := range []string{"nat-b", topologies.Core, ""} {
		if n, ok := topology.Node(missing); ok {
			t.Errorf("%q: %+v", missing, n)
		}
	}
	for parent, want := range map[string]string{
		topologies.Core: "transit-a transit-s",
		"nat-a":         "alice bob",
		"alice":         "",
		"nobody":        "",
	} {
		var names []string
		for _, n := range topology.Children(parent) {
			names = append(names, n.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("behind %s: %q, want %q", parent, got, want)
		}
	}
}

func TestTopologiesAreTheCallersToChange(t *testing.T) {
	get(t, "open").Nodes[0].Name = "changed"
	topologies.All()[0].Nodes[0].Name = "changed"
	for _, topology := range topologies.All() {
		if topology.Nodes[0].Name == "changed" {
			t.Errorf("%s: a change of a copy came back", topology.Name)
		}
	}
}

func TestAUsersFolderGoesBeforeTheShippedTopologies(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"open.yaml", "mine.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(minimal), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	catalogue, err := topologies.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"open", "mine", filepath.Join(dir, "mine.yaml")} {
		if topology, err := catalogue.Get(name); err != nil || topology.Summary != "The least that a topology can be" {
			t.Errorf("%s: %q, %v", name, topology.Summary, err)
		}
	}
	if got, want := len(catalogue.All()), len(topologies.All())+1; got != want {
		t.Errorf("%d topologies, want %d", got, want)
	}
	if own, err := topologies.Load(dir); err != nil || len(own) != 2 || own[0].Name != "mine" {
		t.Errorf("%+v, %v", own, err)
	}
}

func TestGetTellsTheNearestTopology(t *testing.T) {
	_, err := topologies.Get("two-nat")
	if err == nil || !strings.HasPrefix(err.Error(), `unknown topology "two-nat"; did you mean two-nats? (known: carrier, double-nat, `) {
		t.Errorf("%v", err)
	}
}
