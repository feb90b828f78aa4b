// Package link gives the links of a lab their delay. Packets that a router
// forwards are handed to a process of ours through NFQUEUE and released when
// their time has come: the packets themselves stay in the kernel, checksums,
// GSO and all, and it works on every kernel, whether it has netem or not.
//
// The router must not track connections: packets that are held while their
// flow is being confirmed clash (see natrules.HoldForwarded).
package link
