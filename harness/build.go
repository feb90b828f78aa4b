package harness

import (
	"context"
	"fmt"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/link"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/topologies"
)

// build makes the plan real. What exists when it fails is in l.nodes and
// l.links, for Close.
func (l *Lab) build(ctx context.Context, p *plan) (err error) {
	if l.nodes, err = makeNodes(p); err != nil {
		return err
	}
	byMachine := map[*machine]*node{}
	for _, n := range l.nodes {
		byMachine[n.machine] = n
		switch n.Kind {
		case topologies.Host:
			l.hosts[n.Name] = &Host{name: n.Name, ns: n.ns, addrs: n.addrs}
		case topologies.NAT:
			l.routers[n.Name] = &Router{node: n}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, c := range p.cables {
		if err := c.lay(byMachine); err != nil {
			return err
		}
	}
	if l.links, err = link.New(); err != nil {
		return err
	}
	for _, n := range l.nodes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := n.configure(); err != nil {
			return fmt.Errorf("%s: %w", n.Name, err)
		}
	}
	if err := l.string(byMachine); err != nil {
		return err
	}
	for _, n := range l.nodes {
		if err := n.waitUp(ctx); err != nil {
			return fmt.Errorf("%s: %w", n.Name, err)
		}
	}
	return nil
}

// waitUp waits for the interfaces towards the children, which were brought up
// before those at the other end.
func (n *node) waitUp(ctx context.Context) error {
	for _, i := range n.interfaces {
		if i.Name == n.upDevice() && n.Name != topologies.Core {
			continue
		}
		if err := n.ns.WaitUp(ctx, i.Name); err != nil {
			return err
		}
	}
	return nil
}

func makeNodes(p *plan) ([]*node, error) {
	settings := make([][]kernel.Sysctl, len(p.machines))
	for i, m := range p.machines {
		settings[i] = m.settings()
	}
	spaces, err := kernel.NewNamespaces(settings)
	if err != nil {
		return nil, explain(err)
	}
	nodes := make([]*node, len(spaces))
	for i, ns := range spaces {
		nodes[i] = &node{machine: p.machines[i], ns: ns}
	}
	return nodes, nil
}

func (c cable) lay(nodes map[*machine]*node) error {
	err := kernel.Join(
		kernel.End{Namespace: nodes[c.child].ns, Name: c.childEnd, MAC: c.childMAC},
		kernel.End{Namespace: nodes[c.parent].ns, Name: c.parentEnd, MAC: c.parentMAC},
	)
	if err != nil {
		return fmt.Errorf("cable %s - %s: %w", c.child.Name, c.parent.Name, err)
	}
	return nil
}

// configure gives a node whose cables are laid its addresses, routes and
// rules.
func (n *node) configure() error {
	if n.Kind == topologies.Host {
		if err := n.ns.LoopbackUp(); err != nil {
			return err
		}
	}
	if n.bridge != nil {
		if err := n.ns.Bridge(n.bridge.name, n.bridge.mac); err != nil {
			return err
		}
	}
	for _, i := range n.interfaces {
		if err := n.ns.Configure(i); err != nil {
			return err
		}
	}
	for _, r := range n.routes {
		if err := n.ns.AddRoute(r); err != nil {
			return err
		}
	}
	return n.equip()
}

// equip makes a NAT of a NAT's node, and an internet that forwards nothing
// private of the core.
func (n *node) equip() error {
	switch {
	case n.Name == topologies.Core:
		n.rules = natrules.Backbone(privateRanges, n.sink)
		return n.rules.Apply(n.ns.FD())
	case n.Kind == topologies.NAT:
		n.rules = natrules.NAT(n.profile, n.place)
		return n.apply()
	}
	return nil
}

// string makes the links of all transits what the topology says of them.
func (l *Lab) string(nodes map[*machine]*node) error {
	if err := l.links.Seed(l.seed); err != nil {
		return err
	}
	for _, n := range l.nodes {
		if n.Kind != topologies.Transit {
			continue
		}
		c := &cord{transit: n, parent: nodes[n.parent]}
		l.cords = append(l.cords, c)
		if err := l.apply(c, n.Link); err != nil {
			return fmt.Errorf("link of %s: %w", n.Name, err)
		}
	}
	return nil
}
