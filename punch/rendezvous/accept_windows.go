package rendezvous

import (
	"errors"

	"golang.org/x/sys/windows"
)

// passing tells an error of accept that goes away by itself from one that stays.
func passing(err error) bool {
	for _, e := range []windows.Errno{windows.WSAEMFILE, windows.WSAENOBUFS, windows.WSAECONNRESET} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
