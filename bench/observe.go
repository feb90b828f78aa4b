package bench

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/punchlab/punchlab/bench/story"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/punch"
)

// observing is an observation under way.
type observing struct {
	watch *harness.Watch

	mu     sync.Mutex
	events [2][]punch.Event
}

func (s *Site) observe(ctx context.Context) (*observing, error) {
	watch, err := s.lab.Watch(ctx)
	if err != nil {
		return nil, err
	}
	s.watched = true
	return &observing{watch: watch}, nil
}

// unwatch gives back what watching the lab takes.
func (s *Site) unwatch() error {
	s.watched = false
	return s.lab.Unwatch()
}

// trace hears what the engine of one peer tells; nil where nobody wants to know.
func (o *observing) trace(peer int) func(punch.Event) {
	if o == nil {
		return nil
	}
	return func(e punch.Event) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.events[peer] = append(o.events[peer], e)
	}
}

// end stops watching and returns what was seen.
func (o *observing) end(s *Site, a Attempt, usable error) (*Observation, error) {
	seen, err := o.watch.Stop()
	if err != nil {
		return nil, err
	}
	all := s.Observed(seen, o.events, [2]time.Time{a.Alice.Introduced, a.Bob.Introduced})
	all.usable = usable
	return all, nil
}

// giveUp stops watching a trial that came to nothing.
func (o *observing) giveUp() {
	if o != nil {
		_, _ = o.watch.Stop()
	}
}

// events are those of both engines in the words of the story, in the order of time.
func (o *Observation) events() (all []story.Event) {
	for peer, name := range peers {
		station := o.columns.of[name]
		for _, e := range o.Events[peer] {
			if kind, told := kindOf(e); told {
				all = append(all, story.Event{
					At: onWall(e.At), Station: station, Kind: kind, Local: o.columns.local(station, e.Local), Remote: e.Remote,
					TTL: e.TTL, Technique: e.Technique, Err: words(e.Err),
				})
			}
		}
		if o.usable != nil && !errors.Is(o.usable, errNotBoth) {
			all = append(all, story.Event{At: o.Ended, Station: station, Kind: story.NotUsable, Err: o.usable.Error()})
		}
	}
	all = append(all, o.rulings()...)
	slices.SortStableFunc(all, func(x, y story.Event) int { return x.At.Compare(y.At) })
	return all
}

// local is the endpoint of a host of which the engine knows the port.
func (c columns) local(station int, at netip.AddrPort) netip.AddrPort {
	if own := c.stations[station].Addresses; at.Addr().IsUnspecified() && at.Port() != 0 && len(own) > 0 {
		return netip.AddrPortFrom(own[0], at.Port())
	}
	return at
}

func words(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// kinds are the words of the story for what engines tell.
var kinds = map[punch.EventKind]story.Kind{
	punch.EventIntroduced: story.Introduced,
	punch.EventMoved:      story.Told,
	punch.EventBegun:      story.TechniqueBegun,
	punch.EventSent:       story.SYNSent,
	punch.EventSilent:     story.SYNGivenUp,
	punch.EventUp:         story.Established,
	punch.EventAccepted:   story.Accepted,
	punch.EventDropped:    story.ConnectionLost,
	punch.EventProven:     story.Proven,
}

// kindOf says what an event is to the story. What tells of a RST and of an ICMP error
// is one to the engine, and so is the end of an attempt that had no way.
func kindOf(e punch.Event) (kind story.Kind, told bool) {
	switch {
	case e.Kind == punch.EventRefused && errors.Is(e.Err, syscall.ECONNREFUSED):
		return story.SYNRefused, true // or ICMP port unreachable, which Linux reports alike
	case e.Kind == punch.EventRefused:
		return story.ICMPHeard, true
	case e.Kind == punch.EventEnded && errors.Is(e.Err, punch.ErrNoWay):
		return story.NothingToDo, true
	case e.Kind == punch.EventEnded:
		return story.GaveUp, true
	}
	kind, told = kinds[e.Kind]
	return kind, told
}
