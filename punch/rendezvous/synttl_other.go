//go:build !linux

package rendezvous

import "net"

// saveSYNs does nothing on this system.
func saveSYNs(net.Listener) {}

// synTTL is not known on this system.
func synTTL(net.Conn) int { return 0 }
