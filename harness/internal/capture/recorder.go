package capture

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/recording"
)

// Place is where packets are to be seen.
type Place struct {
	Namespace *kernel.Namespace
	Leg       recording.Leg
}

// NAT is whose connections are to be heard of.
type NAT struct {
	Namespace *kernel.Namespace
	Node      string
}

// Sizes are those of buffers.
type Sizes struct {
	// Blocks of 64 KiB, 256 packets each, are every leg's.
	Blocks int
	// Events is how many bytes of messages wait for each NAT's reader, as far
	// as the machine allows.
	Events int
}

// Default is for a burst of birthday punching: the 1,600 SYNs of a peer are less than a
// leg holds, however late they are fetched. Hundreds of labs are watched at once.
var Default = Sizes{Blocks: 8, Events: eventBuffer}

// fetching is the time between two looks at the legs: often enough for 400,000
// packets in a second at a leg of the default size. A look costs microseconds.
const fetching = 5 * time.Millisecond

// Recorder makes one recording after the other of one lab. Between them its
// sockets rest, as opening and closing them takes twenty milliseconds each, and
// waking them a tenth of one. Its methods may be used concurrently.
type Recorder struct {
	mu     sync.Mutex
	closed bool
	legs   []leg
	nats   []*listener
	fence  *fence
	steps  int

	began time.Time // zero while nothing is recorded
	reel  reel
	stop  chan struct{} // closed to end the fetching
	ended chan struct{} // closed when it has ended
}

type leg struct {
	recording.Leg
	ring *ring
}

// New opens the sockets of a recorder. steps is how many links of a lab the
// longest way of a packet has.
func New(places []Place, nats []NAT, steps int, sizes Sizes) (_ *Recorder, err error) {
	r := &Recorder{steps: steps}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if r.fence, err = newFence(); err != nil {
		return nil, err
	}
	if err := r.openLegs(places, sizes.Blocks); err != nil {
		return nil, err
	}
	for _, n := range nats {
		l, err := newListener(n.Node, n.Namespace, sizes.Events)
		if err != nil {
			return nil, err
		}
		r.nats = append(r.nats, l)
	}
	return r, nil
}

// openLegs opens all rings side by side, as each waits for the kernel.
func (r *Recorder) openLegs(places []Place, blocks int) error {
	for _, p := range places {
		var ring *ring
		err := p.Namespace.Do(func() (err error) { ring, err = newSocket(); return err })
		if err != nil {
			return fmt.Errorf("%s: %w", p.Leg, err)
		}
		r.legs = append(r.legs, leg{p.Leg, ring})
	}
	return r.onAll(func(l leg) error { return l.ring.prepare(l.Interface, blocks) })
}

// onAll does something with all legs at the same time.
func (r *Recorder) onAll(f func(leg) error) error {
	errs := make([]error, len(r.legs))
	var working sync.WaitGroup
	for i, l := range r.legs {
		working.Go(func() {
			if err := f(l); err != nil {
				errs[i] = fmt.Errorf("%s: %w", l, err)
			}
		})
	}
	working.Wait()
	return errors.Join(errs...)
}

// errClosed is what a closed recorder answers to everything.
var errClosed = fmt.Errorf("recorder: %w", os.ErrClosed)

// Start begins a recording. Whatever is sent after it has returned is in it.
func (r *Recorder) Start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return errClosed
	case !r.began.IsZero():
		return errors.New("a recording is under way")
	}
	r.fetch() // what came in while the last recording ended is in none
	r.reel, r.began = reel{}, time.Now()
	if err := r.listen(); err != nil {
		_, failed := r.rest()
		r.began = time.Time{}
		return errors.Join(err, failed)
	}
	r.stop, r.ended = make(chan struct{}), make(chan struct{})
	go r.keepFetching(r.stop, r.ended)
	return nil
}

// listen has all sockets let packets and events in.
func (r *Recorder) listen() error {
	for _, n := range r.nats {
		if err := n.listen(); err != nil {
			return err
		}
	}
	for _, l := range r.legs {
		_, err := l.ring.lost() // sets the count to zero
		if err == nil {
			err = l.ring.listen()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", l, err)
		}
	}
	return nil
}

// keepFetching empties the rings from time to time. Nothing wakes it for a
// single packet.
func (r *Recorder) keepFetching(stop, ended chan struct{}) {
	defer close(ended)
	tick := time.NewTicker(fetching)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			r.fetch()
		}
	}
}

// fetch takes in what the rings hold. One goroutine at a time calls it.
func (r *Recorder) fetch() {
	for i, l := range r.legs {
		l.ring.each(func(s sight) { r.reel.take(i, s) })
	}
}

// Stop ends the recording and returns it. It has everything that happened
// before the call, and what packets that were under way did next, up to where
// they ended or are held by a link.
func (r *Recorder) Stop() (recording.Recording, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return recording.Recording{}, errClosed
	case r.began.IsZero():
		return recording.Recording{}, errors.New("no recording is under way")
	}
	err := r.fence.pass(r.steps)
	made, failed := r.rest()
	if err = errors.Join(err, failed); err != nil {
		return recording.Recording{}, err
	}
	return made, nil
}

// rest closes all sockets' eyes and returns what they saw.
func (r *Recorder) rest() (recording.Recording, error) {
	made := recording.Recording{Began: r.began, LostEvents: map[string]uint64{}}
	var errs []error
	for _, l := range r.legs {
		errs = append(errs, l.ring.rest())
	}
	made.Ended = time.Now()
	for _, n := range r.nats {
		flows, lost, err := n.rest()
		made.Flows = append(made.Flows, flows...)
		made.LostEvents[n.node] = lost
		errs = append(errs, err)
	}
	if r.stop != nil {
		close(r.stop)
		<-r.ended
		r.stop = nil
	}
	r.fetch()
	for _, l := range r.legs {
		lost, err := l.ring.lost()
		l.Lost = lost
		made.Legs = append(made.Legs, l.Leg)
		errs = append(errs, err)
	}
	slices.SortStableFunc(made.Flows, func(a, b recording.Flow) int { return a.At.Compare(b.At) })
	made.Packets = r.reel.inOrder()
	r.reel, r.began = reel{}, time.Time{}
	return made, errors.Join(errs...)
}

// Close ends a recording that is under way, and closes all sockets. Further
// calls do nothing.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	var errs []error
	if !r.began.IsZero() {
		_, err := r.rest()
		errs = append(errs, err)
	}
	for _, n := range r.nats {
		errs = append(errs, n.close())
	}
	errs = append(errs, r.onAll(func(l leg) error { return l.ring.close() }))
	if r.fence != nil {
		errs = append(errs, r.fence.close())
	}
	return errors.Join(errs...)
}
