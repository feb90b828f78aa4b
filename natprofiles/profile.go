// Package natprofiles describes how NATs behave, as data: one YAML file per
// kind of NAT. A [Profile] is the same on every machine; what makes a router of
// a lab behave like it is built from its fields elsewhere, never from its name.
//
// The words are those of RFC 4787 (section 4 and 5), RFC 5382 (the same for
// TCP) and RFC 5780.
package natprofiles

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

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
	// Aliases are other names that Get knows the profile by.
	Aliases []string `json:"aliases,omitempty"`
	// Tags are free words to choose profiles by.
	Tags []string `json:"tags,omitempty"`

	// Translate is false for a router that only forwards. Then Filtering is
	// Unfiltered and all the fields below are empty, as they do not apply.
	Translate bool `json:"translate"`
	// Mapping is what a new mapping depends on: on the inside endpoint alone,
	// or on the destination too (RFC 4787 section 4.1, RFC 5382 REQ-1).
	Mapping Dependence `json:"mapping,omitempty"`
	// Filtering is whose packets may come in through a mapping (RFC 4787
	// section 5, RFC 5382 REQ-3).
	Filtering Dependence `json:"filtering"`
	// Ports is how a mapping gets its external port.
	Ports Ports `json:"ports,omitzero"`
	// Unsolicited is the answer to a SYN from outside that belongs to no
	// mapping or that filtering refuses (RFC 5382 REQ-4).
	Unsolicited Answer `json:"unsolicited,omitempty"`
	// Input says whether a rule guards the router's own TCP from the outside.
	Input Input `json:"input,omitempty"`
	// Invalid is what becomes of packets to be forwarded that connection
	// tracking can place nowhere.
	Invalid Invalid `json:"invalid,omitempty"`
}

// Dependence is what a mapping or a filter depends on (RFC 4787 sections 4.1
// and 5).
type Dependence string

// The dependences that a lab can build so far.
const (
	EndpointIndependent     Dependence = "endpoint-independent"
	AddressAndPortDependent Dependence = "address-and-port-dependent"
	// Unfiltered is the filtering of a router that lets every packet pass.
	Unfiltered Dependence = "none"
)

// Ports is how external ports are given out.
type Ports struct {
	// Allocation is how a mapping gets its port.
	Allocation Allocation `json:"allocation,omitempty"`
	// OnConflict is what happens with Preserve if another inside host has the
	// port already; empty for Random, which meets no conflicts.
	OnConflict Allocation `json:"on-conflict,omitempty"`
}

// Allocation is a way to choose an external port.
type Allocation string

const (
	// Preserve keeps the inside port number (RFC 4787 section 4.2.1).
	Preserve Allocation = "preserve"
	// Random draws a port that nobody could tell beforehand (RFC 7857 section 9).
	Random Allocation = "random"
)

// Answer is what an unsolicited SYN gets.
type Answer string

const (
	// Drop answers nothing, as RFC 5382 REQ-4 demands for the first 6 seconds.
	Drop Answer = "drop"
	// Reset answers a RST at once. It reaches the peer's pending connection,
	// and on its way the peer's NAT.
	Reset Answer = "reset"
)

// Input says whether the router guards its own TCP.
type Input string

const (
	// InputFiltered means that a rule answers in the stead of the router's TCP.
	InputFiltered Input = "filtered"
	// InputOpen means that no rule does: the router's own TCP, which has
	// nothing listening, answers with a RST.
	InputOpen Input = "open"
)

// Invalid is what becomes of a packet to be forwarded that connection tracking
// calls invalid and that NAT therefore does not translate.
type Invalid string

const (
	// InvalidForward lets it out with its private source address, as Linux
	// does where no rule says otherwise.
	InvalidForward Invalid = "forward"
	// InvalidDrop drops it, as OpenWrt does.
	InvalidDrop Invalid = "drop"
)

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

// Behaviour is what peers outside can tell of the NAT: mapping, ports,
// filtering and answer, such as EIM/preserve/APDF/drop, or none for a router
// that translates nothing. Profiles of equal behaviour must fare alike in every
// experiment.
//
// Input and Invalid are left out since no TCP peer can see them. The RST of the
// router's own TCP (InputOpen) is the RST that a reject rule sends (Reset): RFC
// 9293 section 3.5.2 gives both the same sequence numbers. And a packet that
// leaks untranslated (InvalidForward) carries a private source address, which
// the next public router drops (RFC 1918 section 3), so the peer misses it
// either way.
func (p Profile) Behaviour() string {
	if !p.Translate {
		return "none"
	}
	return short(p.Mapping, "M") + "/" + string(p.Ports.Allocation) + "/" + short(p.Filtering, "F") + "/" + string(p.Unsolicited)
}

// short gives the abbreviation that tables use: the dependence's initials, then
// M for mapping or F for filtering.
func short(d Dependence, of string) string {
	switch d {
	case EndpointIndependent:
		return "EI" + of
	case AddressAndPortDependent:
		return "APD" + of
	default:
		return string(d)
	}
}

// clone copies the profile with all that it points to.
func (p Profile) clone() Profile {
	p.SeenOn, p.Aliases, p.Tags = slices.Clone(p.SeenOn), slices.Clone(p.Aliases), slices.Clone(p.Tags)
	p.Sources = slices.Clone(p.Sources)
	for i := range p.Sources {
		p.Sources[i].Fields = slices.Clone(p.Sources[i].Fields)
	}
	return p
}

// UnmarshalYAML accepts the answers that a lab can give.
func (a *Answer) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, a, Drop, Reset) }

// UnmarshalYAML accepts the ways to choose a port that a lab has.
func (a *Allocation) UnmarshalYAML(n *yaml.Node) error {
	return strictyaml.OneOf(n, a, Preserve, Random)
}

// UnmarshalYAML accepts both kinds of guard.
func (i *Input) UnmarshalYAML(n *yaml.Node) error {
	return strictyaml.OneOf(n, i, InputFiltered, InputOpen)
}

// UnmarshalYAML accepts both fates of an invalid packet.
func (i *Invalid) UnmarshalYAML(n *yaml.Node) error {
	return strictyaml.OneOf(n, i, InvalidForward, InvalidDrop)
}

// UnmarshalYAML accepts the three degrees of knowledge.
func (c *Claim) UnmarshalYAML(n *yaml.Node) error {
	return strictyaml.OneOf(n, c, Documented, Measured, Assumed)
}
