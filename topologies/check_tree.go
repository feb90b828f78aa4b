package topologies

import (
	"slices"
	"strings"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// parents are the kinds that a node of each kind may be behind. A NAT or a host
// is never directly behind the core: a packet whose TTL ends short of the other
// side must have a router to end at.
var parents = map[Kind]struct {
	kinds []Kind
	words string
}{
	Transit: {[]Kind{Transit}, "the core or another transit"},
	NAT:     {[]Kind{Transit, NAT}, "a transit or another nat"},
	Host:    {[]Kind{Transit, NAT}, "a transit or a nat"},
}

// checkTree checks that the nodes are one tree: each behind something of the
// right kind, no loops, no router at the end of a branch.
func (c *checker) checkTree() {
	known := true
	for _, n := range c.nodes {
		known = c.checkBehind(n) && known
	}
	if !known {
		return // What is behind nothing known is missing elsewhere: do not tell that too.
	}
	c.checkLoops()
	for _, n := range c.nodes {
		behindIt := func(other node) bool { return other.Behind == n.Name }
		if n.Kind != Host && !slices.ContainsFunc(c.nodes, behindIt) {
			c.at(n).Errorf("%s: nothing is behind this %s; put something there or leave it out", n.Name, n.Kind)
		}
	}
}

// checkBehind reports whether what n is behind is known, right or not.
func (c *checker) checkBehind(n node) bool {
	allowed := parents[n.Kind]
	at := c.at(n, "behind")
	if n.Kind != Transit {
		at.Require(allowed.words)
	}
	switch parent, ok := c.byName[n.Behind]; {
	case n.Behind == "":
		return false
	case n.Behind == Core && n.Kind == Transit:
	case n.Behind == Core:
		at.Errorf("behind: a %s cannot be directly behind the core; put a transit between", n.Kind)
	case !ok:
		candidates := c.names(n, allowed.kinds)
		at.Errorf("behind: %s is not one of %s%s", strictyaml.Quote(n.Behind),
			strictyaml.List(candidates...), strictyaml.DidYouMean(n.Behind, candidates))
		return false
	case !slices.Contains(allowed.kinds, parent.Kind):
		at.Errorf("behind: %s is a %s; a %s is behind %s", parent.Name, parent.Kind, n.Kind, allowed.words)
	}
	return true
}

// names gives what n could be behind.
func (c *checker) names(n node, kinds []Kind) []string {
	var names []string
	if n.Kind == Transit {
		names = append(names, Core)
	}
	for _, other := range c.nodes {
		if slices.Contains(kinds, other.Kind) && other.Name != n.Name {
			names = append(names, other.Name)
		}
	}
	return names
}

// checkLoops tells each loop once, at its first node.
func (c *checker) checkLoops() {
	told := make(map[string]bool)
	for _, n := range c.nodes {
		path := c.pathUp(n)
		if n.Name == Core || told[n.Name] || path[len(path)-1].Behind != n.Name {
			continue
		}
		loop := []string{n.Name}
		for _, step := range path {
			loop = append(loop, step.Behind)
			told[step.Name] = true
		}
		c.at(n, "behind").Errorf("behind: a loop: %s", strings.Join(loop, " behind "))
	}
}

// pathUp gives n and what it is behind, up to the core, to something unknown,
// or to a node that is behind one already passed.
func (c *checker) pathUp(n node) []node {
	var path []node
	passed := make(map[string]bool)
	for ok := true; ok && !passed[n.Name]; n, ok = c.byName[n.Behind] {
		passed[n.Name] = true
		path = append(path, n)
	}
	return path
}
