package topologies

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// RTT is how long a packet and its answer are under way between two hosts, x
// and y, through the links that have a delay: the delays both ways of the
// transits on the way from one to the other, and nothing within one network. It panics
// if either is not a node.
func (t Topology) RTT(x, y string) time.Duration {
	up, down := t.Path(x), t.Path(y)
	for len(up) > 0 && len(down) > 0 && up[len(up)-1].Name == down[len(down)-1].Name {
		up, down = up[:len(up)-1], down[:len(down)-1] // They meet below this node.
	}
	return delay(up) + delay(down)
}

// WithRTT scales the delays of all access links alike, so that the round trip
// between alice and bob by way of the core takes rtt, to within some nanoseconds
// of rounding. For peers behind one transit that is the way up to the core and
// back down, longer than their direct one.
func (t Topology) WithRTT(rtt time.Duration) (_ Topology, err error) {
	if rtt <= 0 || rtt > maxDelay {
		return Topology{}, fmt.Errorf("topology %s: round trip %v is not above 0s and at most %v", t.Name, rtt, maxDelay)
	}
	now := delay(t.Path(Alice)) + delay(t.Path(Bob))
	if now == 0 {
		return Topology{}, fmt.Errorf("topology %s: round trip %v: the links of alice and bob have no delay that could be scaled", t.Name, rtt)
	}
	scaled := t.clone()
	for i, n := range scaled.Nodes {
		for _, d := range []*time.Duration{&n.Link.Up.Delay, &n.Link.Down.Delay} {
			if *d, err = scale(*d, rtt, now); err != nil {
				return Topology{}, fmt.Errorf("topology %s: round trip %v: delay of %s: %w", t.Name, rtt, n.Name, err)
			}
		}
		if err := n.Link.Check(); err != nil {
			return Topology{}, fmt.Errorf("topology %s: round trip %v: %s: %w", t.Name, rtt, n.Name, err)
		}
		scaled.Nodes[i] = n
	}
	return scaled, nil
}

// errTooLong says that a scaled delay is out of bounds.
var errTooLong = errors.New("longer than " + maxDelay.String())

// scale gives d*rtt/now, rounded to the nearest nanosecond. The product of two
// delays in nanoseconds does not fit 64 bits.
func scale(d, rtt, now time.Duration) (time.Duration, error) {
	high, low := bits.Mul64(uint64(d), uint64(rtt))
	low, carry := bits.Add64(low, uint64(now)/2, 0)
	high += carry
	if high >= uint64(now) {
		return 0, errTooLong
	}
	quotient, _ := bits.Div64(high, low, uint64(now))
	if quotient > uint64(maxDelay) {
		return 0, errTooLong
	}
	return time.Duration(quotient), nil
}

// Path gives the named node and those that it is behind, up to the core. A name that the
// topology does not have is a mistake of the program's, and panics.
func (t Topology) Path(name string) []Node {
	var path []Node
	for name != Core {
		i := slices.IndexFunc(t.Nodes, func(n Node) bool { return n.Name == name })
		if i < 0 {
			panic(fmt.Sprintf("topology %s has no node %s", t.Name, name))
		}
		path = append(path, t.Nodes[i])
		name = t.Nodes[i].Behind
	}
	return path
}

// delay is the delay of a path, there and back.
func delay(path []Node) time.Duration {
	var sum time.Duration
	for _, n := range path {
		sum += n.Link.Up.Delay + n.Link.Down.Delay
	}
	return sum
}
