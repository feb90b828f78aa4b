//go:build unix

package punch

import "syscall"

// refusals are the errors that an answer from the network makes of a SYN: a reset, or ICMP (ip(7), tcp(7)). A reset
// is ECONNRESET where the peer's SYN had come before it. A host without a route to the peer may get one; EPERM is a local
// filter's, which may be as temporary as any other.
var refusals = []error{
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ETIMEDOUT,
	syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN,
	syscall.EPROTO, syscall.ENOPROTOOPT, syscall.EACCES, syscall.EPERM,
}
