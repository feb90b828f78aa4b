package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/internal/strictyaml"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

// setting are the flags of the verbs that run trials: where, and how.
type setting struct {
	flags         *pflag.FlagSet
	topology      string
	slots         []string
	rtt, patience time.Duration
	staggers      []string
	seed          uint64
	crossTraffic  float64
	links         linkFlags
	swept         string // the parameter whose value is that of a point; empty otherwise
}

// register defines the flags. The verbs define --stagger themselves: one takes
// a list, the other does not.
func (s *setting) register(flags *pflag.FlagSet) {
	s.registerPlace(flags)
	flags.DurationVar(&s.patience, "patience", 2*time.Second, "how long a pair may try, from its introduction on: three round trips at least")
	s.registerSeed(flags, "draws the order in which cells are begun, and a seed for each trial, which decides what links do; "+
		"recorded with every trial (default random)")
	s.registerCrossTraffic(flags)
}

func (s *setting) registerSeed(flags *pflag.FlagSet, usage string) {
	flags.Uint64Var(&s.seed, "seed", 0, usage)
}

// registerCrossTraffic defines the flag for what others do meanwhile.
func (s *setting) registerCrossTraffic(flags *pflag.FlagSet) {
	flags.Float64Var(&s.crossTraffic, "cross-traffic", 0, "`flows` of others that begin in a second, on average, through each of the NATs in the slots a and b")
}

// registerPlace defines the flags that say where, and not how.
func (s *setting) registerPlace(flags *pflag.FlagSet) {
	s.flags = flags
	flags.StringVar(&s.topology, "topology", "two-nats", "who stands behind whom: a `name`, or the path of a YAML file")
	flags.StringArrayVar(&s.slots, "slot", nil, "fill a further slot of the topology: `SLOT=PROFILE`; may be repeated")
	flags.DurationVar(&s.rtt, "rtt", 40*time.Millisecond, "the round trip between the peers' access networks, through the core: scales the delays of all access links alike")
	s.links.register(flags)
}

// site is where trials take place: a topology whose further slots are filled.
type site struct {
	topology topologies.Topology
	slots    harness.NATs
	rtt      time.Duration // between the peers' access networks, through the core
	staggers []time.Duration

	emulation harness.Emulation
	faults    []links.Fault
}

// equip gives cells what their labs are to have beside topology and profiles.
func (at site) equip(cells []bench.Cell) {
	for i := range cells {
		cells[i].Emulation, cells[i].Faults = at.emulation, at.faults
	}
}

// site checks the flags of the setting. A topology that is not known leaves
// what depends on it unchecked, and ok is false.
func (s *setting) site(layouts topologies.Catalogue, c *choice) (at site, ok bool) {
	if s.patience <= 0 {
		c.addf("--patience", "%v is not a duration above 0s", s.patience)
	}
	at, known, scaled := s.place(layouts, c)
	if !known {
		return site{}, false
	}
	s.checkCrossTraffic(at.topology, c)
	if scaled && s.patience > 0 && s.patience < leastRounds*at.rtt {
		c.addf("--patience", "%v is shorter than %d times --rtt %v, which a pair may need to connect: want %v or more, or a shorter --rtt",
			s.patience, leastRounds, at.rtt, leastRounds*at.rtt)
	}
	for _, word := range s.staggers {
		stagger, err := parseStagger(word, at.rtt)
		if err == nil && s.patience > 0 && stagger.Abs() >= s.patience {
			err = fmt.Errorf("%s is not shorter than the patience, %v: the earlier peer would have given up", word, s.patience)
		}
		c.add("--stagger", err)
		at.staggers = append(at.staggers, stagger)
	}
	return at, true
}

// checkCrossTraffic checks that there can be as much as is asked for.
func (s *setting) checkCrossTraffic(t topologies.Topology, c *choice) {
	if s.crossTraffic == 0 {
		return
	}
	c.add("--cross-traffic", harness.CrossTraffic{PerSecond: s.crossTraffic}.Check())
	if !slices.Contains(slotNames(t), "a") {
		c.addf("--cross-traffic", "topology %s has no NAT in a slot a or b that it could go through", t.Name)
	}
}

// place checks the flags that say where. A topology that is not known, or
// cannot have the round trip, leaves what depends on it unchecked.
func (s *setting) place(layouts topologies.Catalogue, c *choice) (at site, known, scaled bool) {
	if s.rtt <= 0 {
		c.addf("--rtt", "%v is not a duration above 0s", s.rtt)
	}
	t, err := layouts.Get(s.topology)
	if err != nil {
		c.add("--topology", err)
		return site{}, false, false
	}
	at = site{topology: t, slots: c.further(t, s.slots), rtt: s.rtt}
	scaled = s.rtt > 0 && at.scale(s, c)
	s.links.apply(&at, scaled, c)
	return at, true, scaled
}

// leastRounds is how many round trips a pair needs that starts a round trip
// apart: one until the later peer's SYN leaves, one until it is refused, and one
// for the SYN that follows it.
const leastRounds = 3

// scale gives the topology the round trip of the setting. A topology that
// cannot have it is an error if the user asked for it; the default gives way.
func (at *site) scale(s *setting, c *choice) (ok bool) {
	scaled, err := at.topology.WithRTT(s.rtt)
	switch {
	case err == nil:
		at.topology = scaled
	case s.flags.Changed("rtt") || s.swept == results.SweepRTT:
		c.add("--rtt", err)
		return false
	default:
		at.rtt = peersRTT(at.topology)
	}
	return true
}

// parseStagger reads a duration, or a multiple of the round trip: 0.25rtt.
func parseStagger(word string, rtt time.Duration) (time.Duration, error) {
	times, ok := strings.CutSuffix(word, "rtt")
	if !ok {
		if d, err := time.ParseDuration(word); err == nil {
			return d, nil
		}
		return 0, badStagger(word)
	}
	factor, err := strconv.ParseFloat(times, 64)
	product := factor * float64(rtt)
	if err != nil || !(math.Abs(product) < math.MaxInt64) { // also NaN
		return 0, badStagger(word)
	}
	return time.Duration(math.Round(product)), nil
}

func badStagger(word string) error {
	return fmt.Errorf("%s is neither a duration, such as 5ms, nor a multiple of the round trip, such as 0.25rtt or -1rtt",
		strictyaml.Quote(word))
}

// seedOrRandom is the seed that was asked for, or a new one. Random ones stay
// below 2^53, so that readers of JSON that hold numbers as floats keep them.
func (s *setting) seedOrRandom() uint64 {
	if s.flags.Changed("seed") {
		return s.seed
	}
	return rand.Uint64N(1 << 53)
}
