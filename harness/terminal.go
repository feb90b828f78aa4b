package harness

import (
	"os"
	"os/signal"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// To a shell and its terminal, the process that waits is the job, and the
// program is not (credentials(7), tty_ioctl(4)). Three things make it one:
//
//   - Ctrl-Z. The process that waits passes TSTP on. When it has stopped the
//     program, init stops all others, and the process that waits stops as well:
//     the shell sees its job stopped. The shell lets that process go on, which
//     tells init to let everything go on.
//   - Reading. A background process that reads from the terminal is stopped by
//     TTIN. If the process that waits has the terminal at that moment, it lends
//     it to init's process group and lets the program go on; init hands it to
//     the program's group. What is typed is the program's from then on, Ctrl-C
//     and Ctrl-Z included.
//   - The end. The process that waits takes the terminal back.

// lender is the process that waits, as far as it has to do with a terminal.
type lender struct {
	asked bool // the program wants the terminal
	lent  bool
}

// stopped has this process follow the program, which a signal has stopped, and
// tells init to let everything go on.
func (l *lender) stopped(by unix.Signal, init int) {
	asks := by == unix.SIGTTIN || by == unix.SIGTTOU
	l.asked = l.asked || asks
	if !asks || !hasTerminal() {
		if by == unix.SIGSTOP {
			by = unix.SIGTSTP // an orphaned process group cannot be stopped by it, and nobody would let it go on
		}
		l.stop(by)
	}
	if l.asked && hasTerminal() && giveTerminal(init) == nil {
		l.lent = true
	}
	_ = unix.Kill(init, unix.SIGCONT) // it may have ended just now
}

// stop stops this process until it is told to go on. If the terminal is lent,
// nobody has yet told the others of this job to stop.
func (l *lender) stop(by unix.Signal) {
	if ignored(by) {
		return
	}
	// Go does not go back to a stop signal's usual effect.
	was, err := setAction(by, &action{ignore})
	if err != nil {
		return
	}
	defer func() { _, _ = setAction(by, &was) }()
	if l.lent {
		_ = unix.Kill(0, by)
	}
	if _, err := setAction(by, &action{}); err != nil {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// To this thread, so that it has happened when the call returns.
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), by)
}

// end takes the terminal back. A shell would, but not a script that goes on in
// the same job.
func (l *lender) end() {
	if l.lent && !hasTerminal() {
		signal.Ignore(unix.SIGTTOU) // this process ends next
		_ = giveTerminal(unix.Getpgrp())
	}
}

// suspend stops all processes of this PID namespace but init, which calls it.
func suspend() { _ = unix.Kill(-1, unix.SIGTSTP) }

// resume lets them go on, with the terminal if init was lent it.
func resume(program int) {
	if hasTerminal() {
		_ = giveTerminal(program)
	}
	_ = unix.Kill(-1, unix.SIGCONT)
}

// hasTerminal says whether this process' group has the controlling terminal.
func hasTerminal() (has bool) {
	_ = withTerminal(func(tty int) error {
		group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
		has = err == nil && group == unix.Getpgrp()
		return err
	})
	return has
}

// giveTerminal makes a process group the terminal's.
func giveTerminal(group int) error {
	return withTerminal(func(tty int) error { return unix.IoctlSetPointerInt(tty, unix.TIOCSPGRP, group) })
}

func withTerminal(f func(tty int) error) error {
	tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(tty)
	return f(tty)
}

// action is the kernel's struct sigaction, zero for a signal's usual effect.
// Its first word is the handler (include/uapi/asm-generic/signal.h).
type action [8]uintptr

// ignore is SIG_IGN as a handler.
const ignore = 1

// setAction replaces what a signal does unless replacement is nil, and returns what it
// did.
func setAction(of unix.Signal, replacement *action) (was action, err error) {
	const maskSize = 8 // bytes of a signal mask
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(of),
		uintptr(unsafe.Pointer(replacement)), uintptr(unsafe.Pointer(&was)), maskSize, 0, 0)
	if errno != 0 {
		return was, errno
	}
	return was, nil
}

// ignored says whether a signal has no effect on this process. [signal.Ignored]
// does not know what a process was started with of the signals that stop it.
func ignored(s unix.Signal) bool {
	was, err := setAction(s, nil)
	return signal.Ignored(s) || err == nil && was[0] == ignore
}
