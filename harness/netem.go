package harness

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

// netemAvailable tells whether this kernel has netem, by giving one to the
// loopback of a namespace.
var netemAvailable = sync.OnceValue(func() error {
	if err := Available(); err != nil {
		return err
	}
	host := &machine{Node: topologies.Node{Kind: topologies.Host}}
	made, err := kernel.NewNamespaces([][]kernel.Sysctl{host.settings()})
	if err != nil {
		return explain(err)
	}
	if err = made[0].SetNetem("lo", links.Conditions{}, 0); err != nil {
		err = fmt.Errorf("this kernel has no netem (CONFIG_NET_SCH_NETEM; sudo modprobe sch_netem): %w; want auto or queue", err)
	}
	return errors.Join(err, kernel.CloseAll(made))
})

// shape gives the interfaces at both ends of the link what the kernel is to do.
// One netem is in front of what goes up, the other in front of what comes down;
// so the packets of the transit itself are delayed, too, which the queue leaves
// alone.
func (c *cord) shape(to links.Link, seed uint64) error {
	c.now = to
	for i, end := range c.ends() {
		c.chancy[i] = c.chancy[i] || end.does.Loss.Mean() > 0
		seed := mixed(seed, fmt.Sprintf("%s %s", c.transit.Name, links.Directions[i]))
		if err := end.at.ns.SetNetem(end.device, end.does, seed); err != nil {
			return err
		}
	}
	return nil
}

// shape has the kernel do what a link does. Where that is about single packets,
// hosts send none that are larger than those of the wire.
func (l *Lab) shape(c *cord, to links.Link) error {
	if err := c.shape(to, l.seed); err != nil {
		return err
	}
	if to.Up.Constant() && to.Down.Constant() {
		return nil
	}
	for _, n := range l.nodes {
		if n.Kind != topologies.Host {
			continue
		}
		if err := n.ns.LimitSegments(hostDevice); err != nil {
			return err
		}
	}
	return nil
}

// mixed is a seed of a direction's own.
func mixed(seed uint64, name string) uint64 {
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64(nil, seed)) // never fails
	h.Write([]byte(name))
	return h.Sum64()
}

// end is an interface that has netem, and what that does.
type end struct {
	at     *node
	device string
	does   links.Conditions
}

// ends are both, that of the way up first.
func (c *cord) ends() [2]end {
	return [2]end{{c.transit, transitDevice, c.now.Up}, {c.parent, toward(c.transit.Name), c.now.Down}}
}

// netem tells what the kernel has dropped. It does not say why: what netem drops
// on a link that has lost nothing by chance is its own queue that was full.
func (c *cord) netem() (s LinkStats, err error) {
	for i, end := range c.ends() {
		itself, full, err := end.at.ns.NetemDrops(end.device)
		if err != nil {
			return s, err
		}
		s.Overflowed += full
		if c.chancy[i] {
			s.Dropped += itself
		} else {
			s.Lost += itself
		}
	}
	return s, nil
}

// resetNetem drops what netem holds on all links.
func (l *Lab) resetNetem() error {
	if l.emulation != Netem {
		return nil
	}
	l.linking.Lock()
	defer l.linking.Unlock()
	var errs []error
	for _, c := range l.cords {
		errs = append(errs, c.renew(l.seed))
	}
	return errors.Join(errs...)
}

// renew gives a link a fresh netem.
func (c *cord) renew(seed uint64) error {
	for _, end := range c.ends() {
		if err := end.at.ns.DropNetem(end.device); err != nil {
			return err
		}
	}
	c.chancy = [2]bool{}
	return c.shape(c.now, seed)
}
