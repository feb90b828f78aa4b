// Package link gives the links of a lab their conditions. Packets that a router
// forwards are handed to a process of ours through NFQUEUE and released when
// their time has come: the packets themselves stay in the kernel, checksums,
// GSO and all, and it works on every kernel, whether it has netem or not.
//
// Where a link only delays, no byte of a packet is looked at. Where it does more
// (package fate decides what), large packets of TCP are cut up into those of the
// wire first, and as much of each is read as the decision needs. A copy is sent
// by a raw socket in the router, whose packets are not forwarded and so not held
// again.
//
// The router must not track connections: packets that are held while their
// flow is being confirmed clash (see natrules.HoldForwarded).
package link
