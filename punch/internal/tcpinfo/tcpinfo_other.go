//go:build !linux

package tcpinfo

// Of knows nothing on this system.
func Of(any) (Info, bool) { return Info{}, false }
