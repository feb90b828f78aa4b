// Package harness makes small internets out of network namespaces: hosts,
// NATs, transit routers and a core, connected by links with a delay and whatever
// else links do to packets. Everything in the path is the real Linux kernel.
//
// A [Lab] is made of a topology and a profile for each of its slots:
//
//	lab, err := harness.New(ctx, topology, harness.NATs{"a": home, "b": office})
//	defer lab.Close()
//	err = lab.Host("alice").Do(func() error { ... }) // sockets of alice's
//
// A lab has no way out: nothing of the machine's own network is used or
// changed. Its namespaces have no names and vanish with the process, however
// it ends.
//
// Labs need CAP_NET_ADMIN and CAP_SYS_ADMIN, or a kernel that allows
// unprivileged user namespaces; [Main] sees to both.
package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/capture"
	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/link"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// NATs says which profile goes into which slot of a topology. A slot that
// names a default in the topology may be left out.
type NATs map[string]natprofiles.Profile

// Lab is a topology made real. Its methods may be used concurrently, Reset
// and Close excepted.
type Lab struct {
	topology topologies.Topology
	options  Options
	nodes    []*node // in the plan's order
	hosts    map[string]*Host
	routers  map[string]*Router
	links    *link.Emulator
	close    func() error

	linking   sync.Mutex // guards what follows
	emulation Emulation
	seed      uint64
	cords     []*cord // in the order of nodes
	faults    []links.Fault

	gathering sync.Mutex // guards what follows
	crowds    map[*node]*crowd
	traffic   []*Traffic // under way

	watching sync.Mutex        // guards what follows
	recorder *capture.Recorder // nil until the lab is watched
	closed   bool              // it cannot be watched any more
}

func emptyLab(t topologies.Topology) *Lab {
	l := &Lab{topology: t, hosts: map[string]*Host{}, routers: map[string]*Router{}, crowds: map[*node]*crowd{}}
	l.close = sync.OnceValue(l.tearDown)
	return l
}

// node is a machine of the plan and its namespace.
type node struct {
	*machine
	ns    *kernel.Namespace
	rules natrules.Ruleset

	memory *natrules.Memory // of its rules; nil until it has to forget something
	stale  int              // how often its maps were emptied since conntrack was; the zone of one that has zones
}

// Options are what can be chosen of a lab beside its topology and profiles. The
// zero value is what [New] uses.
type Options struct {
	// Public says what addresses the lab's internet has.
	Public Public
	// Emulation says what makes the links.
	Emulation Emulation
	// Seed is what links draw from; see [Lab.Seed].
	Seed uint64
	// Faults are what hits single packets from the beginning; see [Lab.SetFaults].
	Faults []links.Fault
}

// New builds a lab: all of it, or nothing and an error. Every slot of the
// topology needs a profile. Building takes some 20 milliseconds, which is why
// a lab can be [Lab.Reset] and used again.
func New(ctx context.Context, t topologies.Topology, nats NATs) (*Lab, error) {
	return Build(ctx, t, nats, Options{})
}

// Build is [New] with options.
func Build(ctx context.Context, t topologies.Topology, nats NATs, o Options) (_ *Lab, err error) {
	l := emptyLab(t)
	l.options = o
	defer func() {
		if err != nil {
			err = fmt.Errorf("lab %s: %w", t.Name, errors.Join(err, l.Close()))
		}
	}()
	filled, err := fill(t, nats)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(o.Emulation.available(), CheckFaults(t, o.Faults...)); err != nil {
		return nil, err
	}
	l.emulation, l.seed = o.Emulation, o.Seed
	p, err := newPlan(t, filled, o)
	if err != nil {
		return nil, err
	}
	if err := l.build(ctx, p); err != nil {
		return nil, err
	}
	if len(o.Faults) > 0 {
		return l, l.SetFaults(o.Faults...)
	}
	return l, nil
}

// Defaults are the profiles of the slots that name one in the topology.
func Defaults(t topologies.Topology) (NATs, error) {
	filled, errs := NATs{}, []error(nil)
	for _, s := range t.Slots() {
		if s.Default == "" {
			continue
		}
		p, err := natprofiles.Get(s.Default)
		if err != nil {
			errs = append(errs, fmt.Errorf("default of slot %s: %w", s.Name, err))
		}
		filled[s.Name] = p
	}
	return filled, errors.Join(errs...)
}

// fill returns a profile for each slot of t, and for nothing else.
func fill(t topologies.Topology, nats NATs) (NATs, error) {
	filled, err := Defaults(t)
	errs, known := []error{err}, []string{}
	maps.Copy(filled, nats)
	for _, s := range t.Slots() {
		known = append(known, s.Name)
		if _, is := filled[s.Name]; !is {
			errs = append(errs, fmt.Errorf("slot %s has no profile", s.Name))
		}
	}
	for _, slot := range slices.Sorted(maps.Keys(nats)) {
		if !slices.Contains(known, slot) {
			errs = append(errs, fmt.Errorf("no slot %q; the slots are: %s", slot, strings.Join(known, ", ")))
		}
	}
	return filled, errors.Join(errs...)
}

// Topology is what the lab was built from.
func (l *Lab) Topology() topologies.Topology { return l.topology }

