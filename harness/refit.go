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
// [Lab.Reset] makes it forget is forgotten, and NATs that give out ports in
// sequence begin anew.
//
// It tells whether it could. It could not, and has changed nothing, where the
// other NATs need other addresses or routes: where one translates and the other
// does not, or has another number of external addresses. After an error the lab
// is good for nothing but Close.
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
	errs := make([]error, len(l.nodes), len(l.nodes)+1)
	var changing sync.WaitGroup // they wait for the kernel, which waits for packets within the old rules
	for i, n := range l.nodes {
		changing.Go(func() {
			if err := n.become(p.machines[i]); err != nil {
				errs[i] = fmt.Errorf("%s: %w", n.Name, err)
			}
		})
	}
	changing.Wait()
	return true, errors.Join(append(errs, l.links.Reset())...)
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
func (n *node) become(m *machine) error {
	n.machine = m
	if n.Kind != topologies.NAT {
		return nil
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
