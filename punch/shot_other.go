//go:build !linux

package punch

import (
	"errors"
	"syscall"
)

// canArm tells that a SYN's TTL can be chosen such that its socket survives its death. Here nothing keeps the error from
// the socket.
const canArm = false

// aim refuses what cannot be had here.
func (s shot) aim(int) error {
	if s.plain() {
		return nil
	}
	return errors.ErrUnsupported
}

func (s shot) restore(int) error { return nil }

func unaim(syscall.Conn) {}
