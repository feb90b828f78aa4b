package harness

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/punchlab/punchlab/harness/internal/fate"
	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/link"
	"github.com/punchlab/punchlab/internal/strictyaml"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

// Emulation is what makes the links of a lab.
type Emulation string

// The emulations. Queue holds packets in a process of ours and works on every
// kernel that has NFQUEUE; Netem has the kernel do it, where it has
// CONFIG_NET_SCH_NETEM and, for rates, CONFIG_NET_SCH_TBF. Auto, and the empty
// word, is Queue: it is as exact, its draws are repeatable on every kernel, and it
// tells what it was late by. Faults are always Queue's.
const (
	Auto  Emulation = "auto"
	Netem Emulation = "netem"
	Queue Emulation = "queue"
)

// Emulations are all emulations.
var Emulations = []Emulation{Auto, Netem, Queue}

// ParseEmulation finds the emulation of that name, whether this kernel has it or
// not.
func ParseEmulation(word string) (Emulation, error) {
	if e := Emulation(word); slices.Contains(Emulations, e) {
		return e, nil
	}
	words := make([]string, len(Emulations))
	for i, known := range Emulations {
		words[i] = string(known)
	}
	return Auto, fmt.Errorf("%s is not one of %s%s", strictyaml.Quote(word), strings.Join(words, ", "), strictyaml.DidYouMean(word, words))
}

// available tells whether there is such an emulation and this kernel has it.
func (e Emulation) available() error {
	switch e {
	case "":
		return nil
	case Netem:
		return netemAvailable()
	}
	_, err := ParseEmulation(string(e))
	return err
}

// cord is a link of a lab: that of a transit with the node in front of it.
type cord struct {
	transit, parent *node
	now             links.Link
	wire            *link.Wire // nil while nothing of it is held
	chancy          [2]bool    // whether netem has lost packets by chance since it was made
	faults          []int      // the numbers of the lab's faults that are about it, those of the way up first
}

// Link is what the link of a transit towards the core does now.
func (l *Lab) Link(transit string) (links.Link, error) {
	l.linking.Lock()
	defer l.linking.Unlock()
	c, err := l.cord(transit)
	if err != nil {
		return links.Link{}, err
	}
	return c.now, nil
}

// SetLink changes what the link of a transit towards the core does to packets
// that come from now on; those that are under way keep their time. The zero value
// is a perfect link.
func (l *Lab) SetLink(transit string, to links.Link) error {
	l.linking.Lock()
	defer l.linking.Unlock()
	c, err := l.cord(transit)
	if err == nil {
		err = to.Check()
	}
	if err == nil {
		err = l.apply(c, to)
	}
	if err != nil {
		return fmt.Errorf("lab %s: link %s: %w", l.topology.Name, transit, err)
	}
	return nil
}

func (l *Lab) cord(transit string) (*cord, error) {
	i := slices.IndexFunc(l.cords, func(c *cord) bool { return c.transit.Name == transit })
	if i < 0 {
		var known []string
		for _, c := range l.cords {
			known = append(known, c.transit.Name)
		}
		return nil, errors.New(l.has("link", transit, known))
	}
	return l.cords[i], nil
}

// apply makes a link do what it is to do.
func (l *Lab) apply(c *cord, to links.Link) error {
	if err := c.limit(to); err != nil {
		return err
	}
	var err error
	if l.emulation == Netem {
		err = l.shape(c, to)
	} else {
		err = l.hold(c, to)
	}
	if err == nil {
		c.now = to
	}
	return err
}

// hold has the emulator do what the link does, from when it first does anything.
func (l *Lab) hold(c *cord, to links.Link) (err error) {
	switch {
	case c.wire != nil:
		err = c.wire.Set(to)
	case !to.Up.Constant() || !to.Down.Constant() || to.Up.Delay+to.Down.Delay > 0:
		c.wire, err = l.links.Hold(c.place(), to)
	}
	return err
}

func (c *cord) place() link.Place {
	return link.Place{Name: c.transit.Name, Router: c.transit.ns, Uplink: transitDevice}
}

// limit gives the routes over the link its MTUs: the router in front of a route
// with a smaller one says so to who sends larger packets (net/ipv4/ip_forward.c).
func (c *cord) limit(to links.Link) error {
	for _, way := range []struct {
		from     *node
		via      netip.Addr
		was, mtu int
	}{
		{c.transit, c.transit.gateway, c.now.Up.MTU, to.Up.MTU},
		{c.parent, c.transit.addrs[0], c.now.Down.MTU, to.Down.MTU},
	} {
		for _, r := range way.from.routes {
			if r.Via != way.via || way.was == way.mtu {
				continue
			}
			if err := way.from.ns.ReplaceRoute(kernel.Route{To: r.To, Via: r.Via, MTU: way.mtu}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Seed has all links draw from this seed, from the beginning, and what links and
// faults count begin at zero. Packets that are under way are not touched, unless
// netem holds them on a link that draws. A new lab has the seed of its options,
// and [Lab.Reset] begins the same one again.
func (l *Lab) Seed(seed uint64) error {
	l.linking.Lock()
	defer l.linking.Unlock()
	l.seed = seed
	errs := []error{l.links.Seed(seed)}
	if l.emulation == Netem {
		for _, c := range l.cords {
			if c.now.Up.Draws() || c.now.Down.Draws() {
				errs = append(errs, c.renew(seed))
			}
		}
	}
	return errors.Join(errs...)
}

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
