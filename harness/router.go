package harness

import (
	"fmt"
	"net/netip"
	"os/exec"
	"slices"

	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// Router is a NAT of a lab, for those who look at it or put a program or rules
// of their own there. Its interface towards the internet is wan, and the others
// lead inside. A slot with a profile that only forwards is a router without
// rules. [Lab.Reset] makes it forget its connections, and leaves alone what was
// put there. Its methods may be used concurrently.
type Router struct {
	node *node
}

// Name is the router's name in the topology.
func (r *Router) Name() string { return r.node.Name }

// Profile is what was put into the router's slot.
func (r *Router) Profile() natprofiles.Profile { return r.node.profile }

// External are the addresses that the hosts behind the router have outside. A
// NAT whose profile does not overload ports is routed as many as the profile
// says, and has none of them on an interface. For every other router it is the
// address of its interface towards the internet, which is Linux's own NAT's;
// a router that translates nothing shows its hosts' addresses as they are.
func (r *Router) External() []netip.Addr {
	if len(r.node.external) > 0 {
		return slices.Clone(r.node.external)
	}
	return slices.Clone(r.node.addrs)
}

// Do runs f where sockets of the router are born, as [Host.Do] does.
func (r *Router) Do(f func() error) error { return r.node.ns.Do(f) }

// Start starts a program on the router, as [Host.Start] does: a NAT of yours,
// or nft with rules of yours.
func (r *Router) Start(cmd *exec.Cmd) error {
	if err := r.node.ns.Start(cmd); err != nil {
		return fmt.Errorf("%s %s: start %s: %w", topologies.NAT, r.node.Name, cmd.Path, err)
	}
	return nil
}
