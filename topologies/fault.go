package topologies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/punchlab/punchlab/internal/strictyaml"
	"github.com/punchlab/punchlab/links"
)

// CheckFault tells whether the topology has the link and the nodes that a fault
// names, and if not, what it has.
func (t Topology) CheckFault(f links.Fault) error {
	if err := t.has(f.Link, "link", Transit); err != nil {
		return fmt.Errorf("%q: %w", f, err)
	}
	for _, end := range []links.End{f.From, f.To} {
		if end.Node == "" {
			continue
		}
		if err := t.has(end.Node, "host or nat", Host, NAT); err != nil {
			return fmt.Errorf("%q: %w", f, err)
		}
	}
	return nil
}

// has says what there is instead of a node.
func (t Topology) has(name, what string, kinds ...Kind) error {
	var known []string
	for _, n := range t.Nodes {
		if slices.Contains(kinds, n.Kind) {
			known = append(known, n.Name)
		}
	}
	if slices.Contains(known, name) {
		return nil
	}
	return fmt.Errorf("topology %s has no %s %s; it has %s%s", t.Name, what, strictyaml.Quote(name),
		strings.Join(known, ", "), strictyaml.DidYouMean(name, known))
}
