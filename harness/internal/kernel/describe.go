package kernel

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Describe writes the namespace's links, addresses, routes, neighbours and
// tracked connections, as text for people.
func (ns *Namespace) Describe(w io.Writer) error {
	var errs []error
	for _, part := range []struct {
		title string
		text  func() (string, error)
	}{
		{"links", ns.links},
		{"routes", ns.routes},
		{"neighbours", ns.neighbours},
		{"conntrack", ns.connections},
	} {
		text, err := part.text()
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", part.title, err))
			text = err.Error() + "\n"
		}
		fmt.Fprintf(w, "  %s:\n%s", part.title, indent(text))
	}
	return errors.Join(errs...)
}

func (ns *Namespace) links() (string, error) {
	h, err := ns.routing()
	if err != nil {
		return "", err
	}
	links, err := dumped(h.LinkList)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, l := range links {
		a := l.Attrs()
		fmt.Fprintf(&text, "%d: %s %s %s %s mtu %d", a.Index, a.Name, l.Type(), a.OperState, a.HardwareAddr, a.MTU)
		if s := a.Statistics; s != nil {
			fmt.Fprintf(&text, " rx %d tx %d packets, dropped %d/%d", s.RxPackets, s.TxPackets, s.RxDropped, s.TxDropped)
		}
		addrs, err := dumped(func() ([]netlink.Addr, error) { return h.AddrList(l, unix.AF_INET) })
		if err != nil {
			return "", err
		}
		for _, a := range addrs {
			fmt.Fprintf(&text, " %s", a.IPNet)
		}
		fmt.Fprintln(&text)
	}
	return text.String(), nil
}

func (ns *Namespace) routes() (string, error) {
	h, err := ns.routing()
	if err != nil {
		return "", err
	}
	routes, err := dumped(func() ([]netlink.Route, error) { return h.RouteList(nil, unix.AF_INET) })
	var text strings.Builder
	for _, r := range routes {
		fmt.Fprintln(&text, r)
	}
	return text.String(), err
}

func (ns *Namespace) neighbours() (string, error) {
	h, err := ns.routing()
	if err != nil {
		return "", err
	}
	neighbours, err := dumped(func() ([]netlink.Neigh, error) { return h.NeighList(0, unix.AF_INET) })
	var text strings.Builder
	for _, n := range neighbours {
		if n.State&unix.NUD_NOARP == 0 {
			fmt.Fprintf(&text, "%s %s dev %d\n", n.IP, n.HardwareAddr, n.LinkIndex)
		}
	}
	return text.String(), err
}

// dumps is how often a dump that the kernel says was torn is asked for again.
const dumps = 5

// dumped repeats a dump during which the table changed (NLM_F_DUMP_INTR).
func dumped[T any](list func() ([]T, error)) (all []T, err error) {
	for range dumps {
		all, err = list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}

func indent(text string) string {
	if text == "" {
		return "    (none)\n"
	}
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}
