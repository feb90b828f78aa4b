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

// Links tells how well the links have kept their delays since the lab was
// built or last reset, what they have done to packets, and the error that ended
// the emulation, if one did.
func (l *Lab) Links() (LinkStats, error) {
	s, err := l.links.Stats()
	if l.emulation != Netem {
		return s, err
	}
	l.linking.Lock()
	defer l.linking.Unlock()
	errs := []error{err}
	for _, c := range l.cords {
		seen, err := c.netem()
		s.Counts.Add(seen.Counts)
		s.Lost += seen.Lost
		errs = append(errs, err)
	}
	return s, errors.Join(errs...)
}

// LinkStats is how the links of a lab have fared.
type LinkStats = link.Stats

// LinkCounts is what the conditions and faults of links have done.
type LinkCounts = fate.Counts
