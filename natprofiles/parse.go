package natprofiles

import (
	"cmp"
	"time"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// Parse reads one profile, the content of file, whose base name without .yaml
// is the profile's name. Its error tells everything that is wrong: each problem
// as file:line:column, what is wrong and what is allowed, and below it the line
// of the file.
func Parse(file string, data []byte) (Profile, error) {
	s := shape{Translate: true}
	doc, err := strictyaml.Load(file, data, &s)
	if err != nil {
		return Profile{}, err
	}
	p := s.profile(catalogue.NameOf(file), doc.At("tcp", "ports").Given(), doc.At("udp", "ports").Given())
	p.Stated = stated(doc)
	check(doc, s, p)
	if err := doc.Err(); err != nil {
		return Profile{}, err
	}
	return p, nil
}

// profile turns what was written into what it means: the protocols' blocks over
// the fields outside them, and those over the defaults. It must be told which
// blocks have ports of their own, even if these are all defaults.
func (s shape) profile(name string, tcpPorts, udpPorts bool) Profile {
	p := Profile{
		Name: name, Summary: s.Summary, SeenOn: s.SeenOn, Sources: sources(s.Sources), Aliases: s.Aliases, Tags: s.Tags,
		Translate: s.Translate,
		TCP:       s.overridden(s.TCP.transport, tcpPorts).common(s.Translate),
		UDP:       s.overridden(s.UDP.transport, udpPorts).common(s.Translate),
	}
	if !s.Translate && p.TCP.Filtering == Unfiltered {
		p.TCP, p.UDP = Transport{Filtering: Unfiltered}, Transport{Filtering: Unfiltered}
		return p
	}
	s.TCP.complete(&p.TCP)
	s.UDP.complete(&p.UDP)
	if s.Translate {
		p.Addresses = s.Addresses.resolved()
	}
	if p.Overloads() {
		p.Input, p.Invalid = cmp.Or(s.Input, InputFiltered), cmp.Or(s.Invalid, InvalidForward)
		return p
	}
	p.Limits = Limits{Mappings: s.Limits.Mappings, PerHost: s.Limits.PerHost, AtLimit: cmp.Or(Answer(s.Limits.AtLimit), Drop)}
	return p
}

// overridden gives the fields that stand outside with those of a block before
// them. Ports count as one field, which a block may replace.
func (s shape) overridden(block transport, ports bool) transport {
	t := s.transport
	t.Mapping = cmp.Or(block.Mapping, t.Mapping)
	t.Filtering = cmp.Or(block.Filtering, t.Filtering)
	t.Hairpin = cmp.Or(block.Hairpin, t.Hairpin)
	t.Unsolicited = cmp.Or(block.Unsolicited, t.Unsolicited)
	t.ICMPErrors = cmp.Or(block.ICMPErrors, t.ICMPErrors)
	t.AfterICMP = cmp.Or(block.AfterICMP, t.AfterICMP)
	if ports {
		t.Ports = block.Ports
	}
	return t
}

// common fills in the defaults of what TCP and UDP have in common. A firewall
// has no fields about translation.
func (t transport) common(translate bool) Transport {
	to := Transport{
		Filtering: t.Filtering, Unsolicited: t.Unsolicited,
		ICMPErrors: cmp.Or(t.ICMPErrors, Forwarded), AfterICMP: cmp.Or(t.AfterICMP, Keep),
	}
	if translate {
		to.Mapping, to.Ports, to.Hairpin = Dependence(t.Mapping), t.Ports.resolved(), cmp.Or(t.Hairpin, HairpinNone)
	}
	return to
}

// complete adds what is TCP's own. The times are those of RFC 5382 REQ-5 where
// it has one, and otherwise Linux's (nf_conntrack_proto_tcp.c).
func (s tcpShape) complete(t *Transport) {
	t.CrossedSYN = cmp.Or(s.CrossedSYN, CrossedAccept)
	t.AfterReset = cmp.Or(s.AfterReset, Close)
	t.Sequence = cmp.Or(s.Sequence, SequenceKept)
	t.Timeouts = Timeouts{
		SYNSent:     cmp.Or(s.Timeouts.SYNSent, Timeout(2*time.Minute)),
		Established: cmp.Or(s.Timeouts.Established, Timeout(2*time.Hour+4*time.Minute)),
		Closing:     cmp.Or(s.Timeouts.Closing, Timeout(4*time.Minute)),
		Closed:      cmp.Or(s.Timeouts.Closed, Timeout(10*time.Second)),
		Refresh:     cmp.Or(s.Timeouts.Refresh, RefreshBoth),
	}
}

// complete adds what is UDP's own. The times are Linux's
// (nf_conntrack_proto_udp.c), the second of which RFC 4787 REQ-5 asks for too.
func (s udpShape) complete(t *Transport) {
	t.Timeouts = Timeouts{
		Unreplied: cmp.Or(s.Timeouts.Unreplied, Timeout(30*time.Second)),
		Stream:    cmp.Or(s.Timeouts.Stream, Timeout(2*time.Minute)),
		Refresh:   cmp.Or(s.Timeouts.Refresh, RefreshBoth),
	}
}

// wholeRange is the range where none is stated: all but the well-known ports.
var wholeRange = Interval{1024, 65535}

// resolved fills in the defaults of the ports and leaves out what does not
// apply.
func (s portsShape) resolved() Ports {
	p := Ports{
		Allocation: cmp.Or(s.Allocation, Preserve), Range: s.Range, Parity: s.Parity, Overloading: s.Overloading,
	}
	if len(p.Range) == 0 {
		p.Range = []Interval{wholeRange}
	}
	switch p.Allocation {
	case Preserve:
		p.OnConflict = cmp.Or(Allocation(s.OnConflict), Random)
	case Block:
		p.Block = PortBlock{Size: s.Block.Size, Inside: cmp.Or(Allocation(s.Block.Inside), Random)}
	}
	if p.sequential() {
		p.Step = cmp.Or(s.Step, 1)
	}
	return p
}

// sequential says whether ports are counted: for all mappings, on conflict, or
// inside a block.
func (p Ports) sequential() bool {
	return p.Allocation == Sequential || p.OnConflict == Sequential || p.Block.Inside == Sequential
}

func (s addressesShape) resolved() Addresses {
	a := Addresses{Count: cmp.Or(s.Count, 1)}
	if a.Count > 1 {
		a.Pooling = cmp.Or(s.Pooling, Paired)
	}
	return a
}

func sources(written []source) []Source {
	var all []Source
	for _, from := range written {
		to := Source{Ref: from.Ref, Says: from.Says}
		for _, f := range from.Fields {
			to.Fields = append(to.Fields, string(f))
		}
		all = append(all, to)
	}
	return all
}
