// Package capture sees what passes in a lab: every packet on every leg, by
// packet sockets, and every event of a connection that a NAT tracks, by
// conntrack's own messages. It is the owner of mdlayher/netlink.
package capture
