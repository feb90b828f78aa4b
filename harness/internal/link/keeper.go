package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// keeper is a thread that keeps the time of many labs' links. All state of the
// links belongs to it, and everybody else asks it.
type keeper struct {
	epoll int
	timer int // timerfd: Go's own timers are whole milliseconds when idle
	wake  int // eventfd: there is something in asked
	stamp int // a socket that only exists to have packets time-stamped
	labs  int // guarded by the pool

	ended chan struct{}

	mu    sync.Mutex
	asked []func()
	over  bool // nothing can be asked any more

	// The rest belongs to the thread.
	wires   map[int]*wire // by descriptor
	agenda  agenda
	start   time.Time
	armed   time.Duration // what the timer is set to
	buffer  []byte
	stopped bool
}

func newKeeper() (_ *keeper, err error) {
	k := &keeper{
		epoll: -1, timer: -1, wake: -1, stamp: -1, ended: make(chan struct{}),
		start: time.Now(), armed: never, buffer: make([]byte, messageSize), wires: map[int]*wire{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.closeDescriptors())
		}
	}()
	if k.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if k.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	if k.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	if k.stamp, err = stampingSocket(); err != nil {
		return nil, err
	}
	if err := errors.Join(k.watch(k.timer), k.watch(k.wake)); err != nil {
		return nil, err
	}
	go k.run()
	return k, nil
}

// stampingSocket switches on the kernel's time-stamping of received packets,
// which is on while any socket asks for it (net/core/dev.c,
// net_enable_timestamp). The stamp says when a packet reached its router; the
// moment at which this process hears of it may be much later.
func stampingSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return -1, errors.Join(os.NewSyscallError("setsockopt SO_TIMESTAMPNS", err), unix.Close(fd))
	}
	return fd, nil
}

func (k *keeper) watch(fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(k.epoll, unix.EPOLL_CTL_ADD, fd, &event))
}

// ask runs f on the keeper's thread and returns when it has ended. A keeper
// that was stopped runs nothing.
func (k *keeper) ask(f func()) {
	if done := k.enqueue(f, false); done != nil {
		<-done
	}
}

// enqueue hands f to the thread and returns what is closed when f has ended,
// or nil if the keeper was stopped; last says that nothing comes after f.
func (k *keeper) enqueue(f func(), last bool) (done chan struct{}) {
	done = make(chan struct{})
	k.mu.Lock()
	if k.over {
		k.mu.Unlock()
		return nil
	}
	k.over = last
	k.asked = append(k.asked, func() { f(); close(done) })
	k.mu.Unlock() // before the thread wakes up and wants it
	one := binary.NativeEndian.AppendUint64(nil, 1)
	if _, err := unix.Write(k.wake, one); err != nil {
		panic(fmt.Sprintf("link: eventfd: %v", err)) // it is open and far from full
	}
	return done
}

// run is the thread: it waits in the kernel, which wakes it directly when a
// packet arrives or is due.
func (k *keeper) run() {
	defer close(k.ended)
	runtime.LockOSThread()
	events := make([]unix.EpollEvent, 64)
	for !k.stopped {
		n, err := epollWait(k.epoll, events)
		if err != nil && !errors.Is(err, unix.EINTR) {
			panic(fmt.Sprintf("link: epoll_wait: %v", err)) // only wrong arguments fail
		}
		for _, event := range events[:max(n, 0)] {
			k.serve(int(event.Fd))
		}
		k.arm(k.release())
	}
}

// serve does what a readable descriptor asks for.
func (k *keeper) serve(fd int) {
	switch fd {
	case k.timer:
		k.armed = never
	case k.wake:
		var count [8]byte
		_, _ = unix.Read(k.wake, count[:]) // empty if an earlier read took it
		k.mu.Lock()
		asked := k.asked
		k.asked = nil
		k.mu.Unlock()
		for _, f := range asked {
			f()
		}
	default:
		if w := k.wires[fd]; w != nil {
			k.read(w)
		}
	}
}

// read takes in all packets that the kernel has for w.
func (k *keeper) read(w *wire) {
	seen, err := w.read(k.buffer, k.moment)
	w.owner.stats.add(seen)
	k.agenda.add(&w.up)
	k.agenda.add(&w.down)
	if err != nil {
		w.owner.note(err)
		_ = unix.EpollCtl(k.epoll, unix.EPOLL_CTL_DEL, w.fd, nil) // or it would stay readable
	}
}

// clock is the time by which packets are due.
func (k *keeper) clock() time.Duration { return time.Since(k.start) }

// moment is now, by the machine's clock and by the keeper's.
func (k *keeper) moment() (time.Time, time.Duration) {
	now := time.Now()
	return now, now.Sub(k.start)
}

// never is later than any packet's time.
const never = time.Duration(1<<63 - 1)

// release lets all packets go whose time has come. It returns the time of the
// next one, or never.
func (k *keeper) release() (next time.Duration) {
	for k.agenda.next() <= k.clock() {
		q := k.agenda.first()
		seen, err := q.release(k.clock)
		if err != nil {
			q.wire.owner.note(err)
		}
		q.wire.owner.stats.add(seen)
		k.agenda.settle()
	}
	return k.agenda.next()
}

// arm sets the timer for the packet that is due next. Setting it also forgets
// an expiry (fs/timerfd.c, timerfd_setup), so that nobody needs to read it.
func (k *keeper) arm(due time.Duration) {
	if due == k.armed && due != never {
		return
	}
	k.armed = due
	var spec unix.ItimerSpec
	if due != never {
		wait := max(due-k.clock(), time.Nanosecond) // zero would switch it off
		spec.Value = unix.NsecToTimespec(wait.Nanoseconds())
	}
	if err := unix.TimerfdSettime(k.timer, 0, &spec, nil); err != nil {
		panic(fmt.Sprintf("link: timerfd_settime: %v", err)) // only wrong arguments fail
	}
}

// add begins to serve a wire, whose descriptor stays the caller's if it fails.
func (k *keeper) add(w *wire) error {
	if err := k.watch(w.fd); err != nil {
		return err
	}
	k.wires[w.fd] = w
	return nil
}

// remove closes all links of a lab.
func (k *keeper) remove(of *wires) error {
	var errs []error
	for _, w := range of.all {
		k.agenda.remove(&w.up)
		k.agenda.remove(&w.down)
		delete(k.wires, w.fd)
		errs = append(errs, w.close())
	}
	of.all = nil
	return errors.Join(errs...)
}

// stop ends the thread.
func (k *keeper) stop() error {
	k.enqueue(func() { k.stopped = true }, true)
	<-k.ended
	return k.closeDescriptors()
}

func (k *keeper) closeDescriptors() error {
	var errs []error
	for _, fd := range []int{k.timer, k.wake, k.stamp, k.epoll} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	return errors.Join(errs...)
}
