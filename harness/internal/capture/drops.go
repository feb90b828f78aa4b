package capture

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketDrops is what SO_MEMINFO says that a socket has lost. x/sys has no call
// for options that are arrays.
func socketDrops(fd int) (uint32, error) {
	var counts [meminfoDrops + 1]uint32
	size := uint32(unsafe.Sizeof(counts))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&counts)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, os.NewSyscallError("getsockopt SO_MEMINFO", errno)
	}
	return counts[meminfoDrops], nil
}
