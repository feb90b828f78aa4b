//go:build unix

package rendezvous

import (
	"errors"

	"golang.org/x/sys/unix"
)

// passing tells an error of accept that goes away by itself (accept(2)) from one that stays.
func passing(err error) bool {
	for _, e := range []unix.Errno{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.ECONNABORTED, unix.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
