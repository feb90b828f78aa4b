package harness

import (
	"errors"
	"fmt"
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
// with the same, so that init tells by a pipe that it has started one.
const setupFailed = 125

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
	var errs []error
	for _, flags := range ways {
		status, err := isolate(flags)
		if err == nil {
			return status, nil
		}
		errs = append(errs, err)
	}
	return 0, errors.Join(errs...)
}

// isolate runs this program in the new namespaces that flags names.
func isolate(flags uintptr) (status int, err error) {
	var ends [2]int
	// Init inherits the writing end, by its number.
	if err := unix.Pipe2(ends[:], 0); err != nil {
		return 0, os.NewSyscallError("pipe2", err)
	}
	started := os.NewFile(uintptr(ends[0]), "init's word")
	defer started.Close()
	unix.CloseOnExec(ends[0])
	signals := catch()
	defer signal.Stop(signals)
	pid, err := start(markerInit+strconv.Itoa(ends[1]), flags)
	err = errors.Join(err, unix.Close(ends[1]))
	if err != nil {
		return 0, err
	}
	status = attend(pid, pid, signals)
	if _, err := started.Read(make([]byte, 1)); err != nil {
		return 0, errSetup
	}
	return status, nil
}

var errSetup = errors.New("the new namespaces could not be prepared")

// start runs this program again, which finds where in its marker, and in new
// namespaces if flags names any.
func start(where string, flags uintptr) (pid int, err error) {
	if err := os.Setenv(marker, where); err != nil {
		return 0, err
	}
	defer os.Unsetenv(marker)
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: flags}
	if flags != 0 {
		// A group of its own: a terminal's Ctrl-C reaches the waiting process
		// alone, which passes it on once.
		attr.Setpgid = true
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

// catch begins to take in the signals that are passed on. It goes before the
// start of whom they are for, who may be sent one at once.
func catch() chan os.Signal {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	return signals
}

// attend passes signals on to the process pid until it has ended, and returns
// its status as a shell would. of is whom to wait for: pid, or -1 to take in
// every orphan as well.
func attend(pid, of int, signals <-chan os.Signal) (status int) {
	go func() {
		for s := range signals {
			_ = unix.Kill(pid, s.(unix.Signal)) // it may have ended just now
		}
	}()
	for {
		var w unix.WaitStatus
		ended, err := unix.Wait4(of, &w, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR), err == nil && ended != pid:
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

// initMain is the first process of the new namespaces. word is the number of
// the pipe by which it tells that the program has started.
func initMain(word string) int {
	runtime.LockOSThread()
	signals := catch()
	pid, err := begin(word)
	if err != nil {
		fmt.Fprintln(os.Stderr, "punchlab: prepare namespaces:", err)
		return setupFailed
	}
	return attend(pid, -1, signals)
}

// begin prepares the namespaces and starts the program in them.
func begin(word string) (pid int, err error) {
	pipe, err := strconv.Atoi(word)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", marker, err)
	}
	unix.CloseOnExec(pipe)
	id, err := prepare()
	if err != nil {
		return 0, err
	}
	if pid, err = start(id, 0); err != nil {
		return 0, err
	}
	_, err = unix.Write(pipe, []byte{1})
	return pid, os.NewSyscallError("write", err)
}

// prepare mounts a /proc that shows the new PID namespace and brings the
// loopback up. It returns the network namespace's ID.
func prepare() (id string, err error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return "", os.NewSyscallError("mount / private", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return "", os.NewSyscallError("mount /proc", err)
	}
	if err := kernel.OwnLoopbackUp(); err != nil {
		return "", err
	}
	return kernel.CurrentID()
}
