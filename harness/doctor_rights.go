package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// examineRights checks what this user may do.
func examineRights() []examination {
	return []examination{{
		Check: Check{
			Name: "network namespaces", Purpose: "every node of a lab is one",
			Advice: advice() + "\nA kernel of your own needs CONFIG_NET_NS.",
		},
		alone: true,
		try:   func(_ context.Context, p *patient) error { return p.admit() },
	}, {
		Check: Check{
			Name: "user namespaces", Purpose: "labs without root",
			Advice: "Allow them: sudo sysctl user.max_user_namespaces=10000, and on Ubuntu 23.10 and later\n" +
				"sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0. In Docker: --privileged.\n" +
				"A kernel of your own needs CONFIG_USER_NS. Or go on as root.",
			Optional: os.Geteuid() == 0,
		},
		alone: true,
		try:   func(context.Context, *patient) error { return tryUserNamespace() },
	}, {
		Check: Check{
			Name: "settings", Purpose: "forwarding and TCP alike in every lab",
			Advice: "A container's /proc/sys is read-only: run it with --privileged, or give it\n" +
				"--security-opt systempaths=unconfined and the capabilities SYS_ADMIN and NET_ADMIN.",
		},
		try: func(_ context.Context, p *patient) error { return p.unset },
	}, {
		Check: Check{
			Name: "open files", Purpose: fmt.Sprintf("%d labs side by side", labsSideBySide),
			Advice:   fmt.Sprintf("Raise the limit: ulimit -Hn %d, or docker run --ulimit nofile=%[1]d.", filesNeeded),
			Optional: true,
		},
		alone: true,
		try:   func(context.Context, *patient) error { return tryOpenFiles() },
	}, {
		Check: Check{
			Name: "real-time scheduling", Purpose: "links that keep their delay on a busy machine",
			Advice:   "Run as root, or allow it: ulimit -r 1, or docker run --cap-add SYS_NICE --ulimit rtprio=1.",
			Optional: true,
		},
		alone: true,
		try:   func(context.Context, *patient) error { return tryRealTime() },
	}}
}

// tryUserNamespace makes the namespaces that [Main] makes for users other than
// root, and uses the capabilities that come with them, since AppArmor lets
// everybody make a user namespace and may take these away. The program to be
// run in them does not exist: with that as its only mistake, all else worked.
func tryUserNamespace() error {
	const nothing = "/proc/self/no-such-program"
	p, err := os.StartProcess(nothing, []string{nothing}, &os.ProcAttr{Sys: &syscall.SysProcAttr{
		Cloneflags:   unix.CLONE_NEWUSER,
		Unshareflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		UidMappings:  []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings:  []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}})
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return fmt.Errorf("clone(CLONE_NEWUSER): %w", errors.Unwrap(err))
	}
	return errors.Join(errors.New(nothing+" exists"), p.Kill(), p.Release())
}

const (
	// labsSideBySide is more than what keeps the processors of a usual machine
	// busy.
	labsSideBySide = 64
	// filesPerLab is what a lab of ten nodes holds: two descriptors for each,
	// one for each delayed link, three for each NAT, and its programs'.
	filesPerLab = 56
	filesNeeded = labsSideBySide * filesPerLab
)

// tryOpenFiles looks at the limit that this process has; Go raises the soft
// one to the hard one at its start.
func tryOpenFiles() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	if limit.Cur < filesNeeded {
		return fmt.Errorf("the limit is %d, enough for about %d", limit.Cur, limit.Cur/filesPerLab)
	}
	return nil
}

// tryRealTime makes a thread a real-time one, and ends it.
func tryRealTime() error {
	tried := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1}
		tried <- os.NewSyscallError("sched_setattr(SCHED_RR)", unix.SchedSetAttr(0, &attr, 0))
	}()
	return <-tried
}
