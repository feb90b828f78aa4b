package topologies

import (
	"reflect"
	"time"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
	"github.com/punchlab/punchlab/links"
)

// shape is a topology as it is written.
type shape struct {
	Summary  string                      `yaml:"summary"`
	Transits strictyaml.Entries[transit] `yaml:"transits"`
	NATs     strictyaml.Entries[nat]     `yaml:"nats"`
	Hosts    strictyaml.Entries[host]    `yaml:"hosts"`
}

type transit struct {
	Behind string `yaml:"behind"`
	conditions
	// Up and Down are what differs in one direction.
	Up   conditions `yaml:"up"`
	Down conditions `yaml:"down"`
}

// conditions are links.Conditions as they are written.
type conditions struct {
	Delay     time.Duration `yaml:"delay"`
	Jitter    links.Jitter  `yaml:"jitter"`
	Loss      links.Loss    `yaml:"loss"`
	Duplicate links.Share   `yaml:"duplicate"`
	Reorder   links.Share   `yaml:"reorder"`
	Rate      links.Rate    `yaml:"rate"`
	Queue     links.Size    `yaml:"queue"`
	MTU       int           `yaml:"mtu"`
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
	written := s.nodes(doc)
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
func (s shape) nodes(doc *strictyaml.Document) []node {
	var nodes []node
	for _, e := range s.Transits {
		n := Node{Name: e.Name, Kind: Transit, Behind: e.Value.Behind, Link: e.Value.link(doc, e.Name)}
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

// link is a transit's link: in each direction what is said of that, and
// otherwise what is said of both.
func (t transit) link(doc *strictyaml.Document, name string) links.Link {
	way := func(d links.Direction, own conditions) links.Conditions {
		given := func(field string) bool { return doc.At("transits", name, string(d), field).Given() }
		return links.Conditions(own.or(t.conditions, given))
	}
	return links.Link{Up: way(links.Up, t.Up), Down: way(links.Down, t.Down)}
}

// or replaces the fields that were not given.
func (c conditions) or(common conditions, given func(field string) bool) conditions {
	own, other := reflect.ValueOf(&c).Elem(), reflect.ValueOf(common)
	for field, v := range own.Fields() {
		if !given(field.Tag.Get("yaml")) {
			v.Set(other.FieldByIndex(field.Index))
		}
	}
	return c
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
