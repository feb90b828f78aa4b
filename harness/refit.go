package harness

import (
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// Refit puts other profiles into the slots of the lab, which takes a fraction of
// building one. The lab is then as if it had been built with them: what
// [Lab.Reset] makes it forget is forgotten, and other NATs that give out ports in
// sequence begin anew. One that is to be what it is already is reset.
//
// It tells whether it could. It could not, and has changed nothing, where the
// other NATs need other addresses or routes ([Interchangeable]). After an error the
// lab is good for nothing but Close.
func (l *Lab) Refit(nats NATs) (fits bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("lab %s: refit: %w", l.topology.Name, err)
		}
	}()
	filled, err := fill(l.topology, nats)
	if err != nil {
		return false, err
	}
	p, err := newPlan(l.topology, filled, l.options)
	if err != nil {
		return false, err
	}
	for i, n := range l.nodes {
		if !n.machine.alike(p.machines[i]) {
			return false, nil
		}
	}
	watched := l.watched()
	errs := make([]error, len(l.nodes), len(l.nodes)+2)
	var changing sync.WaitGroup // they wait for the kernel, which waits for packets within the old rules
	for i, n := range l.nodes {
		changing.Go(func() {
			if err := n.become(p.machines[i], watched); err != nil {
				errs[i] = fmt.Errorf("%s: %w", n.Name, err)
			}
		})
	}
	changing.Wait()
	return true, errors.Join(append(errs, l.links.Reset(), l.resetNetem())...)
}

// Interchangeable tells whether a NAT can become the other one without other addresses or
// routes: where both translate or neither does, and have as many external addresses, of
// which Linux's own NAT has none.
func Interchangeable(p, q natprofiles.Profile) bool {
	return p.Translate == q.Translate && p.Overloads() == q.Overloads() && p.Addresses.Count == q.Addresses.Count
}

// alike tells machines that differ by nothing but the profile.
func (m *machine) alike(other *machine) bool {
	return reflect.DeepEqual(m.layout(), other.layout())
}

// layout is everything of a machine but its profile and whom it hangs on, who is
// compared for himself.
func (m *machine) layout() machine {
	bare := *m
	bare.profile, bare.parent = natprofiles.Profile{}, nil
	return bare
}

// become gives a node the rules of a machine that is alike.
func (n *node) become(m *machine, watched bool) error {
	before := n.machine
	n.machine = m
	switch {
	case n.Kind != topologies.NAT:
		return nil
	case reflect.DeepEqual(before.profile, m.profile):
		return n.forget(watched)
	}
	n.rules = natrules.NAT(m.profile, m.place)
	if err := n.closeMemory(); err != nil {
		return err
	}
	if err := n.rules.Replace(n.ns.FD()); err != nil {
		return refusedRules(natrules.Features(), m.profile, err)
	}
	n.stale = 0
	return n.ns.FlushConntrack()
}
