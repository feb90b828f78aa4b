package topologies_test

import (
	"testing"

	"github.com/punchlab/punchlab/topologies"
)

func TestSymmetryOfTheShippedTopologies(t *testing.T) {
	want := map[string]bool{"two-nats": true, "carrier": true} // the others have no slot b, or a carrier on one side
	for _, topology := range topologies.All() {
		if got := topology.Symmetric(); got != want[topology.Name] {
			t.Errorf("%s: symmetric %t", topology.Name, got)
		}
	}
}

func TestSymmetryLooksAtMoreThanNames(t *testing.T) {
	const head = "summary: A test\ntransits:\n  west: {delay: 10ms}\n  east: {delay: "
	for text, want := range map[string]bool{
		head + "10ms}\nnats:\n  x: {slot: a, behind: west}\n  y: {slot: b, behind: east}\n" +
			"hosts: {alice: {behind: x}, bob: {behind: y}, rendezvous: {behind: east}}\n": false, // the server is nearer to one
		head + "20ms}\n  south: {}\nnats:\n  x: {slot: a, behind: west}\n  y: {slot: b, behind: east}\n" +
			"hosts: {alice: {behind: x}, bob: {behind: y}, rendezvous: {behind: south}}\n": false, // one is further away
		head + "10ms}\n  south: {}\nnats:\n  x: {slot: a, behind: west}\n  y: {slot: b, behind: east}\n" +
			"hosts: {alice: {behind: y}, bob: {behind: x}, rendezvous: {behind: south}}\n": true, // each behind the other's slot
		head + "10ms}\n  south: {}\nnats:\n  x: {slot: a, behind: west}\n  y: {slot: b, behind: east}\n" +
			"hosts: {alice: {behind: x}, bob: {behind: y}, carol: {behind: y}, rendezvous: {behind: south}}\n": false, // bob has a neighbour
	} {
		topology, err := topologies.Parse("test.yaml", []byte(text))
		if err != nil {
			t.Error(err)
			continue
		}
		if got := topology.Symmetric(); got != want {
			t.Errorf("%s\nsymmetric %t", topology.Tree(), got)
		}
	}
}
