package topologies_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

func parse(t *testing.T, text string) topologies.Topology {
	t.Helper()
	topology, err := topologies.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

// Alice and carol share a transit, bob has a further one on his way, dave stands
// right behind the transit that bob's is behind.
const branches = `
summary: Links of every length
transits:
  backbone: {delay: 1ms}
  transit-a: {behind: backbone, delay: 10ms}
  transit-b: {behind: backbone, delay: 200ms}
  transit-s: {delay: 3s}
nats:
  nat-a: {slot: a, behind: transit-a}
hosts:
  alice: {behind: nat-a}
  carol: {behind: transit-a}
  bob: {behind: transit-b}
  dave: {behind: backbone}
  rendezvous: {behind: transit-s}
`

func TestRTTIsTwiceTheDelaysOnTheWay(t *testing.T) {
	topology := parse(t, branches)
	for _, c := range []struct {
		x, y string
		want time.Duration
	}{
		{"alice", "alice", 0},
		{"alice", "carol", 0},
		{"alice", "dave", 20 * time.Millisecond},
		{"alice", "bob", 420 * time.Millisecond},
		{"bob", "alice", 420 * time.Millisecond},
		{"alice", "rendezvous", 6022 * time.Millisecond},
		{"dave", "rendezvous", 6002 * time.Millisecond},
	} {
		if got := topology.RTT(c.x, c.y); got != c.want {
			t.Errorf("%s to %s: %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

func TestRTTsOfTheShippedTopologies(t *testing.T) {
	for _, topology := range topologies.All() {
		want := 40 * time.Millisecond
		if slices.Contains([]string{"carrier", "same-nat"}, topology.Name) {
			want = 0 // their way does not lead through the core
		}
		if got := topology.RTT(topologies.Alice, topologies.Bob); got != want {
			t.Errorf("%s: %v between the peers, want %v", topology.Name, got, want)
		}
		for _, peer := range []string{topologies.Alice, topologies.Bob} {
			if got := topology.RTT(peer, topologies.Rendezvous); got != 20*time.Millisecond {
				t.Errorf("%s: %v from %s to the rendezvous", topology.Name, got, peer)
			}
		}
	}
}

func TestWithRTTScalesAllLinksAlike(t *testing.T) {
	topology := parse(t, branches)
	scaled, err := topology.WithRTT(848 * time.Millisecond) // By way of the core it was 424 ms.
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]time.Duration{
		"backbone": 2 * time.Millisecond, "transit-a": 20 * time.Millisecond,
		"transit-b": 400 * time.Millisecond, "transit-s": 6 * time.Second,
	} {
		if n, _ := scaled.Node(name); n.Link != links.Delayed(want) {
			t.Errorf("%s: %v, want %v", name, n.Link, want)
		}
	}
	if n, _ := topology.Node("backbone"); n.Link != links.Delayed(time.Millisecond) {
		t.Errorf("the original changed: %v", n.Link)
	}
}

func TestWithRTTGivesTheRoundTripAskedFor(t *testing.T) {
	for _, rtt := range []time.Duration{4, 1500 * time.Microsecond, 25 * time.Millisecond, 333333333, 10 * time.Second} {
		for _, name := range []string{"open", "one-nat", "two-nats", "double-nat"} {
			scaled, err := get(t, name).WithRTT(rtt)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if off := (scaled.RTT(topologies.Alice, topologies.Bob) - rtt).Abs(); off > 4 {
				t.Errorf("%s: %v for %v", name, scaled.RTT(topologies.Alice, topologies.Bob), rtt)
			}
		}
		// Peers on one network are scaled by their way through the core.
		scaled, err := get(t, "same-nat").WithRTT(rtt)
		if n, _ := scaled.Node("transit-a"); err != nil || (4*n.Link.Up.Delay-rtt).Abs() > 4 {
			t.Errorf("same-nat: %v for %v, %v", n.Link, rtt, err)
		}
	}
}

func TestWithRTTRefusesWhatNoLinkCanHave(t *testing.T) {
	flat := parse(t, minimal)
	far := parse(t, strings.Replace(minimal, "transit-a: {}", "transit-a: {delay: 1ns}\n  far: {delay: 10s}", 1)+"  eve: {behind: far}\n")
	for _, c := range []struct {
		topology topologies.Topology
		rtt      time.Duration
		want     string
	}{
		{get(t, "two-nats"), 0, "topology two-nats: round trip 0s is not above 0s and at most 10s"},
		{get(t, "two-nats"), -time.Second, "topology two-nats: round trip -1s is not above 0s and at most 10s"},
		{get(t, "two-nats"), 10*time.Second + 1, "topology two-nats: round trip 10.000000001s is not above 0s and at most 10s"},
		{flat, time.Second, "topology test: round trip 1s: the links of alice and bob have no delay that could be scaled"},
		{far, 5, "topology test: round trip 5ns: delay of far: longer than 10s"},
		{far, 10 * time.Second, "topology test: round trip 10s: delay of far: longer than 10s"},
	} {
		if _, err := c.topology.WithRTT(c.rtt); err == nil || err.Error() != c.want {
			t.Errorf("%s with %v: got %v, want %s", c.topology.Name, c.rtt, err, c.want)
		}
	}
}

func TestRTTOfANodeThatIsNotThere(t *testing.T) {
	defer func() {
		if got, want := recover(), "topology two-nats has no node carol"; got != want {
			t.Errorf("got %v, want the panic %q", got, want)
		}
	}()
	get(t, "two-nats").RTT(topologies.Alice, "carol")
}
