package topologies

import (
	"time"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// shape is a topology as it is written.
type shape struct {
	Summary  string                      `yaml:"summary"`
	Transits strictyaml.Entries[transit] `yaml:"transits"`
	NATs     strictyaml.Entries[nat]     `yaml:"nats"`
	Hosts    strictyaml.Entries[host]    `yaml:"hosts"`
}

type transit struct {
	Behind string        `yaml:"behind"`
	Delay  time.Duration `yaml:"delay"`
}

type nat struct {
	Slot    string `yaml:"slot"`
	Default string `yaml:"default"`
	Behind  string `yaml:"behind"`
}

type host struct {
	Behind    string `yaml:"behind"`
	Addresses int    `yaml:"addresses"`
}

// Parse reads one topology, the content of file, whose base name without .yaml
// is the topology's name. Its error tells everything that is wrong, one problem
// per line as file:line:column, with the values that are allowed.
func Parse(file string, data []byte) (Topology, error) {
	var s shape
	doc, err := strictyaml.Load(file, data, &s)
	if err != nil {
		return Topology{}, err
	}
	t := Topology{Name: catalogue.NameOf(file), Summary: s.Summary}
	written := s.nodes()
	newChecker(doc, written).check(t.Name)
	if err := doc.Err(); err != nil {
		return Topology{}, err
	}
	for _, w := range written {
		if w.Kind == Host && w.Addresses == 0 {
			w.Addresses = 1
		}
		t.Nodes = append(t.Nodes, w.Node)
	}
	t.Nodes = parentsFirst(t.Nodes)
	return t, nil
}

// node is a node and the section of the file that it was written in.
type node struct {
	Node
	section string
}

// nodes gives all nodes in the order of the sections and of the file.
func (s shape) nodes() []node {
	var nodes []node
	for _, e := range s.Transits {
		n := Node{Name: e.Name, Kind: Transit, Behind: e.Value.Behind, Delay: e.Value.Delay}
		if n.Behind == "" {
			n.Behind = Core
		}
		nodes = append(nodes, node{n, "transits"})
	}
	for _, e := range s.NATs {
		n := Node{Name: e.Name, Kind: NAT, Behind: e.Value.Behind, Slot: e.Value.Slot, Default: e.Value.Default}
		nodes = append(nodes, node{n, "nats"})
	}
	for _, e := range s.Hosts {
		n := Node{Name: e.Name, Kind: Host, Behind: e.Value.Behind, Addresses: e.Value.Addresses}
		nodes = append(nodes, node{n, "hosts"})
	}
	return nodes
}

// parentsFirst sorts the nodes of a tree so that each comes after the one that
// it is behind, and keeps their order otherwise.
func parentsFirst(nodes []Node) []Node {
	byName := make(map[string]Node, len(nodes))
	for _, n := range nodes {
		byName[n.Name] = n
	}
	sorted := make([]Node, 0, len(nodes))
	var place func(name string)
	place = func(name string) {
		n, unplaced := byName[name]
		if !unplaced {
			return
		}
		delete(byName, name)
		place(n.Behind)
		sorted = append(sorted, n)
	}
	for _, n := range nodes {
		place(n.Name)
	}
	return sorted
}
