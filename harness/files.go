package harness

import "golang.org/x/sys/unix"

// filesWanted is how many files a program with labs may have open, if that can be had: a
// trial that guesses ports has up to two thousand sockets, and dozens of them run side by
// side.
const filesWanted = 1 << 18

// raiseFiles raises the hard limit of open files, where that is permitted
// (CAP_SYS_RESOURCE, setrlimit(2)): services and build machines often have a low one. Go
// raises the soft limit to it when a program starts, and gives the programs that this one
// starts the old one back (os/rlimit.go). It is called before Main runs the program anew.
func raiseFiles() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || limit.Max >= filesWanted {
		return
	}
	limit.Max = filesWanted
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) // who may not keeps the old one, which doctor looks at
}
