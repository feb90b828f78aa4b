package harness

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/punchlab/punchlab/harness/internal/fate"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

// FaultCount is how often a fault has met its packets since the lab was built,
// reset or given a seed.
type FaultCount struct {
	Fault links.Fault
	fate.Count
}

// mostFaults is how many faults a lab may have at once.
const mostFaults = 100

// SetFaults replaces the faults of the lab. They count from zero. A fault about a
// link or a node that the lab has not is an error, and then nothing is changed.
func (l *Lab) SetFaults(faults ...links.Fault) error {
	l.linking.Lock()
	defer l.linking.Unlock()
	if err := CheckFaults(l.topology, faults...); err != nil {
		return fmt.Errorf("lab %s: faults: %w", l.topology.Name, err)
	}
	for _, c := range l.cords {
		if err := l.setFaults(c, faults); err != nil {
			return fmt.Errorf("lab %s: faults of %s: %w", l.topology.Name, c.transit.Name, err)
		}
	}
	l.faults = slices.Clone(faults)
	return nil
}

// CheckFaults tells whether a lab of the topology can have these faults.
func CheckFaults(t topologies.Topology, faults ...links.Fault) error {
	if len(faults) > mostFaults {
		return fmt.Errorf("%d faults; at most %d at once", len(faults), mostFaults)
	}
	var errs []error
	for _, f := range faults {
		errs = append(errs, t.CheckFault(f))
	}
	return errors.Join(errs...)
}

// setFaults gives a link those of all faults that are about it.
func (l *Lab) setFaults(c *cord, faults []links.Fault) (err error) {
	var rules []fate.Rule
	var numbers []int
	for _, way := range links.Directions {
		for i, f := range faults {
			if f.Link != c.transit.Name || f.Way != way {
				continue
			}
			rules = append(rules, fate.Rule{Fault: f, From: l.endpoint(f.From), To: l.endpoint(f.To)})
			numbers = append(numbers, i)
		}
	}
	if len(rules) == 0 && len(c.faults) == 0 {
		return nil
	}
	if c.wire == nil {
		if c.wire, err = l.links.Hold(c.place(), links.Link{}); err != nil {
			return err
		}
	}
	c.faults = numbers
	return c.wire.SetRules(rules)
}

// endpoint gives the addresses that packets of an end have on public links: for a
// node behind NATs those of the NATs, too.
func (l *Lab) endpoint(e links.End) (at fate.Endpoint) {
	at.Port = e.Port
	if e.Addr.IsValid() {
		at.Addrs = []netip.Addr{e.Addr}
		return at
	}
	i := slices.IndexFunc(l.nodes, func(n *node) bool { return n.Name == e.Node })
	if e.Node == "" || i < 0 {
		return at
	}
	for m := l.nodes[i].machine; m.parent != nil; m = m.parent {
		if m.Kind != topologies.Transit {
			at.Addrs = append(append(at.Addrs, m.addrs...), m.external...)
		}
	}
	return at
}

// Faults tells how often each fault has met its packets, in the order in which
// they were set.
func (l *Lab) Faults() ([]FaultCount, error) {
	l.linking.Lock()
	defer l.linking.Unlock()
	counts := make([]FaultCount, len(l.faults))
	for i, f := range l.faults {
		counts[i].Fault = f
	}
	for _, c := range l.cords {
		if len(c.faults) == 0 {
			continue
		}
		all, err := c.wire.Rules()
		if err != nil {
			return nil, err
		}
		for i, number := range c.faults {
			counts[number].Count = all[i]
		}
	}
	return counts, nil
}
