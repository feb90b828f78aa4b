package kernel

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Namespace is a network namespace without a name: it lives as long as a
// descriptor, a socket or a thread holds it, and so never outlives the
// process, not even after SIGKILL. Its methods are safe for concurrent use,
// Close excepted.
type Namespace struct {
	handle netns.NsHandle
	route  *netlink.Handle // NETLINK_ROUTE of this namespace, nil once closed

	conntrackOnce sync.Once
	conntrack     *netlink.Handle // NETLINK_NETFILTER, opened at first use
	conntrackErr  error

	tracked view // how many connections conntrack knows
	devices view // the interfaces and what they have counted
}

// Sysctl is one setting below /proc/sys/net of a namespace. A new namespace
// copies some settings of its creator's, so a lab sets each that it relies on.
type Sysctl struct {
	Path  string // for example "ipv4/ip_forward"
	Value string
	// Optional settings may be missing from a kernel without harm.
	Optional bool
}

// home is the namespace that this process' threads live in.
var home = sync.OnceValues(func() (netns.NsHandle, error) {
	fd, err := unix.Open(ownNamespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return netns.None(), os.NewSyscallError("open "+ownNamespace, err)
	}
	return netns.NsHandle(fd), nil
})

// ownNamespace is the calling thread's namespace. /proc/self would be that of
// the thread group's leader.
const ownNamespace = "/proc/thread-self/ns/net"

// NewNamespaces makes one namespace for each list of settings: all of them, or
// none and an error. One thread makes them all, which saves a change of
// namespace for each.
func NewNamespaces(settings [][]Sysctl) (made []*Namespace, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, CloseAll(made))
			made = nil
		}
	}()
	err = away(func() error {
		for _, s := range settings {
			ns, err := newNamespace(s)
			if err != nil {
				return err
			}
			made = append(made, ns)
		}
		return nil
	})
	if err != nil {
		return made, err
	}
	for _, ns := range made {
		if ns.route, err = netlink.NewHandleAt(ns.handle, unix.NETLINK_ROUTE); err != nil {
			return made, fmt.Errorf("routing netlink: %w", err)
		}
	}
	return made, nil
}

// newNamespace moves the calling thread into a namespace of its making.
func newNamespace(settings []Sysctl) (*Namespace, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, os.NewSyscallError("unshare(CLONE_NEWNET)", err)
	}
	fd, err := unix.Open(ownNamespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open "+ownNamespace, err)
	}
	for _, s := range settings {
		if err := s.write(); err != nil {
			return nil, errors.Join(err, unix.Close(fd))
		}
	}
	return &Namespace{handle: netns.NsHandle(fd)}, nil
}

// write sets s in the namespace of the calling thread, which /proc/sys/net
// follows. A value that is right already is left alone: many a write waits for
// the lock that all namespaces share (rtnl_lock), and a read does not.
func (s Sysctl) write() error {
	fd, err := unix.Open("/proc/sys/net/"+s.Path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ENOENT) && s.Optional:
		return nil
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("sysctl %s: /proc/sys is mounted read-only here, as in an ordinary container: %w", s.Path, err)
	case err != nil:
		return fmt.Errorf("sysctl %s: %w", s.Path, err)
	}
	if !s.holds(fd) {
		_, err = unix.Pwrite(fd, []byte(s.Value), 0)
	}
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return fmt.Errorf("sysctl %s=%s: %w", s.Path, s.Value, err)
	}
	return nil
}

// Set changes a setting of the namespace.
func (ns *Namespace) Set(s Sysctl) error { return ns.Do(s.write) }

// holds says whether the open setting has its value already.
func (s Sysctl) holds(fd int) bool {
	var text [64]byte
	n, err := unix.Read(fd, text[:])
	return err == nil && slices.Equal(strings.Fields(string(text[:n])), strings.Fields(s.Value))
}

// Do runs f on a thread that is in ns, and returns f's error. Sockets that f
// opens belong to ns for good; goroutines that f starts do not. f must not
// wait: each waiting f holds a thread. A panic in f is the caller's.
func (ns *Namespace) Do(f func() error) error {
	return away(func() error {
		if err := netns.Set(ns.handle); err != nil {
			return os.NewSyscallError("setns", err)
		}
		return f()
	})
}

// away runs f on a locked thread that f may move to another namespace, and
// brings the thread home. A thread that cannot be brought home ends with its
// goroutine, which stays locked to it.
func away(f func() error) error {
	base, err := home()
	if err != nil {
		return err
	}
	var panicked any
	done := make(chan struct{})
	err = errEnded
	go func() {
		defer close(done)
		runtime.LockOSThread()
		defer func() {
			panicked = recover()
			if netns.Set(base) == nil {
				runtime.UnlockOSThread()
			}
		}()
		err = f()
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return err
}

// errEnded is returned where f called runtime.Goexit, as testing.FailNow does.
var errEnded = errors.New("the function ended its goroutine instead of returning")

// Start starts cmd as a process of ns. Its goroutines, which pass its output
// on, are outside. All programs are started by one thread, which lasts as long
// as this process: a Pdeathsig of theirs means the death of the thread that
// started them.
func (ns *Namespace) Start(cmd *exec.Cmd) error {
	base, err := home()
	if err != nil {
		return err
	}
	var panicked any
	done := make(chan struct{})
	starter() <- func() {
		defer close(done)
		defer func() { panicked = recover() }()
		// A thread that cannot be brought home enters another at the next start.
		defer func() { _ = netns.Set(base) }()
		if err = os.NewSyscallError("setns", netns.Set(ns.handle)); err == nil {
			err = cmd.Start()
		}
	}
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return err
}

// starter is the thread that starts programs: it makes one call after the
// other.
var starter = sync.OnceValue(func() chan<- func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread() // for good
		for call := range calls {
			call()
		}
	}()
	return calls
})

// FD is the descriptor of the namespace, for libraries that take one. It stays
// the namespace's own.
func (ns *Namespace) FD() int { return int(ns.handle) }

// ID names the namespace as /proc does, for example "net:[4026532301]".
func (ns *Namespace) ID() string {
	var st unix.Stat_t
	if err := unix.Fstat(ns.FD(), &st); err != nil {
		return "net:[?]"
	}
	return fmt.Sprintf("net:[%d]", st.Ino)
}

// CurrentID is the name of the namespace that this process lives in.
func CurrentID() (string, error) {
	id, err := os.Readlink(ownNamespace)
	return strings.TrimSpace(id), err
}

// errClosed is what a closed namespace answers to everything.
var errClosed = fmt.Errorf("namespace: %w", os.ErrClosed)

// routing is the namespace's socket for links, addresses and routes. A closed
// namespace has none to give: a netlink.Handle that is closed would talk to the
// namespace that this process lives in instead, which may be the machine's.
func (ns *Namespace) routing() (*netlink.Handle, error) {
	if ns.route == nil {
		return nil, errClosed
	}
	return ns.route, nil
}

// Close drops the descriptors; the kernel frees the namespace, in its own
// time, with the last socket in it.
func (ns *Namespace) Close() error {
	if ns.route != nil {
		ns.route.Close()
		ns.route = nil
	}
	if ns.conntrack != nil {
		ns.conntrack.Close()
	}
	return errors.Join(ns.tracked.close(), ns.devices.close(), ns.handle.Close())
}

// CloseAll closes every namespace and joins the errors.
func CloseAll(all []*Namespace) error {
	var errs []error
	for _, ns := range all {
		errs = append(errs, ns.Close())
	}
	return errors.Join(errs...)
}
