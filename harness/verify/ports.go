package verify

import (
	"slices"

	"github.com/punchlab/punchlab/natprofiles"
)

// given is one mapping of a census: what an inside host got.
type given struct {
	host             int // the number of the inside host
	inside, external uint16
}

// census lets three inside hosts open sessions in turn, each from a port of its
// own towards an endpoint of its own, and returns what they got, in order.
func (p *prober) census() ([]given, error) {
	hosts, each := []*station{p.alice, p.bob, p.carol}, 8
	if room := p.capacity(); room < 2*len(hosts) {
		hosts, each = hosts[:2], max(1, room/2)
	} else {
		each = min(each, room/len(hosts))
	}
	var pairs []pair
	for range each {
		for _, host := range hosts {
			local, err := p.local(host)
			if err != nil {
				return nil, err
			}
			pairs = append(pairs, pair{local, p.remote(p.observer, 0)})
		}
	}
	sessions, err := p.open(pairs...)
	if err != nil {
		return nil, err
	}
	var got []given
	for i, s := range sessions {
		if s.passed {
			got = append(got, given{i % len(hosts), s.inside.Port(), s.external().Port()})
		}
	}
	return got, nil
}

// allocation says how external ports follow from each other in a census, and
// by what step if they are sequential.
type allocation struct {
	how    natprofiles.Allocation
	inside natprofiles.Allocation // of a block
	step   int
	parity bool
}

// read finds the rule behind the ports of a census. Three hosts that get eight
// ports each at random get them in three separate ranges once in 1.6 billion
// times.
//
// A counter goes through the range that the NAT is said to have, whose pieces
// follow each other on the line, and past ports that are taken. Where even and
// odd inside ports get external ones of their own kind, each kind has a counter,
// which takes every second port. Few ports may follow each other by two steps at
// once; likely is the one that is meant then.
func read(census []given, taken map[uint16]bool, on line, likely int) allocation {
	a := allocation{how: natprofiles.Random, parity: true}
	preserved := true
	byHost, byParity := map[int][]uint16{}, map[uint16][]uint16{}
	var all []uint16
	for _, g := range census {
		preserved = preserved && g.inside == g.external
		a.parity = a.parity && g.inside%2 == g.external%2
		byHost[g.host] = append(byHost[g.host], g.external)
		byParity[g.inside%2] = append(byParity[g.inside%2], g.external)
		all = append(all, g.external)
	}
	c := counter{on, taken, likely}
	step, sequential := c.step(all)
	if !sequential && a.parity {
		c.likely *= 2
		step, sequential = common(c, byParity)
		step, sequential = step/2, sequential && step%2 == 0
		c.likely = likely
	}
	switch {
	case preserved:
		a.how = natprofiles.Preserve
	case sequential && (!separate(byHost) || step == likely):
		a.how, a.step = natprofiles.Sequential, step
	case separate(byHost):
		a.how, a.inside = natprofiles.Block, natprofiles.Random
		if step, ok := common(c, byHost); ok {
			a.inside, a.step = natprofiles.Sequential, step
		}
	}
	return a
}

// line puts the pieces of a range behind each other.
type line []natprofiles.Interval

// beyond keeps ports outside of the range apart from all others.
const beyond = 1 << 20

// at is a port's place on the line.
func (l line) at(port uint16) int {
	before := 0
	for _, piece := range l {
		if piece.Lo <= port && port <= piece.Hi {
			return before + int(port-piece.Lo)
		}
		before += portsOf(piece)
	}
	return beyond + int(port)
}

// counter is how one may go: along a line, past what is taken.
type counter struct {
	on     line
	taken  map[uint16]bool
	likely int
}

// step finds the distance between successive ports, which is the same each time
// but where a range begins again: from near one end to near the other of all
// ports seen.
func (c counter) step(ports []uint16) (step int, ok bool) {
	if len(ports) < 2 {
		return 0, false
	}
	var places []int
	for _, p := range ports {
		places = append(places, c.on.at(p))
	}
	if c.likely != 0 && c.explains(places, c.likely) {
		return c.likely, true
	}
	times := map[int]int{}
	for i := range places[1:] {
		times[places[i+1]-places[i]]++
	}
	for d, n := range times {
		if n > times[step] || n == times[step] && abs(d) < abs(step) {
			step = d
		}
	}
	return step, step != 0 && c.explains(places, step)
}

