package main

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// attached is a program that has the terminal, as a shell's job in the
// foreground has it: what is typed is the program's, Ctrl-C and Ctrl-Z included
// (credentials(7)). When it stops, this program stops too; when the shell has
// that go on, so does the program.
type attached struct {
	tell *transcript
	tty  int
}

// terminalFor is the terminal for a program that is alone, or nil where there is
// none.
func terminalFor(tell *transcript) *attached {
	tty := int(os.Stdin.Fd())
	if _, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP); err != nil {
		return nil // no terminal, or that of another session
	}
	return &attached{tell: tell, tty: tty}
}

// errNoTerminal is where whoever has the terminal does not give it away.
var errNoTerminal = errors.New("the terminal cannot be had: run it from a shell that controls jobs, or with < /dev/null")

// attempts bounds how often the terminal is asked for: without a shell that
// controls jobs it is not given at all.
const attempts = 100

// take asks for the terminal as a program in the background does that reads:
// it is stopped, and goes on when it may have it ([harness.Main]).
func (a *attached) take() bool {
	for range attempts {
		if a.owner() == unix.Getpgrp() {
			return true
		}
		stopSelf(unix.SIGTTIN)
	}
	return false
}

// owner is the process group that has the terminal, or 0 if that is none of
// this PID namespace.
func (a *attached) owner() int {
	group, err := unix.IoctlGetInt(a.tty, unix.TIOCGPGRP)
	if err != nil {
		return 0
	}
	return group
}

// handOver gives the terminal that this program has to a process group, and
// lets it go on: who wants to read sooner is stopped by TTIN.
func (a *attached) handOver(group int) {
	err := unix.IoctlSetPointerInt(a.tty, unix.TIOCSPGRP, group)
	ended := errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EPERM) // tcsetpgrp(3)
	if err != nil && !ended {
		a.tell.say("%v", os.NewSyscallError("tcsetpgrp", err))
	}
	_ = unix.Kill(-group, unix.SIGCONT) // it may have ended just now
}

// stopped follows the program, which a signal has stopped, until it may go on.
func (a *attached) stopped(group int, by unix.Signal) {
	asks := by == unix.SIGTTIN || by == unix.SIGTTOU
	if owner := a.owner(); !asks || owner != group && owner != unix.Getpgrp() {
		if by == unix.SIGSTOP {
			by = unix.SIGTSTP
		}
		stopSelf(by)
	}
	if a.owner() == unix.Getpgrp() {
		a.handOver(group)
		return
	}
	_ = unix.Kill(-group, unix.SIGCONT) // it may have been killed meanwhile
}

// release takes the terminal back from a program that has ended, so that Ctrl-C
// is for this one again. If a shell has it, it stays there.
func (a *attached) release() {
	if owner := a.owner(); owner == 0 || owner == unix.Getpgrp() {
		return
	}
	signal.Ignore(syscall.SIGTTOU) // which stops those in the background that do this
	if err := unix.IoctlSetPointerInt(a.tty, unix.TIOCSPGRP, unix.Getpgrp()); err != nil {
		a.tell.say("%v", os.NewSyscallError("tcsetpgrp", err))
	}
}

// stopSelf stops this process until it is told to go on. The signal goes to the
// calling thread, so that it has happened when the call returns.
func stopSelf(by unix.Signal) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), by)
}
