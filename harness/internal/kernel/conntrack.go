package kernel

import (
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// FlushConntrack forgets every connection that the namespace tracks. Where
// there is none it costs a system call; otherwise the kernel walks the hash
// table that all namespaces share (net/netfilter/nf_conntrack_core.c,
// nf_ct_iterate_cleanup_net), about half a millisecond for 262,144 buckets.
func (ns *Namespace) FlushConntrack() error {
	h, err := ns.netfilter()
	if err == nil {
		err = h.ConntrackTableFlush(netlink.ConntrackTable)
	}
	if err != nil {
		return fmt.Errorf("flush conntrack: %w", err)
	}
	return nil
}

// netfilter is the namespace's socket for conntrack. A closed namespace has
// none to give, as with routing.
func (ns *Namespace) netfilter() (*netlink.Handle, error) {
	if !ns.handle.IsOpen() {
		return nil, errClosed
	}
	ns.conntrackOnce.Do(func() {
		ns.conntrack, ns.conntrackErr = netlink.NewHandleAt(ns.handle, unix.NETLINK_NETFILTER)
	})
	return ns.conntrack, ns.conntrackErr
}

// connections describes every tracked IPv4 connection, one on a line.
func (ns *Namespace) connections() (string, error) {
	h, err := ns.netfilter()
	if err != nil {
		return "", err
	}
	flows, err := dumped(func() ([]*netlink.ConntrackFlow, error) {
		return h.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	})
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, f := range flows {
		fmt.Fprintln(&text, f)
	}
	return text.String(), nil
}
