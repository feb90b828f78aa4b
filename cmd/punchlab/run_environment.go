package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/topologies"
)

// ours is how the names of all variables begin that are punchlab's.
const ours = "PUNCHLAB_"

// environment holds variables by their names.
type environment map[string]string

// labEnvironment is what a lab tells all of its programs.
func labEnvironment(lab *harness.Lab) environment {
	env := environment{}
	for _, n := range lab.Topology().Nodes {
		switch n.Kind {
		case topologies.Host:
			env.add(n.Name, lab.Host(n.Name).Addrs())
		case topologies.NAT:
			env.add("nat-"+n.Slot, lab.Router(n.Name).External())
		}
	}
	return env
}

// add names the first address after its owner, and the others after their
// number too.
func (env environment) add(owner string, addrs []netip.Addr) {
	name := ours + strings.ToUpper(strings.ReplaceAll(owner, "-", "_"))
	for i, addr := range addrs {
		if i == 0 {
			env[name] = addr.String()
		} else {
			env[fmt.Sprintf("%s_%d", name, i+1)] = addr.String()
		}
	}
}

// of is the environment of a host's programs: this program's own, the lab's,
// and the host's. Where this program runs, and in what other lab it was started,
// is nothing to them.
func (env environment) of(h *harness.Host) []string {
	all := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, ours) })
	for name, value := range env {
		all = append(all, name+"="+value)
	}
	return append(all, ours+"HOST="+h.Name(), ours+"ADDR="+h.Addrs()[0].String())
}
