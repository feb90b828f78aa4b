package bench

import (
	"io"
	"slices"
	"sync"
	"time"

	"github.com/punchlab/punchlab/bench/story"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/recording"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/punch"
	"github.com/punchlab/punchlab/topologies"
)

// Observation is all that was seen of a trial: every packet on every leg, every
// event of connection tracking, and what the engines of both peers told.
type Observation struct {
	harness.Recording
	Events [2][]punch.Event // alice's and bob's

	columns    columns
	introduced [2]time.Time // zero for a peer that was not
	usable     error        // why the two connections are not one that works, if both peers have one

	once sync.Once
	told story.Story
	of   []int // which packet of the observation each packet of the story is
}

// Observed is the observation of what somebody has let happen in the site's lab
// without a Try: what was recorded, what the engines told, or might have, and when
// alice and bob were introduced, which is zero if they were not.
func (s *Site) Observed(seen harness.Recording, told [2][]punch.Event, introduced [2]time.Time) *Observation {
	return &Observation{Recording: seen, Events: told, columns: columnsOf(s.lab), introduced: introduced}
}

// Story tells what happened, and why. It is made once; what was observed must not be
// changed any more. It may be called by several goroutines.
func (o *Observation) Story() story.Story {
	o.once.Do(func() {
		var read story.Recording
		read, o.of = o.recorded()
		o.told = story.Tell(read)
	})
	return o.told
}

// WritePCAPNG writes the packets of all legs as a capture file, with what the NATs
// did with each as its comment.
func (o *Observation) WritePCAPNG(w io.Writer) error {
	comments := make([]string, len(o.Packets))
	for i, text := range o.Story().Comments() {
		comments[o.of[i]] = text
	}
	return o.Recording.WritePCAPNG(w, comments)
}

// columns are the stations of a lab that a story has: the peers, the NATs that they
// are behind, the internet and the rendezvous.
type columns struct {
	stations []story.Station
	of       map[string]int // by the name of the node; routers of the internet are one
	// Of each transit router, by its name: what stands behind it, and what its link takes.
	beyond map[string]int
	links  map[string]links.Link
}

const internet = "internet"

func columnsOf(l *harness.Lab) columns {
	t, c := l.Topology(), columns{of: map[string]int{}, beyond: map[string]int{}, links: map[string]links.Link{}}
	hers, his := behind(t, topologies.Alice), behind(t, topologies.Bob)
	his = slices.DeleteFunc(his, func(n string) bool { return slices.Contains(hers, n) })
	slices.Reverse(his)
	host := func(name string, role story.Role) {
		c.add(name, story.Station{Name: name, Role: role, Addresses: l.Host(name).Addrs()})
	}
	host(topologies.Alice, story.Peer)
	for _, n := range hers {
		c.nat(l.Router(n))
	}
	c.add(topologies.Core, story.Station{Name: internet, Role: story.Internet})
	for _, n := range t.Nodes {
		if n.Kind == topologies.Transit {
			c.of[n.Name] = c.of[topologies.Core]
		}
	}
	for _, n := range his {
		c.nat(l.Router(n))
	}
	host(topologies.Bob, story.Peer)
	host(topologies.Rendezvous, story.Rendezvous)
	for _, n := range t.Nodes {
		if l, err := l.Link(n.Name); err == nil && n.Kind == topologies.Transit {
			c.links[n.Name] = l
		}
		if station, is := c.of[n.Name]; is && n.Kind != topologies.Transit {
			c.beyond[n.Behind] = station
		}
	}
	return c
}

// behind names the NATs that a host is behind, the innermost first.
func behind(t topologies.Topology, host string) (nats []string) {
	for n, ok := t.Node(host); ok; n, ok = t.Node(n.Behind) {
		if n.Kind == topologies.NAT {
			nats = append(nats, n.Name)
		}
	}
	return nats
}

// longest is how long a direction holds a packet at most, its rate aside.
func longest(c links.Conditions) time.Duration {
	return c.Delay + c.Jitter.Most()
}

func (c *columns) nat(r *harness.Router) {
	c.add(r.Name(), story.Station{Name: r.Name(), Role: story.NAT, External: r.External()})
}

func (c *columns) add(node string, s story.Station) {
	c.of[node] = len(c.stations)
	c.stations = append(c.stations, s)
}

// legs are those of the recording at stations of the story; at tells which one each
// of the recording has become, or -1.
func (c columns) legs(all []recording.Leg) (legs []story.Leg, at []int) {
	at = make([]int, len(all))
	for i, l := range all {
		at[i] = -1
		station, here := c.of[l.Node]
		toward := slices.IndexFunc(l.Toward, func(n string) bool { _, known := c.of[n]; return known })
		if !here || toward < 0 {
			continue // somebody else's
		}
		at[i] = len(legs)
		leg := story.Leg{Station: station, Toward: c.of[l.Toward[toward]], Side: story.Side(l.Side)}
		router := l.Toward[toward]
		leg.Takes = longest(c.links[router].Up)
		if behind, known := c.beyond[router]; known && l.Side == recording.Core {
			leg.Toward, leg.Takes = behind, longest(c.links[router].Down) // a transit's link is a part of the way there
		}
		legs = append(legs, leg)
	}
	return legs, at
}

// recorded is the observation as a story wants it. Of tells which packet of the
// observation each packet of the story is.
func (o *Observation) recorded() (r story.Recording, of []int) {
	legs, at := o.columns.legs(o.Legs)
	r = story.Recording{
		End: o.Ended, Stations: o.columns.stations, Legs: legs,
		Flows: o.flows(), Events: o.events(), Dropped: o.dropped(), LostPackets: map[int]int{}, LostFlows: map[int]int{},
	}
	if a, b := o.introduced[0], o.introduced[1]; !a.IsZero() && !b.IsZero() {
		r.Start = onWall(later(a, b))
	}
	for i, l := range o.Legs {
		if at[i] >= 0 && l.Lost > 0 {
			r.LostPackets[at[i]] = int(l.Lost)
		}
	}
	for node, n := range o.LostEvents {
		if station, here := o.columns.of[node]; here && n > 0 {
			r.LostFlows[station] = int(n)
		}
	}
	for i, p := range o.Packets {
		read, err := story.Parse(p.Data)
		if at[p.Leg] < 0 || err != nil {
			continue // somebody else's
		}
		read.At, read.Leg, read.Out = p.At, at[p.Leg], p.Out
		r.Packets, of = append(r.Packets, read), append(of, i)
	}
	return r, of
}

// onWall is a time by the clock that packets have.
func onWall(t time.Time) time.Time { return t.Round(0) }

func (o *Observation) flows() (all []story.Flow) {
	for _, f := range o.Flows {
		station, here := o.columns.of[f.Node]
		if !here {
			continue
		}
		all = append(all, story.Flow{
			At: f.At, Station: station, Change: story.Change(f.Event), Protocol: story.Protocol(f.Protocol),
			Original: story.Tuple(f.Original), Reply: story.Tuple(f.Reply), State: f.State, Zone: f.Zone,
		})
	}
	return all
}