// Host returns the host of that name. Every topology has alice, bob and
// rendezvous; another name that the topology does not have is a mistake of the
// program's, and panics.
func (l *Lab) Host(name string) *Host {
	h := l.hosts[name]
	if h == nil {
		panic(l.has("host", name, slices.Sorted(maps.Keys(l.hosts))))
	}
	return h
}

// Router returns the NAT of that name, whatever is in its slot: a node that
// the topology calls a nat. Another name panics, as with [Lab.Host].
func (l *Lab) Router(name string) *Router {
	r := l.routers[name]
	if r == nil {
		panic(l.has("nat", name, slices.Sorted(maps.Keys(l.routers))))
	}
	return r
}

// has says that the lab has others than the one of that name.
func (l *Lab) has(kind, name string, others []string) string {
	return fmt.Sprintf("lab %s has no %s %q; it has %s", l.topology.Name, kind, name,
		cmp.Or(strings.Join(others, ", "), "none"))
}

// Reset makes the lab fit for the next trial: packets under way are dropped,
// every NAT forgets its connections, the statistics of the links start anew, and
// so do their draws and the counts of faults. The caller has closed his sockets before; his own state, such as a
// server that goes on running, is his. Cross traffic goes on.
//
// A trial in a reset lab is indistinguishable from one in a fresh lab, except
// that a NAT that gives out ports in sequence goes on where it was.
func (l *Lab) Reset() error {
	watched := l.watched()
	errs := []error{l.links.Reset(), l.resetNetem()}
	for _, n := range l.nodes {
		if n.Kind == topologies.NAT {
			errs = append(errs, n.forget(watched))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("lab %s: reset: %w", l.topology.Name, err)
	}
	return nil
}

// Emptying conntrack makes the kernel walk the table of all namespaces
// ([kernel.Namespace.FlushConntrack]), which was an eighth of what a trial cost. A
// NAT that is maps and has no mapping cannot come by its old connections, since each
// is in the zone of its mapping, and zones are given out in turn (natrules, maps.go);
// one that is Linux itself is put into another zone, whose number is how often that was
// done since conntrack was emptied. So they may stay for some trials, as long as they
// are few: the walk passes those of all labs, so that sixteen times as many cost more
// walking than they spare.
const (
	mostStale = 256 // connections of a NAT
	staleFor  = 16  // resets
)

// forget has a NAT forget its connections, and conntrack too if somebody waits to
// hear of their end.
func (n *node) forget(watched bool) error {
	n.stale++
	tracked, err := n.ns.Tracked()
	empty := watched || err != nil || tracked > mostStale || n.stale >= staleFor || !n.rules.Forgets()
	if empty {
		n.stale = 0
	}
	err = n.emptyMaps(uint16(n.stale))
	if errors.Is(err, unix.ENOENT) { // somebody has replaced the rules by his own, which have no such maps
		empty, err = true, nil
	}
	if empty {
		err = errors.Join(err, n.ns.FlushConntrack())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", n.Name, err)
	}
	return nil
}

// emptyMaps empties a NAT's maps, or puts it into another zone. What is left of a
// failure is not kept.
func (n *node) emptyMaps(zone uint16) (err error) {
	if n.memory == nil {
		if n.memory, err = n.rules.Memory(n.ns.FD()); err != nil {
			return err
		}
	}
	if err = n.memory.Forget(zone); err != nil {
		err = errors.Join(err, n.closeMemory())
	}
	return err
}

func (n *node) closeMemory() error {
	m := n.memory
	n.memory = nil
	return m.Close()
}

// Dump writes the links, routes, neighbours, rules and tracked connections of
// every node, as the kernel tells them: what to look at when a trial went
// wrong.
func (l *Lab) Dump(w io.Writer) error {
	var errs []error
	for _, n := range l.nodes {
		if err := n.dump(w); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", n.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (n *node) dump(w io.Writer) error {
	title := n.Name
	if n.Kind == topologies.NAT {
		title += " (" + n.profile.Name + ")"
	}
	fmt.Fprintf(w, "== %s %s\n", title, n.ns.ID())
	err := n.ns.Describe(w)
	rules, failed := natrules.Installed(n.ns.FD())
	if text := rules.String(); text != "" {
		fmt.Fprintf(w, "  rules:\n    %s\n", strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    "))
	}
	contents, unread := n.rules.Contents(n.ns.FD())
	if contents != "" {
		fmt.Fprintf(w, "  sets:\n    %s\n", strings.ReplaceAll(strings.TrimSuffix(contents, "\n"), "\n", "\n    "))
	}
	if errors.Is(unread, unix.ENOENT) {
		unread = nil // somebody has put other rules there
	}
	return errors.Join(err, failed, unread)
}

// Close takes the lab down: nothing of it is left. Sockets that are still open
// in it keep their namespace alive until they are closed. Further calls return
// the first one's error.
func (l *Lab) Close() error { return l.close() }

func (l *Lab) tearDown() error {
	errs := []error{l.disperse(), l.unwatch()}
	if l.links != nil {
		errs = append(errs, l.links.Close())
	}
	for _, n := range l.nodes {
		errs = append(errs, n.closeMemory(), n.ns.Close())
	}
	return errors.Join(errs...)
}
