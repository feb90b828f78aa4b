package harness

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
)

// Three processes make the namespaces of Main: the one that was started waits;
// the first in the new PID namespace is its init, which takes in orphans; and
// the third runs the program. The program is not init itself, since waiting
// for orphans would take the children of os/exec from it.

// setupFailed is init's exit status where it could not prepare the namespaces,
// as env(1) and docker(1) have it for failures of their own. A program may end
// with the same, so that init tells by a pipe that it has started one, and from
// then on gets its signals. Later it tells by that pipe of each signal that has
// stopped the program.
const (
	setupFailed = 125
	hasStarted  = 0 // is no signal's number
)

// reenter runs this program in namespaces of its own and returns its exit
// status. An error means that it did not run.
func reenter() (status int, err error) {
	// Pdeathsig means the death of the thread that started the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	isolation := uintptr(unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID)
	ways := []uintptr{isolation | unix.CLONE_NEWUSER}
	if os.Geteuid() == 0 {
		ways = []uintptr{isolation, isolation | unix.CLONE_NEWUSER}
	}
	ignores := ignoredOnes()
	signals := catch()
	var errs []error
	for _, flags := range ways {
		status, err := isolate(flags, ignores, signals)
		if err == nil {
			return status, nil
		}
		errs = append(errs, err)
	}
	giveBack(signals)
	return 0, errors.Join(errs...)
}

// ignoredOnes are the signals for the program that the caller ignores, as bits.
func ignoredOnes() (bits uint64) {
	for _, s := range passedOn() {
		if ignored(s.(unix.Signal)) {
			bits |= 1 << s.(unix.Signal)
		}
	}
	return bits
}

// isolate runs this program in the new namespaces that flags names. Unless the
// program ran, signals keeps what came meanwhile.
func isolate(flags uintptr, ignores uint64, signals <-chan os.Signal) (status int, err error) {
	var ends [2]int
	// Init inherits the writing end, by its number.
	if err := unix.Pipe2(ends[:], 0); err != nil {
		return 0, os.NewSyscallError("pipe2", err)
	}
	words := os.NewFile(uintptr(ends[0]), "init's words")
	defer words.Close()
	unix.CloseOnExec(ends[0])
	pid, err := start(fmt.Sprintf("%s%d %t %x", markerInit, ends[1], flags&unix.CLONE_NEWUSER != 0, ignores), flags)
	err = errors.Join(err, unix.Close(ends[1]))
	if err != nil {
		return 0, err
	}
	started := make(chan bool)
	go func() { started <- heed(words, pid, signals) }()
	status = attend(pid, pid, nil)
	if !<-started {
		return 0, errSetup
	}
	return status, nil
}

// heed follows init's words until it has ended, and says whether it has started
// the program. Before that init gets no signals: the kernel drops those that
// the first process of a PID namespace has no handler for (pid_namespaces(7)).
func heed(words io.Reader, init int, signals <-chan os.Signal) (started bool) {
	var lender lender
	defer lender.end()
	for word := make([]byte, 1); ; {
		if _, err := words.Read(word); err != nil {
			return started
		}
		if word[0] == hasStarted {
			started = true
			go forward(signals, init)
			continue
		}
		lender.stopped(unix.Signal(word[0]), init)
	}
}

var errSetup = errors.New("the new namespaces could not be prepared")

// start runs this program again, which finds where in its marker, and in new
// namespaces if flags names any.
func start(where string, flags uintptr) (pid int, err error) {
	if err := os.Setenv(marker, where); err != nil {
		return 0, err
	}
	defer os.Unsetenv(marker)
	attr := &syscall.SysProcAttr{
		Pdeathsig:  syscall.SIGKILL,
		Cloneflags: flags,
		// A group of its own: a terminal's Ctrl-C reaches one process alone,
		// the waiting one or, if it was lent the terminal, the program.
		Setpgid: true,
	}
	if flags&unix.CLONE_NEWUSER != 0 {
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	p, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   attr,
	})
	if err != nil {
		return 0, err
	}
	pid = p.Pid // which Release overwrites
	return pid, p.Release()
}

// passedOn are the signals that are for the program.
func passedOn() []os.Signal {
	return []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT}
}

// catch begins to take in signals. It goes before the start of whom they are
// for, who may be sent one at once.
func catch() chan os.Signal {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, passedOn()...)
	if !ignored(unix.SIGTSTP) {
		signal.Notify(signals, unix.SIGTSTP)
	}
	return signals
}

// giveBack ends what catch began: what has come and went to nobody is for this
// process itself.
func giveBack(signals chan os.Signal) {
	signal.Stop(signals)
	close(signals)
	forward(signals, os.Getpid())
}

// forward passes signals on to a process.
func forward(signals <-chan os.Signal, pid int) {
	for s := range signals {
		_ = unix.Kill(pid, s.(unix.Signal)) // it may have ended just now
	}
}

// attend waits until the process pid has ended, and returns its status as a
// shell would. of is whom to wait for: pid, or -1 to take in every orphan as
// well. stopped, if there is one, is told of each signal that stops the process.
func attend(pid, of int, stopped func(unix.Signal)) (status int) {
	options := 0
	if stopped != nil {
		options = unix.WUNTRACED
	}
	for {
		var w unix.WaitStatus
		changed, err := unix.Wait4(of, &w, options, nil)
		switch {
		case errors.Is(err, unix.EINTR), err == nil && changed != pid:
			continue
		case err == nil && w.Stopped():
			stopped(w.StopSignal())
			continue
		case err != nil:
			fmt.Fprintln(os.Stderr, "punchlab: wait:", err)
			return setupFailed
		case w.Signaled():
			return 128 + int(w.Signal())
		}
		return w.ExitStatus()
	}
}

// initMain is the first process of the new namespaces. word says how it tells
// the process that waits of the program, and what it is to tell the program.
func initMain(word string) int {
	runtime.LockOSThread()
	signals := catch()
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, unix.SIGCONT)
	pid, pipe, err := begin(word)
	if err != nil {
		fmt.Fprintln(os.Stderr, "punchlab: prepare namespaces:", err)
		return setupFailed
	}
	go forward(signals, pid)
	go func() {
		for range continued {
			resume(pid)
		}
	}()
	return attend(pid, -1, func(s unix.Signal) {
		suspend()
		_, _ = unix.Write(pipe, []byte{byte(s)}) // whoever reads it is there, or init is not
	})
}

// begin prepares the namespaces and starts the program in them.
func begin(word string) (pid, pipe int, err error) {
	var p place
	if _, err := fmt.Sscanf(word, "%d %t %x", &pipe, &p.user, &p.ignored); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", marker, err)
	}
	unix.CloseOnExec(pipe)
	if err := p.prepare(); err != nil {
		return 0, 0, err
	}
	if pid, err = start(p.String(), 0); err != nil {
		return 0, 0, err
	}
	_, err = unix.Write(pipe, []byte{hasStarted})
	return pid, pipe, os.NewSyscallError("write", err)
}

// prepare mounts a /proc that shows the new PID namespace, brings the loopback
// up, and notes where this is.
func (p *place) prepare() error {
	// The old /proc tells what this process' number is outside.
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return err
	}
	if p.init, err = strconv.Atoi(self); err != nil {
		return fmt.Errorf("/proc/self: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("mount / private", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return os.NewSyscallError("mount /proc", err)
	}
	if err := kernel.OwnLoopbackUp(); err != nil {
		return err
	}
	p.id, err = kernel.CurrentID()
	return err
}
