// Package topologies describes who stands behind whom in a small internet, as
// data: one YAML file per topology. A [Topology] is the same on every machine;
// package harness makes it real.
//
// A topology is a tree. At its root is the core, the internet's backbone, which
// needs no mention. Behind it are transit routers, whose links have a delay and
// other conditions; behind those NATs, whose behaviour a profile in their slot gives; behind
// either of them hosts.
package topologies

import (
	"slices"

	"github.com/punchlab/punchlab/links"
)

// Kind is what a node is.
type Kind string

const (
	// Transit is a router of the public internet, between an access network and
	// the core. It is where the delay of the access link is, and where packets
	// with a small TTL end.
	Transit Kind = "transit"
	// NAT is a router between a network of its own and the one that it is behind.
	NAT Kind = "nat"
	// Host is a node that programs run on.
	Host Kind = "host"
)

// Core is the name of the root, which is behind nothing and not in Nodes.
const Core = "core"

// Hosts that every topology has: two peers, and the server that introduces them
// to each other.
const (
	Alice      = "alice"
	Bob        = "bob"
	Rendezvous = "rendezvous"
)

// Node is a router or a host.
type Node struct {
	// Name is unique over all kinds.
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Behind is the node on the way to the core, or Core.
	Behind string `json:"behind"`
	// Link is what a transit's link towards the core does to packets.
	Link links.Link `json:"link,omitzero"`
	// Slot is what a NAT's profile is chosen by.
	Slot string `json:"slot,omitempty"`
	// Default is the name of the profile in the slot if nobody chooses one;
	// empty for the slots a and b, which somebody must choose for.
	Default string `json:"default,omitempty"`
	// Addresses is how many addresses a host has in its network.
	Addresses int `json:"addresses,omitempty"`
}

// Slot is a place for a profile.
type Slot struct {
	Name    string `json:"name"`
	Default string `json:"default,omitempty"` // the profile's name, empty for a and b
}

// Topology is a tree of nodes. Values made by this package are valid: all nodes
// are reached from the core, and alice, bob and rendezvous are hosts.
type Topology struct {
	// Name is the name of the file without .yaml.
	Name string `json:"name"`
	// Summary is one line for lists.
	Summary string `json:"summary"`
	// Nodes has every node before those behind it, otherwise transits, NATs,
	// hosts, each in the order of the file.
	Nodes []Node `json:"nodes"`
}

// Node finds a node by its name.
func (t Topology) Node(name string) (Node, bool) {
	i := slices.IndexFunc(t.Nodes, func(n Node) bool { return n.Name == name })
	if i < 0 {
		return Node{}, false
	}
	return t.Nodes[i], true
}

// Children gives the nodes that are directly behind the named one or behind
// [Core], in the order of Nodes.
func (t Topology) Children(name string) []Node {
	var children []Node
	for _, n := range t.Nodes {
		if n.Behind == name {
			children = append(children, n)
		}
	}
	return children
}

// Slots gives the slots that profiles go into: a, b, then all others in the
// order of Nodes.
func (t Topology) Slots() []Slot {
	var slots []Slot
	for _, n := range t.Nodes {
		if n.Kind == NAT {
			slots = append(slots, Slot{Name: n.Slot, Default: n.Default})
		}
	}
	rank := func(s Slot) int {
		if i := slices.Index(varied, s.Name); i >= 0 {
			return i
		}
		return len(varied)
	}
	slices.SortStableFunc(slots, func(x, y Slot) int { return rank(x) - rank(y) })
	return slots
}

// varied are the slots that an experiment varies.
var varied = []string{"a", "b"}

// Pairs reports whether the topology has a slot b, so that an experiment goes
// over pairs of profiles.
func (t Topology) Pairs() bool {
	return slices.ContainsFunc(t.Nodes, func(n Node) bool { return n.Slot == "b" })
}

// WithLinks gives the link of every transit what do says of it.
func (t Topology) WithLinks(do func(transit Node) links.Link) Topology {
	changed := t.clone()
	for i, n := range changed.Nodes {
		if n.Kind == Transit {
			changed.Nodes[i].Link = do(n)
		}
	}
	return changed
}

// clone copies the topology with its nodes.
func (t Topology) clone() Topology {
	t.Nodes = slices.Clone(t.Nodes)
	return t
}
