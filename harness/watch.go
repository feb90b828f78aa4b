package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/punchlab/punchlab/harness/internal/capture"
	"github.com/punchlab/punchlab/harness/recording"
	"github.com/punchlab/punchlab/topologies"
)

// Recording is all that was seen of a lab while it was watched.
type Recording = recording.Recording

// Watch is a recording under way.
type Watch struct {
	stop func() (Recording, error)
}

// Watch begins to record every packet at every host, on both sides of every
// NAT and at the core, every event of the connections that NATs track, and which
// packets links drop on purpose, or do something to by a rule. It
// changes nothing of what happens in the lab. Whatever is sent after it has
// returned is recorded; a connection that a NAT tracks already may tell nothing
// more of itself.
//
// One recording at a time is made of a lab. The first takes some twenty
// milliseconds to begin, which Close or Unwatch takes longer too, and 512 KiB for each
// leg until then; every further one begins within one. A packet at a leg costs
// one or two microseconds of a processor and 250 bytes of the recording. What
// comes faster than 2,048 packets at one leg in five milliseconds may be lost,
// which [Recording.Missing] tells. Cross traffic is seen where it leaves its NAT.
//
// ctx is for beginning; the recording goes on until it is stopped or the lab
// closed.
func (l *Lab) Watch(ctx context.Context) (_ *Watch, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("lab %s: watch: %w", l.topology.Name, err)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, n := range l.nodes {
		if n.stale > 0 { // the end of an old connection would be told as an event
			err = errors.Join(err, n.ns.FlushConntrack())
		}
	}
	if err != nil {
		return nil, err
	}
	recorder, err := l.recording()
	if err != nil {
		return nil, err
	}
	if err := recorder.Start(); err != nil {
		return nil, err
	}
	if err := l.links.Watch(capture.SnapLength); err != nil {
		_, failed := recorder.Stop()
		return nil, errors.Join(err, failed)
	}
	return &Watch{stop: sync.OnceValues(func() (Recording, error) {
		made, err := recorder.Stop()
		if err == nil {
			made.Acts, made.LostActs, err = l.links.Unwatch()
		}
		if err != nil {
			err = fmt.Errorf("lab %s: watch: %w", l.topology.Name, err)
		}
		return made, err
	})}, nil
}

// Stop ends the recording and returns it, with everything that happened before
// the call. Packets that links hold are on their way still, and are not waited
// for. What could not be recorded is told by [Recording.Missing]; the error is
// about watching itself. A further call returns what the first one did.
func (w *Watch) Stop() (Recording, error) { return w.stop() }

// recording returns the lab's recorder, which it makes if there is none yet.
func (l *Lab) recording() (_ *capture.Recorder, err error) {
	l.watching.Lock()
	defer l.watching.Unlock()
	if l.closed {
		return nil, os.ErrClosed
	}
	if l.recorder == nil {
		l.recorder, err = capture.New(l.places(), l.trackers(), longestWay(l.nodes), capture.Default)
	}
	return l.recorder, err
}

// watched says whether the lab has been watched and not been unwatched.
func (l *Lab) watched() bool {
	l.watching.Lock()
	defer l.watching.Unlock()
	return l.recorder != nil
}

// Unwatch gives back what watching has taken, and ends a recording that is under way.
// The lab can be watched again, which takes as long to begin as the first time.
func (l *Lab) Unwatch() error {
	l.watching.Lock()
	defer l.watching.Unlock()
	if l.recorder == nil {
		return nil
	}
	err := l.recorder.Close()
	l.recorder = nil
	return err
}

// unwatch is Unwatch of a lab that closes.
func (l *Lab) unwatch() error {
	l.watching.Lock()
	l.closed = true
	l.watching.Unlock()
	return l.Unwatch()
}

// longestWay is at least how many links a packet crosses that nobody holds: all
// there are, twice, as one that a router turns round takes some of them again.
func longestWay(nodes []*node) int { return 2 * len(nodes) }

// places lists the interfaces of the lab that packets are seen at. A NAT's
// inside is one, also where it is a bridge: the ports of that see the same
// packets, and what hosts say to each other is seen at the hosts.
func (l *Lab) places() []capture.Place {
	var all []capture.Place
	for _, n := range l.nodes {
		switch {
		case n.Kind == topologies.Host:
			all = append(all, n.leg(recording.Host, hostDevice, n.parent.Name))
		case n.Kind == topologies.NAT:
			all = append(all, n.leg(recording.Outside, wanDevice, n.parent.Name))
			if inside := l.behind(n); len(inside) > 0 {
				all = append(all, n.leg(recording.Inside, lanDevice, inside...))
			}
		case n.Name == topologies.Core:
			for _, child := range l.behind(n) {
				all = append(all, n.leg(recording.Core, toward(child), child))
			}
		}
	}
	return all
}

func (n *node) leg(side recording.Side, device string, others ...string) capture.Place {
	return capture.Place{
		Namespace: n.ns,
		Leg:       recording.Leg{Node: n.Name, Side: side, Interface: device, Toward: others},
	}
}

// behind names the nodes directly behind n.
func (l *Lab) behind(n *node) []string {
	var names []string
	for _, other := range l.nodes {
		if other.parent == n.machine {
			names = append(names, other.Name)
		}
	}
	return names
}

// trackers lists the NATs.
func (l *Lab) trackers() []capture.NAT {
	var all []capture.NAT
	for _, n := range l.nodes {
		if n.Kind == topologies.NAT {
			all = append(all, capture.NAT{Namespace: n.ns, Node: n.Name})
		}
	}
	return all
}
