package topologies

import (
	"fmt"
	"strings"
)

// Tree draws the topology for people: one line per node, each below what it is
// behind, with its kind, delay, slot and addresses.
func (t Topology) Tree() string {
	var b strings.Builder
	b.WriteString(Core + "\n")
	t.draw(&b, Core, "")
	return b.String()
}

// draw writes what is behind the named node; indent holds the lines of the
// branches further up.
func (t Topology) draw(b *strings.Builder, behind, indent string) {
	children := t.Children(behind)
	for i, n := range children {
		branch, below := "├─ ", "│  "
		if i == len(children)-1 {
			branch, below = "└─ ", "   "
		}
		fmt.Fprintf(b, "%s%s%s  %s\n", indent, branch, n.Name, n.describe())
		t.draw(b, n.Name, indent+below)
	}
}

// describe says in words what the node is.
func (n Node) describe() string {
	text := string(n.Kind)
	if link := n.Link.String(); link != "" {
		text += ", " + link
	}
	if n.Slot != "" {
		text += ", slot " + n.Slot
	}
	if n.Default != "" {
		text += ", default " + n.Default
	}
	if n.Addresses > 1 {
		text += fmt.Sprintf(", %d addresses", n.Addresses)
	}
	return text
}
