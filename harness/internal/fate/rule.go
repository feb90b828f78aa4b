package fate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/punchlab/punchlab/links"
)

// Rule is a fault whose names have become addresses.
type Rule struct {
	Fault    links.Fault `json:"fault"`
	From, To Endpoint
}

// Endpoint is one end of the flows that a rule is about. The zero value is any.
type Endpoint struct {
	Addrs []netip.Addr `json:"addrs,omitempty"` // none: any
	Port  uint16       `json:"port,omitempty"`  // 0: any
}

func (e Endpoint) is(at netip.AddrPort) bool {
	return (len(e.Addrs) == 0 || slices.Contains(e.Addrs, at.Addr())) && (e.Port == 0 || e.Port == at.Port())
}

// Count is how often a rule matched a packet, and how often it did something
// to it.
type Count struct {
	Matched uint64 `json:"matched"`
	Acted   uint64 `json:"acted"`
}

// rule is a rule and what it has counted.
type rule struct {
	Rule
	text  string // without the link
	count Count
}

// SetRules replaces the rules, whose counts begin at zero.
func (l *Line) SetRules(all []Rule) {
	l.rules = nil
	for _, r := range all {
		l.rules = append(l.rules, &rule{Rule: r, text: r.Fault.Effect()})
	}
}

// Rules tells what the rules have counted, in their order.
func (l *Line) Rules() []Count {
	counts := make([]Count, len(l.rules))
	for i, r := range l.rules {
		counts[i] = r.count
	}
	return counts
}

// NeedsHeads says whether the line decides by what is in a packet.
func (l *Line) NeedsHeads() bool { return len(l.rules) > 0 }

// NeedsSizes says whether the line decides by how large a packet is.
func (l *Line) NeedsSizes() bool { return l.now.Rate > 0 }

// Acts says whether the line does anything to packets that its Deeds tell of.
func (l *Line) Acts() bool { return len(l.rules) > 0 || l.now.Loss.Mean() > 0 || l.now.Rate > 0 }

// Copies says whether the line may send a packet twice.
func (l *Line) Copies() bool { return l.now.Duplicate > 0 || l.does(links.Duplicate) }

// Corrupts says whether the line may damage a packet.
func (l *Line) Corrupts() bool { return l.does(links.Corrupt) }

func (l *Line) does(a links.Action) bool {
	return slices.ContainsFunc(l.rules, func(r *rule) bool { return r.Fault.Do == a })
}

// Constant says whether every packet takes equally long and arrives once.
func (l *Line) Constant() bool { return len(l.rules) == 0 && l.now.Constant() }

// ruling is what all rules together do to a packet.
type ruling struct {
	drop, corrupt bool
	copies        int
	delay         time.Duration
}

// apply lets every rule count the packet, and gathers what they do to it.
func (l *Line) apply(head []byte) (do ruling) {
	if len(l.rules) == 0 {
		return do
	}
	h, ok := parseHeader(head)
	if !ok {
		return do
	}
	for _, r := range l.rules {
		if !r.matches(h) {
			continue
		}
		r.count.Matched++
		if !r.Fault.Hits(int(r.count.Matched)) {
			continue
		}
		r.count.Acted++
		l.deeds = append(l.deeds, Deed{r.Fault.Do, r.text})
		switch r.Fault.Do {
		case links.Drop:
			do.drop = true
		case links.Delay:
			do.delay += r.Fault.By
		case links.Duplicate:
			do.copies = 1
		case links.Corrupt:
			do.corrupt = true
		}
	}
	return do
}

func (r *rule) matches(h header) bool {
	return h.is(r.Fault.Class) && r.From.is(h.from) && r.To.is(h.to)
}
