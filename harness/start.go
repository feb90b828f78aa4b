package harness

import (
	"fmt"
	"os/exec"
)

// Start starts a program on the host, as [exec.Cmd.Start] does it: the program
// needs no change, and every socket of it and of its children belongs to the
// host. Waiting for it, stopping it and its standard streams are the caller's,
// as ever.
//
// Of the machine the program sees everything but the network. Its addresses,
// routes and /proc/net are the host's. There is no name server: a name that
// /etc/hosts does not have is looked up at the machine's resolver, by
// /etc/resolv.conf, which the host cannot reach. /sys is the machine's, so
// that /sys/class/net does not list the host's devices. Abstract Unix sockets
// are the host's, those with a path the machine's.
//
// A SysProcAttr.Pdeathsig of cmd is sent when the calling program ends, and not
// when some thread of it does. A program that outlives its lab keeps the host's
// namespace alive, with nothing at the other end of its cable; where [Main]
// made the namespaces it ends with the calling program at the latest.
func (h *Host) Start(cmd *exec.Cmd) error {
	if err := h.ns.Start(cmd); err != nil {
		return fmt.Errorf("host %s: start %s: %w", h.name, cmd.Path, err)
	}
	return nil
}
