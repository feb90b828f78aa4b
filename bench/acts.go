package bench

import (
	"github.com/punchlab/punchlab/bench/story"
	"github.com/punchlab/punchlab/harness/recording"
	"github.com/punchlab/punchlab/topologies"
)

// dropped are the packets that links dropped on purpose.
func (o *Observation) dropped() (all []story.Drop) {
	for _, a := range o.Acts {
		if a.Did != recording.Dropped {
			continue
		}
		if p, err := story.Parse(a.Data); err == nil {
			all = append(all, story.Drop{At: a.At, Packet: p, Link: a.Link, Why: a.Why})
		}
	}
	return all
}

// rulings are what rules did to packets that went on, as notes of the internet's.
func (o *Observation) rulings() (all []story.Event) {
	for _, a := range o.Acts {
		p, err := story.Parse(a.Data)
		if a.Did == recording.Dropped || err != nil {
			continue
		}
		all = append(all, story.Event{
			At: a.At, Station: o.columns.of[topologies.Core], Kind: story.Noted, Text: a.String() + " acts on " + p.String(),
		})
	}
	return all
}
