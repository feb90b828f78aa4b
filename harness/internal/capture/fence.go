package capture

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/kernel"
)

// fence is a socket that speaks to itself, to find out when packets that are on
// their way have come to where they wait or end. What is sent over a veth pair
// or a loopback goes to the end of a queue of the sending processor, which all
// namespaces share and which is emptied in order (net/core/dev.c,
// enqueue_to_backlog and process_backlog). So whatever was in the queue before
// the fence's datagram has gone one step further when that arrives.
type fence struct{ fd int }

// meadow is a namespace with nothing but a loopback, for the fences of all
// labs: none of their packets, ports or rules are any lab's.
var meadow = sync.OnceValues(func() (*kernel.Namespace, error) {
	made, err := kernel.NewNamespaces(make([][]kernel.Sysctl, 1))
	if err != nil {
		return nil, err
	}
	return made[0], made[0].LoopbackUp()
})

// patience is how long a fence's datagram may take, on a machine however busy.
const patience = 10 * time.Second

func newFence() (*fence, error) {
	ns, err := meadow()
	if err != nil {
		return nil, fmt.Errorf("fence: %w", err)
	}
	f := &fence{fd: -1}
	err = ns.Do(func() (err error) {
		f.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return os.NewSyscallError("socket", err)
	})
	if err == nil {
		err = f.connect()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("fence: %w", err), f.close())
	}
	return f, nil
}

// connect binds the socket to a free port and makes it its own peer.
func (f *fence) connect() error {
	wait := unix.NsecToTimeval(patience.Nanoseconds())
	if err := unix.SetsockoptTimeval(f.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return os.NewSyscallError("setsockopt SO_RCVTIMEO", err)
	}
	if err := unix.Bind(f.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	self, err := unix.Getsockname(f.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	return os.NewSyscallError("connect", unix.Connect(f.fd, self))
}

// pass waits until every packet under way on this machine has gone so many
// steps, unless it was held or ended before.
func (f *fence) pass(steps int) error {
	err := kernel.OnEachProcessor(func() error {
		var word [1]byte
		for range steps {
			if _, err := unix.Write(f.fd, word[:]); err != nil {
				return os.NewSyscallError("write", err)
			}
			if _, err := retried(func() (int, error) { return unix.Read(f.fd, word[:]) }); err != nil {
				return os.NewSyscallError("read", err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("fence: %w", err)
	}
	return nil
}

// retried repeats a system call that a signal has ended, as Go's scheduler
// sends them.
func retried(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

func (f *fence) close() error {
	if f.fd < 0 {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(f.fd))
}
