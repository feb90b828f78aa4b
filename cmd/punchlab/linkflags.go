package main

import (
	"encoding"
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

// linkFlags are the flags about what links do to packets.
type linkFlags struct {
	flags                          *pflag.FlagSet
	jitter, loss, duplicate, rate  string
	reorder, queue, mtu, emulation string
	faults                         []string
}

func (l *linkFlags) register(flags *pflag.FlagSet) {
	l.flags = flags
	flags.StringVar(&l.jitter, "jitter", "", "by how much delays vary: a `duration`, or one with its distribution such as normal:5ms; on links that have a delay")
	flags.StringVar(&l.loss, "loss", "", "what every link loses each way: a `percentage`, or bursts such as 'p=1% r=25% good=0% bad=100%'")
	flags.StringVar(&l.duplicate, "duplicate", "", "how many packets arrive twice: a `percentage`")
	flags.StringVar(&l.reorder, "reorder", "", "how many packets have no delay, and so overtake others: a `percentage`")
	flags.StringVar(&l.rate, "rate", "", "what passes over every link each way: `bits` per second such as 10mbit")
	flags.StringVar(&l.queue, "queue", "", "how much may wait for --rate: `bytes` such as 64kB (default a tenth of a second, ten packets at least)")
	flags.StringVar(&l.mtu, "mtu", "", "the largest packet of every link: `bytes` from 68 to 1500")
	flags.StringVar(&l.emulation, "link", string(harness.Auto), "what makes the `links`: netem (the kernel), queue (packets held by a process), or auto, which is queue")
	flags.StringArrayVar(&l.faults, "fault", nil,
		"hit single packets: a `rule` such as 'transit-a up: drop SYN-ACK #1' or 'transit-b down: delay RST every by 30ms from alice'; may be repeated")
}

// apply gives the links of a topology what the flags say, as far as it says
// nothing itself. Where the delays are not known, what depends on them is left
// unchecked.
func (l *linkFlags) apply(at *site, delaysKnown bool, c *choice) {
	var err error
	at.emulation, err = harness.ParseEmulation(l.emulation)
	c.add("--link", err)
	for _, text := range l.faults {
		f, err := links.ParseFault(text)
		if err == nil {
			err = at.topology.CheckFault(f)
		}
		c.add("--fault", err)
		at.faults = append(at.faults, f)
	}
	if asked := l.conditions(c); delaysKnown {
		at.topology = c.condition(at.topology, asked)
	}
}

// conditions reads the flags. What cannot be read is left out.
func (l *linkFlags) conditions(c *choice) (asked links.Conditions) {
	for _, f := range []struct {
		name, text string
		into       encoding.TextUnmarshaler
	}{
		{"jitter", l.jitter, &asked.Jitter}, {"loss", l.loss, &asked.Loss}, {"duplicate", l.duplicate, &asked.Duplicate},
		{"reorder", l.reorder, &asked.Reorder}, {"rate", l.rate, &asked.Rate}, {"queue", l.queue, &asked.Queue}, {"mtu", l.mtu, (*mtu)(&asked.MTU)},
	} {
		if l.flags.Changed(f.name) || f.text != "" { // a sweep gives values without the flag
			c.add("--"+f.name, f.into.UnmarshalText([]byte(f.text)))
		}
	}
	if l.flags.Changed("queue") && !l.flags.Changed("rate") {
		c.addf("--queue", "nothing waits on a link without a rate; give --rate, too")
	}
	if asked.Rate == 0 {
		asked.Queue = 0 // told already, or the rate could not be read
	}
	return asked
}

// mtu is one as a flag has it.
type mtu int

func (m *mtu) UnmarshalText(text []byte) error {
	if n, err := strconv.Atoi(string(text)); err == nil && n >= links.MinMTU && n <= links.MaxMTU {
		*m = mtu(n)
		return nil
	}
	return fmt.Errorf("%q is not a whole number from %d, which IPv4 needs (RFC 791), to %d", text, links.MinMTU, links.MaxMTU)
}

// condition gives all links of a topology what is asked for. A problem is told
// once, of the first link that has it.
func (c *choice) condition(t topologies.Topology, asked links.Conditions) topologies.Topology {
	told := map[string]bool{}
	return t.WithLinks(func(n topologies.Node) links.Link {
		both := links.Link{Up: n.Link.Up.Or(asked), Down: n.Link.Down.Or(asked)}
		for _, way := range links.Directions {
			for _, p := range both.Way(way).Problems() {
				if !told[p.Field] {
					c.addf("--"+p.Field, "%s %s: %s", n.Name, way, p.Text)
				}
				told[p.Field] = true
			}
		}
		return both
	})
}