// explains says whether a counter with that step comes by the places in turn.
func (c counter) explains(places []int, step int) bool {
	first, last := slices.Min(places), slices.Max(places)
	if step < 0 {
		first, last = last, first
	}
	for i := range places[1:] {
		from, to := places[i], places[i+1]
		again := abs(from-last) < abs(step) && abs(to-first) < abs(step)
		if !again && !c.follows(from, to, step) {
			return false
		}
	}
	return true
}

// follows says whether a place is the next one, but for ports that are taken.
func (c counter) follows(from, to, step int) bool {
	next := from + step
	for next != to && c.isTaken(next) && abs(next-from) < abs(to-from) {
		next += step
	}
	return next == to
}

// isTaken says whether the port at a place of the line is taken.
func (c counter) isTaken(place int) bool {
	for _, piece := range c.on {
		if n := portsOf(piece); place < n {
			return place >= 0 && c.taken[piece.Lo+uint16(place)]
		}
		place -= portsOf(piece)
	}
	return false
}

// common is the step of several counters, if it is one.
func common[K comparable](c counter, counters map[K][]uint16) (step int, ok bool) {
	for _, ports := range counters {
		d, sequential := c.step(ports)
		if !sequential || step != 0 && d != step {
			return 0, false
		}
		step = d
	}
	return step, step != 0
}

// separate says whether no host's ports lie between those of another, of hosts
// that have several.
func separate(byHost map[int][]uint16) bool {
	if len(byHost) < 2 {
		return false
	}
	var ranges []natprofiles.Interval
	for _, ports := range byHost {
		if len(ports) < 2 {
			return false
		}
		ranges = append(ranges, natprofiles.Interval{Lo: slices.Min(ports), Hi: slices.Max(ports)})
	}
	slices.SortFunc(ranges, func(a, b natprofiles.Interval) int { return int(a.Lo) - int(b.Lo) })
	for i := range ranges[1:] {
		if ranges[i].Hi >= ranges[i+1].Lo {
			return false
		}
	}
	return true
}

func abs(n int) int { return max(n, -n) }

const (
	// certain is how many mappings of one census leave no doubt about its rule.
	certain = 20
	// enough is how many do so where the NAT has not room for as many at a time.
	enough = 64
	// rounds bounds the censuses of a NAT that gives hardly any.
	rounds = 32
)

// allocation finds the rule behind the ports of new mappings.
func (p *prober) allocation() (allocation, error) { return p.agreed(p.census) }

// agreed reads the rule from as many samples as leave no doubt, each of a NAT
// that has forgotten the one before.
func (p *prober) agreed(sample func() ([]given, error)) (agreed allocation, err error) {
	total := 0
	for range rounds {
		got, err := sample()
		switch {
		case err != nil:
			return allocation{}, err
		case len(got) == 0:
			return allocation{}, unmeasurable(errRefused)
		}
		a := read(got, p.taken[p.protocol], p.transport().Ports.Range, p.transport().Ports.Step)
		if total > 0 {
			a = a.and(agreed, p.cycle())
		}
		agreed = a
		if total += len(got); len(got) >= certain || total >= enough {
			return agreed, nil
		}
		if err := p.fresh(); err != nil {
			return allocation{}, err
		}
	}
	return agreed, nil
}

// and is what holds of two censuses of one NAT: random is what remains where a
// rule was found once only, or two steps. Few ports may have been seen where
// their range, of that many ports, begins again, where a step is another one
// and means the same.
func (a allocation) and(b allocation, ports int) allocation {
	a.parity = a.parity && b.parity
	same := a.how == b.how && a.inside == b.inside
	switch {
	case same && a.step == b.step:
	case same && (a.step-b.step)%max(ports, 1) == 0:
		if abs(b.step) < abs(a.step) {
			a.step = b.step
		}
	case a.how == natprofiles.Block && b.how == natprofiles.Block:
		a.inside, a.step = natprofiles.Random, 0
	default:
		return allocation{how: natprofiles.Random, parity: a.parity}
	}
	return a
}

// cycle is after how many ports a counter is said to begin again.
func (p *prober) cycle() int {
	t := p.transport()
	if t.Ports.Block.Size > 0 {
		return t.Ports.Block.Size
	}
	return portsTotal(t)
}
