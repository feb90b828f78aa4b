// Package kernel holds everything that a lab asks of the Linux kernel by way
// of namespaces, netlink's routing family and conntrack. It is the only
// package that imports vishvananda/netns and vishvananda/netlink, and
// namespace.go is the only file in which a thread changes its namespace.
package kernel
