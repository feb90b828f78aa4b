package harness

import (
	"fmt"
	"os"

	"github.com/punchlab/punchlab/harness/internal/kernel"
)

// Enter is a command line that opens a shell on the host as long as the lab
// lives: for another terminal of the same user, on the machine where the calling
// program was started. It needs nsenter of util-linux. Only the network is the
// host's, and so is root in it; files and processes are the machine's. Behind
// the command line may stand a program to run instead of the shell.
func (h *Host) Enter() string { return enter(h.ns) }

// Enter is a command line that opens a shell on the router, as [Host.Enter] is.
func (r *Router) Enter() string { return enter(r.node.ns) }

// enter names the namespace by the descriptor that holds it. Seen from outside
// of Main's namespaces this process has another number; there, /proc of the
// new PID namespace is below init's root.
func enter(ns *kernel.Namespace) string {
	descriptor := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ns.FD())
	p, inside := here()
	if !inside {
		return "nsenter --net=" + descriptor
	}
	net := fmt.Sprintf("--net=/proc/%d/root%s", p.init, descriptor)
	if !p.user {
		return "nsenter " + net
	}
	// Who has one user to be cannot become another one.
	return fmt.Sprintf("nsenter --target=%d --user --preserve-credentials %s", p.init, net)
}
