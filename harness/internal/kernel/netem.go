package kernel

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// AddNetem makes netem, the kernel's own emulator of links (net/sched/
// sch_netem.c), the queue of an interface, with no delay.
func (ns *Namespace) AddNetem(name string) error {
	h, link, err := ns.find(name)
	if err != nil {
		return err
	}
	root := netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Parent: netlink.HANDLE_ROOT}
	if err := h.QdiscAdd(netlink.NewNetem(root, netlink.NetemQdiscAttrs{})); err != nil {
		return fmt.Errorf("interface %s: netem: %w", name, err)
	}
	return nil
}
