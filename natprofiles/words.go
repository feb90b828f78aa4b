package natprofiles

import (
	"go.yaml.in/yaml/v4"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// The words that each field of a file may have. The JSON Schema is made from
// the same lists.
var (
	mappings    = []mapping{mapping(EndpointIndependent), mapping(AddressDependent), mapping(AddressAndPortDependent)}
	filterings  = []Dependence{EndpointIndependent, AddressDependent, AddressAndPortDependent, Unfiltered}
	allocations = []Allocation{Preserve, Sequential, Random, Block}
	fallbacks   = []fallback{fallback(Random), fallback(Sequential), fallback(Fail)}
	insides     = []inside{inside(Random), inside(Sequential)}
	poolings    = []Pooling{Paired, Arbitrary}
	hairpins    = []Hairpin{HairpinNone, HairpinInternal, HairpinExternal}
	answers     = []Answer{Drop, Reset, PortUnreachable, AdminProhibited, DelayedUnreachable}
	refusals    = []refusal{refusal(Drop), refusal(Reset)}
	passages    = []Passage{Forwarded, Eaten}
	fates       = []Fate{Keep, Close}
	crossings   = []Crossing{CrossedAccept, CrossedDrop, CrossedReset}
	sequences   = []Sequence{SequenceKept, SequenceRewritten}
	refreshes   = []Refresh{RefreshBoth, RefreshOutbound}
	inputs      = []Input{InputFiltered, InputOpen}
	invalids    = []Invalid{InvalidForward, InvalidDrop}
	claims      = []Claim{Documented, Measured, Assumed}
)

// Types of fields that accept fewer words than the type of what they become.
type (
	mapping  Dependence
	fallback Allocation
	inside   Allocation
	refusal  Answer
)

func (m *mapping) UnmarshalYAML(n *yaml.Node) error  { return strictyaml.OneOf(n, m, mappings...) }
func (f *fallback) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, f, fallbacks...) }
func (i *inside) UnmarshalYAML(n *yaml.Node) error   { return strictyaml.OneOf(n, i, insides...) }
func (r *refusal) UnmarshalYAML(n *yaml.Node) error  { return strictyaml.OneOf(n, r, refusals...) }

// UnmarshalYAML accepts the four filterings.
func (d *Dependence) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, d, filterings...) }

// UnmarshalYAML accepts the ways to choose a port for a new mapping.
func (a *Allocation) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, a, allocations...) }

// UnmarshalYAML accepts both ways to choose an address.
func (p *Pooling) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, p, poolings...) }

// UnmarshalYAML accepts the three ways to hairpin.
func (h *Hairpin) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, h, hairpins...) }

// UnmarshalYAML accepts the answers to what nobody asked for.
func (a *Answer) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, a, answers...) }

// UnmarshalYAML accepts both ways of an ICMP error.
func (p *Passage) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, p, passages...) }

// UnmarshalYAML accepts both fates of a mapping.
func (f *Fate) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, f, fates...) }

// UnmarshalYAML accepts what may become of a SYN that crosses another.
func (c *Crossing) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, c, crossings...) }

// UnmarshalYAML accepts both treatments of sequence numbers.
func (s *Sequence) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, s, sequences...) }

// UnmarshalYAML accepts both kinds of refreshing.
func (r *Refresh) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, r, refreshes...) }

// UnmarshalYAML accepts both kinds of guard.
func (i *Input) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, i, inputs...) }

// UnmarshalYAML accepts both fates of an invalid packet.
func (i *Invalid) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, i, invalids...) }

// UnmarshalYAML accepts the three degrees of knowledge.
func (c *Claim) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, c, claims...) }
