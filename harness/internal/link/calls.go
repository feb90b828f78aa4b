package link

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A keeper's system calls do not tell Go's scheduler of themselves. It would
// look after a thread that stays in the kernel and give its place away, which
// costs more than the calls do. Instead a keeper keeps its place for good,
// one of those that makeRoom adds. When the garbage collector has to stop it,
// the signal that Go sends it ends the wait.

// epollWait waits until something is ready, without a limit.
func epollWait(fd int, events []unix.EpollEvent) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), ^uintptr(0), 0, 0)
	return result(n, errno)
}

// read reads a message from a socket that does not block.
func read(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return result(n, errno)
}

// write writes a message; the kernel carries out what it says before it
// returns.
func write(fd int, b []byte) error {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	_, err := result(n, errno)
	return err
}

// send4 sends an IPv4 packet with its header from a raw socket, to where its
// header says.
func send4(fd int, packet []byte) error {
	to := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte(packet[16:20])}
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&packet[0])), uintptr(len(packet)),
		0, uintptr(unsafe.Pointer(&to)), unix.SizeofSockaddrInet4)
	_, err := result(n, errno)
	return err
}

func result(n uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
