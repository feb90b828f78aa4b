package topologies

import (
	"fmt"
	"slices"
	"strings"
)

// Symmetric reports whether alice and bob may change places, and the slots a
// and b with them, and the tree stays what it is but for the names of nodes. A
// pair of profiles is then the same experiment either way round, as long as
// both peers start alike.
func (t Topology) Symmetric() bool {
	return t.Pairs() && t.figure(Core, nil) == t.figure(Core, mirrored)
}

// mirrored are the names that mean one of the peers, and what they are in a
// mirror.
var mirrored = map[string]string{Alice: Bob, Bob: Alice, "a": "b", "b": "a"}

// figure writes what is behind a node as text that is equal for equal trees:
// without the names of nodes that say nothing, and in an order of its own.
func (t Topology) figure(behind string, names map[string]string) string {
	role := func(name string) string {
		if other, is := names[name]; is {
			return other
		}
		return name
	}
	var parts []string
	for _, n := range t.Children(behind) {
		host := ""
		if n.Kind == Host && slices.Contains([]string{Alice, Bob, Rendezvous}, n.Name) {
			host = role(n.Name)
		}
		parts = append(parts, fmt.Sprintf("%s %q slot %q default %q %v %d %s",
			n.Kind, host, role(n.Slot), n.Default, n.Link, n.Addresses, t.figure(n.Name, names)))
	}
	slices.Sort(parts)
	return "(" + strings.Join(parts, ", ") + ")"
}
