package specs

import (
	"cmp"
	"context"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/bench/story"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/recording"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/natprofiles"
)

// situation is a trial that can only end one way, for one reason.
type situation struct {
	sentence string
	topology string        // two-nats unless said
	a, b     string        // profiles; b is a unless said
	by       string        // strategy; simultaneous-open unless said
	rtt      time.Duration // faultRTT unless said
	stagger  float64       // round trips
	patience float64       // round trips; 3 unless said
	faults   []string      // of links
	// script is what the peers do instead of letting their engines try.
	script func(*stage)
	// blinded is what is missing of what was seen of a script.
	blinded func(*harness.Recording)

	cause story.Cause
	heart string // of the story's sentence, a regular expression
}

// own are profiles that are needed here alone.
var own = map[string]string{
	"one-mapping": `
summary: A NAT with two mappings for each host, whose table the rendezvous and a first SYN fill
mapping: address-and-port-dependent
filtering: address-and-port-dependent
ports: {allocation: preserve, on-conflict: random}
unsolicited: drop
limits: {mappings: 64, per-host: 1, at-limit: drop}
`,
	"one-mapping-reset": `
summary: The same, which says so
mapping: address-and-port-dependent
filtering: address-and-port-dependent
ports: {allocation: preserve, on-conflict: random}
unsolicited: drop
limits: {mappings: 64, per-host: 1, at-limit: reset}
`,
	"short-memory": `
summary: A NAT that forgets a SYN after a second
mapping: endpoint-independent
filtering: address-and-port-dependent
ports: {allocation: preserve, on-conflict: random}
unsolicited: drop
tcp:
  timeouts: {syn-sent: 1s}
`,
}

func profileOf(name string) natprofiles.Profile {
	GinkgoHelper()
	if text, is := own[name]; is {
		p, err := natprofiles.Parse(name+".yaml", []byte(text))
		Expect(err).NotTo(HaveOccurred())
		return p
	}
	return profile(name)
}

// cell is the lab of a situation, and what its engines would do.
func (s situation) cell() bench.Cell {
	GinkgoHelper()
	t, err := topology(cmp.Or(s.topology, "two-nats")).WithRTT(cmp.Or(s.rtt, faultRTT))
	Expect(err).NotTo(HaveOccurred())
	nats, err := harness.Defaults(t)
	Expect(err).NotTo(HaveOccurred())
	for _, slot := range t.Slots() {
		switch slot.Name {
		case "a":
			nats["a"] = profileOf(s.a)
		case "b":
			nats["b"] = profileOf(cmp.Or(s.b, s.a))
		}
	}
	c := bench.Cell{Topology: t, NATs: nats, Strategy: strategy(cmp.Or(s.by, "simultaneous-open"))}
	for _, rule := range s.faults {
		f, err := links.ParseFault(rule)
		Expect(err).NotTo(HaveOccurred())
		c.Faults = append(c.Faults, f)
	}
	return c
}

// mostSpoilt is how often a busy machine may spoil a situation before it counts.
const mostSpoilt = 20

// happen lets a situation happen until the machine has not spoilt it, and tells its
// story.
func (s situation) happen(ctx context.Context) (*bench.Observation, story.Story) {
	GinkgoHelper()
	for range mostSpoilt {
		if o, told, sound := s.once(ctx); sound {
			return o, told
		}
	}
	Fail("the machine has spoilt every try")
	return nil, story.Story{}
}

func (s situation) once(ctx context.Context) (o *bench.Observation, told story.Story, sound bool) {
	GinkgoHelper()
	site, err := bench.Open(ctx, s.cell())
	Expect(err).NotTo(HaveOccurred())
	defer func() { Expect(site.Close()).To(Succeed()) }()
	if s.script != nil {
		o, told, sound = play(ctx, site, s)
	} else {
		a, err := site.Try(ctx, bench.TryOptions{
			Patience: roundTrips(cmp.Or(s.patience, usualPatience)), Stagger: roundTrips(s.stagger), Seed: 1, Observe: true,
		})
		Expect(err).NotTo(HaveOccurred())
		o, told, sound = a.Seen, a.Seen.Story(), a.Outcome != results.Invalid && a.Seen.Missing() == nil
	}
	return o, told, sound
}

// usualPatience is enough for a connection and for a further SYN, in round trips.
const usualPatience = 3

func roundTrips(n float64) time.Duration { return time.Duration(n * float64(faultRTT)) }

var _ = Describe("A trial tells why it went so:", func() {
	for _, s := range slices.Concat(doors, holes, ways, outcomes) {
		It(s.sentence, func(ctx SpecContext) {
			o, told := s.happen(ctx)
			keepIfFailed(s.sentence, o)
			Expect(told.Cause).To(Equal(s.cause), told.Sentence)
			Expect(told.Sentence).To(MatchRegexp(s.heart))
		}, SpecTimeout(time.Minute))
	}
})

// blindAt makes a recording what it is where a leg's packets came faster than they were
// fetched: they are gone, and counted.
func blindAt(node string) func(*harness.Recording) {
	return func(r *harness.Recording) {
		r.Packets = slices.DeleteFunc(slices.Clone(r.Packets), func(p recording.Packet) bool { return r.Legs[p.Leg].Node == node })
		r.Legs = slices.Clone(r.Legs)
		for i := range r.Legs {
			if r.Legs[i].Node == node {
				r.Legs[i].Lost = 1
			}
		}
	}
}
