package topologies_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/internal/strictyaml/strictyamltest"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

func TestBadFilesTellWhatIsWrong(t *testing.T) {
	strictyamltest.BadFiles(t, "testdata/bad", func(file string, data []byte) error {
		_, err := topologies.Parse(file, data)
		return err
	})
}

// Parents come before children whatever the order of the file; otherwise the
// order is transits, NATs, hosts, each as written.
func TestParseSortsParentsFirst(t *testing.T) {
	const text = `
summary: Everything before what it is behind
hosts:
  rendezvous: {behind: transit-s, addresses: 8}
  bob: {behind: inner}
  alice: {behind: nat-a}
nats:
  inner: {slot: office, default: openwrt, behind: outer}
  outer: {slot: carrier, default: linux-masquerade, behind: transit-b}
  nat-a: {slot: a, behind: transit-s}
transits:
  transit-b: {behind: backbone, delay: 1.5s}
  backbone: {behind: core, delay: 0s}
  transit-s: {}
`
	got, err := topologies.Parse("dir/backwards.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := topologies.Topology{
		Name:    "backwards",
		Summary: "Everything before what it is behind",
		Nodes: []topologies.Node{
			{Name: "backbone", Kind: topologies.Transit, Behind: topologies.Core},
			{Name: "transit-b", Kind: topologies.Transit, Behind: "backbone", Link: links.Delayed(1500 * time.Millisecond)},
			{Name: "transit-s", Kind: topologies.Transit, Behind: topologies.Core},
			{Name: "outer", Kind: topologies.NAT, Behind: "transit-b", Slot: "carrier", Default: "linux-masquerade"},
			{Name: "inner", Kind: topologies.NAT, Behind: "outer", Slot: "office", Default: "openwrt"},
			{Name: "nat-a", Kind: topologies.NAT, Behind: "transit-s", Slot: "a"},
			{Name: "rendezvous", Kind: topologies.Host, Behind: "transit-s", Addresses: 8},
			{Name: "bob", Kind: topologies.Host, Behind: "inner", Addresses: 1},
			{Name: "alice", Kind: topologies.Host, Behind: "nat-a", Addresses: 1},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever it is given, Parse ends, and gives a tree or an error.
func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("transits: {a: {behind: b}, b: {behind: a}}\nhosts: {alice: {behind: a}}\n"))
	f.Add([]byte("nats: {a: &x {slot: *x}}\nhosts: [1, {}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		topology, err := topologies.Parse("fuzz.yaml", data)
		if err != nil {
			return
		}
		passed := map[string]bool{topologies.Core: true}
		for _, n := range topology.Nodes {
			if !passed[n.Behind] || passed[n.Name] {
				t.Fatalf("%s does not come once and after %s: %+v", n.Name, n.Behind, topology.Nodes)
			}
			passed[n.Name] = true
		}
		if topology.RTT(topologies.Alice, topologies.Rendezvous) < 0 {
			t.Errorf("a negative round trip: %+v", topology.Nodes)
		}
	})
}

const minimal = `
summary: The least that a topology can be
transits:
  transit-a: {}
hosts:
  alice: {behind: transit-a}
  bob: {behind: transit-a}
  rendezvous: {behind: transit-a}
`
