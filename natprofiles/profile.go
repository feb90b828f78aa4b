// Package natprofiles describes how NATs behave, as data: one YAML file per
// kind of NAT. A [Profile] is the same on every machine; what makes a router of
// a lab behave like it is built from its fields elsewhere, never from its name.
//
// The words are those of RFC 4787 (section 4 and 5), RFC 5382 (the same for
// TCP) and RFC 5780.
package natprofiles

import "slices"

// Profile is how one kind of NAT behaves.
type Profile struct {
	// Name is the name of the file without .yaml.
	Name string `json:"name"`
	// Summary is one line for lists.
	Summary string `json:"summary"`
	// SeenOn names devices and systems that behave so.
	SeenOn []string `json:"seen-on,omitempty"`
	// Sources say where the fields come from.
	Sources []Source `json:"sources,omitempty"`
	// Stated are the fields of behaviour that the file states, by their paths,
	// such as tcp.timeouts.syn-sent; all others have their defaults.
	Stated []string `json:"stated,omitempty"`
	// Aliases are other names that Get knows the profile by.
	Aliases []string `json:"aliases,omitempty"`
	// Tags are free words to choose profiles by.
	Tags []string `json:"tags,omitempty"`

	// Translate is false for a router that translates nothing: one that only
	// forwards (TCP.Filtering is [Unfiltered]), or a stateful firewall, whose
	// filtering is like a NAT's. Mapping, Ports, Hairpin and Addresses are then
	// empty, as they do not apply.
	Translate bool `json:"translate"`
	// TCP and UDP are what the NAT does with each of them. A file says it once
	// for both, and in its tcp and udp blocks where they differ.
	TCP Transport `json:"tcp,omitzero"`
	UDP Transport `json:"udp,omitzero"`
	// Addresses are the external addresses of the NAT.
	Addresses Addresses `json:"addresses,omitzero"`
	// Limits bound the mappings that may exist at a time.
	Limits Limits `json:"limits,omitzero"`
	// Input says whether a rule guards the router's own TCP and UDP from the
	// outside. Only for NATs that overload ports, empty otherwise.
	Input Input `json:"input,omitempty"`
	// Invalid is what becomes of packets to be forwarded that connection
	// tracking can place nowhere. Only for NATs that overload ports, empty
	// otherwise: all others drop them.
	Invalid Invalid `json:"invalid,omitempty"`
}

// Transport is how a NAT treats one transport protocol.
type Transport struct {
	// Mapping is what a new mapping depends on: on the inside endpoint alone,
	// or on the destination too (RFC 4787 section 4.1, RFC 5382 REQ-1).
	Mapping Dependence `json:"mapping,omitempty"`
	// Filtering is whose packets may come in through a mapping (RFC 4787
	// section 5, RFC 5382 REQ-3).
	Filtering Dependence `json:"filtering,omitempty"`
	// Ports is how a mapping gets its external port.
	Ports Ports `json:"ports,omitzero"`
	// Hairpin is what becomes of a packet from inside to an external endpoint
	// of the same NAT (RFC 4787 section 6, RFC 5382 REQ-8).
	Hairpin Hairpin `json:"hairpin,omitempty"`
	// Unsolicited is the answer to a packet from outside that belongs to no
	// mapping or that filtering refuses (RFC 5382 REQ-4).
	Unsolicited Answer `json:"unsolicited,omitempty"`
	// ICMPErrors says whether ICMP errors about a session reach the inside host
	// (RFC 5508 REQ-4).
	ICMPErrors Passage `json:"icmp-errors,omitempty"`
	// AfterICMP is what an ICMP error does to the mapping that it is about
	// (RFC 4787 REQ-12, RFC 5382 REQ-10: it must not end it).
	AfterICMP Fate `json:"after-icmp,omitempty"`

	// CrossedSYN is what becomes of a SYN from an endpoint that the inside host
	// has sent a SYN to: simultaneous open (RFC 5382 REQ-2). TCP only.
	CrossedSYN Crossing `json:"crossed-syn,omitempty"`
	// AfterReset is what a RST from outside does to the mapping of the session
	// that it refuses (RFC 7857 section 2.2). TCP only.
	AfterReset Fate `json:"after-reset,omitempty"`
	// Sequence says whether sequence numbers are rewritten. TCP only.
	Sequence Sequence `json:"sequence,omitempty"`

	// Timeouts are how long a mapping lasts that nothing uses.
	Timeouts Timeouts `json:"timeouts,omitzero"`
}

// Source is where fields of a profile are known from.
type Source struct {
	// Ref is a document, a file of source code, or a measurement.
	Ref string `json:"ref"`
	// Says is how far the source goes.
	Says Claim `json:"says"`
	// Fields are the fields that it is the source of, such as ports.allocation.
	Fields []string `json:"fields"`
}

// Claim is how well something is known.
type Claim string

const (
	// Documented means that the maker's documentation or source code says so.
	Documented Claim = "documented"
	// Measured means that somebody has tried it and seen it.
	Measured Claim = "measured"
	// Assumed means that neither is known and it is likely.
	Assumed Claim = "assumed"
)

// clone copies the profile with all that it points to.
func (p Profile) clone() Profile {
	p.SeenOn, p.Stated, p.Aliases, p.Tags = slices.Clone(p.SeenOn), slices.Clone(p.Stated), slices.Clone(p.Aliases), slices.Clone(p.Tags)
	p.TCP.Ports.Range, p.UDP.Ports.Range = slices.Clone(p.TCP.Ports.Range), slices.Clone(p.UDP.Ports.Range)
	p.Sources = slices.Clone(p.Sources)
	for i := range p.Sources {
		p.Sources[i].Fields = slices.Clone(p.Sources[i].Fields)
	}
	return p
}
