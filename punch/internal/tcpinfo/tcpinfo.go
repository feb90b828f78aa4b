// Package tcpinfo asks the kernel what it knows about one TCP connection: its round trip and its state.
//
// It works on Linux; on every other system [Of] reports that nothing is known, and callers do without.
package tcpinfo

import "time"

// Info is what the kernel knows about a connection. A zero field is not known.
type Info struct {
	// MinRTT is the shortest round trip seen. It is the one to reckon with: a delayed acknowledgement
	// (RFC 1122, 4.2.3.2: up to 500 ms, on Linux 40 ms) inflates the smoothed round trip, never the shortest.
	MinRTT time.Duration
	// SmoothedRTT is the round trip of RFC 6298.
	SmoothedRTT time.Duration
	// Silent tells that our SYN has left and nothing has come back yet (SYN-SENT of RFC 9293).
	Silent bool
	// Pending tells that the other end has not acknowledged all that we have written, or that the connection is dead.
	Pending bool
}

// RTT is the shortest round trip seen, or the smoothed one on kernels before 4.6, which do not keep the shortest.
func (i Info) RTT() time.Duration {
	if i.MinRTT > 0 {
		return i.MinRTT
	}
	return i.SmoothedRTT
}
