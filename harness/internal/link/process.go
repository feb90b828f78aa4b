package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Links are kept by a process of their own, a second run of this program, that
// the kernel runs before others. A wire must not be late because the machine
// is busy, or because the program that uses it is: its garbage collector stops
// it, and its threads hold each other up while others have the processors. As
// threads of that program, even threads in real time, links were late by
// milliseconds in a quarter of all trials on a busy machine.

// keeping is the connection to that process. It is started with the first lab
// and ends when this process does, however it ends.
var keeping struct {
	sync.Mutex
	conn *net.UnixConn
}

// keepsLinks is the environment variable that makes a run of this program the
// process that keeps the links.
const keepsLinks = "PUNCHLAB_LINKS"

// keepsLinksFrom is the descriptor on which it is told of labs.
const keepsLinksFrom = 3

// init is where that process begins, before anything of the program.
func init() {
	if os.Getenv(keepsLinks) == "" {
		return
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "punchlab: links:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// connect makes a lab known to the keeping process, which it starts if there is
// none, and returns the lab's own connection.
func connect() (*net.UnixConn, error) {
	keeping.Lock()
	defer keeping.Unlock()
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	if keeping.conn != nil {
		if say(keeping.conn, request{}, int(theirs.Fd())) == nil {
			return ours, nil
		}
		_ = keeping.conn.Close() // it has died
	}
	if keeping.conn, err = start(); err == nil {
		err = say(keeping.conn, request{}, int(theirs.Fd()))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the process that keeps the links: %w", err), ours.Close())
	}
	return ours, nil
}

// start runs this program again to keep links.
func start() (*net.UnixConn, error) {
	makeRoom()
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: its priority ends with it
		hurry()
		started <- spawn(theirs)
	}()
	if err := <-started; err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	return ours, nil
}

// spawn starts the process, which inherits the priority of the calling thread.
// It has a process group of its own, since a terminal's Ctrl-C is not for it.
func spawn(from *os.File) error {
	p, err := os.StartProcess("/proc/self/exe", []string{"punchlab-links"}, &os.ProcAttr{
		Env:   []string{keepsLinks + "=1", "GOTRACEBACK=all"},
		Files: []*os.File{nil, nil, os.Stderr, from},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return err
	}
	return p.Release()
}

// serve is the process: each message brings the connection of a lab. It ends
// when the program that started it has ended.
func serve() error {
	makeRoom()
	conn, err := unixConn(keepsLinksFrom)
	if err != nil {
		return err
	}
	for {
		var r request
		fd, err := hear(conn, &r)
		if err != nil {
			return unexpected(err)
		}
		lab, err := unixConn(fd)
		if err != nil {
			return err
		}
		go serveLab(lab)
	}
}

// serveLab does what a lab asks for until it is closed, or its program ends.
func serveLab(conn *net.UnixConn) {
	defer conn.Close()
	w, err := newWires()
	if err != nil {
		refuse(conn, err)
		return
	}
	for {
		var r request
		fd, err := hear(conn, &r)
		if err != nil {
			complain(err)
			break
		}
		a, err := w.do(r, fd)
		if err := reply(conn, a, err); err != nil {
			complain(err)
			break
		}
		if r.Op == opClose {
			break
		}
	}
	_ = w.close() // told already, where anybody listened
}

// unexpected is an error of talking to a program, other than that it has ended or has
// closed its lab.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE) {
		return nil
	}
	return err
}

// complain says why this process leaves a lab that is not closed. The lab itself only
// sees that nobody answers.
func complain(err error) {
	if err := unexpected(err); err != nil {
		fmt.Fprintln(os.Stderr, "punchlab: links: a lab is left:", err)
	}
}

// refuse answers a lab's first request with an error. Its next one finds the
// connection closed.
func refuse(conn *net.UnixConn, err error) {
	var r request
	fd, gone := hear(conn, &r)
	if gone == nil {
		_ = reply(conn, answer{}, err)
	}
	if fd != noDescriptor {
		_ = unix.Close(fd)
	}
}

// reply tells a lab what came of its request.
func reply(conn *net.UnixConn, a answer, err error) error {
	if err != nil {
		text := err.Error()
		a.Err = text[:min(len(text), longestError)]
	}
	return say(conn, a, noDescriptor)
}

// perProcessor is how many goroutines may run Go code at once for each
// processor while there are labs.
const perProcessor = 4

// makeRoom raises GOMAXPROCS, unless the user has set it. A goroutine in a
// system call, as a keeper that waits or a netlink request, keeps its place
// among the running ones for up to ten milliseconds (runtime/proc.go, retake),
// for which others that have become ready would have to wait.
func makeRoom() {
	if n := perProcessor * runtime.NumCPU(); os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < n {
		runtime.GOMAXPROCS(n)
	}
}

// shortSlice is what a thread without privilege may ask for: to be run in
// small portions, and therefore soon (kernel/sched/fair.c since Linux 6.12).
const shortSlice = 100 * time.Microsecond

// hurry has the kernel run the calling thread, and the process that it starts,
// before others as far as that is allowed: in real time as root; otherwise with
// short slices.
func hurry() {
	for _, attr := range []unix.SchedAttr{
		{Policy: unix.SCHED_RR, Priority: 1},
		{Policy: unix.SCHED_NORMAL, Nice: -20, Runtime: uint64(shortSlice)},
		{Policy: unix.SCHED_NORMAL, Runtime: uint64(shortSlice)},
	} {
		attr.Size = unix.SizeofSchedAttr
		if unix.SchedSetAttr(0, &attr, 0) == nil {
			return
		}
	}
}
