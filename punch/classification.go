package punch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ClassificationVersion is the version of a Classification's meaning. A peer that speaks a newer one is not understood,
// since a field may then mean something else.
const ClassificationVersion = 1

// Classification is what a host has found out about the NATs in front of it, taken together, for TCP: all that stands
// between it and the Internet looks like one NAT from there. The zero value knows nothing; a field that is zero was not
// measured. It is plain data that travels to the peer as JSON, in the words of RFC 4787 and RFC 5382.
type Classification struct {
	Version   int        `json:"version"`
	External  netip.Addr `json:"external,omitzero"`          // as the server saw us
	Mapping   Dependence `json:"mapping,omitempty"`          // None: nothing is translated
	Filtering Dependence `json:"filtering,omitempty"`        // None: a SYN that nothing called for comes in at any port
	Ports     Allocation `json:"ports,omitzero"`             // of new mappings
	Answer    Answer     `json:"answer,omitempty"`           // to a SYN that filtering keeps out
	Disturbed Finding    `json:"disturbed-by-syn,omitempty"` // such a SYN, or its answer, moved the mapping
	AfterICMP Finding    `json:"survives-icmp,omitempty"`    // a hole survives an ICMP time-exceeded (RFC 5382 REQ-10)
	Hairpin   Finding    `json:"hairpin,omitempty"`          // two hosts behind it meet by its external endpoints (REQ-8)
	Nested    Finding    `json:"nested,omitempty"`           // there is more than one NAT in a row
	NATHop    int        `json:"nat-hop,omitempty"`          // routers to the outermost NAT, itself included
	PublicHop int        `json:"public-hop,omitempty"`       // routers to the first public one, itself included
	ArmingTTL int        `json:"arming-ttl,omitempty"`       // the smallest TTL with which a SYN opens all own NATs
	Doubts    []string   `json:"doubts,omitempty"`           // what did not fit together while it was measured
}

// Dependence is what a mapping or a filter depends on (RFC 4787, sections 4.1 and 5; RFC 5382, section 4).
type Dependence string

// The values of a Dependence. None stands for no translation, and for no filter.
const (
	None                    Dependence = "none"
	EndpointIndependent     Dependence = "endpoint-independent"
	AddressDependent        Dependence = "address-dependent"
	AddressAndPortDependent Dependence = "address-and-port-dependent"
)

// Answer is what becomes of a SYN that nobody called for (RFC 5382, REQ-4).
type Answer string

// The values of an Answer.
const (
	Drop  Answer = "drop"
	Reset Answer = "reset"
	ICMP  Answer = "icmp"
)

// Finding is the outcome of a measurement with two outcomes.
type Finding string

// The values of a Finding; an empty one was not measured.
const (
	Yes Finding = "yes"
	No  Finding = "no"
)

// Found is the Finding of a measurement that was made.
func Found(yes bool) Finding {
	if yes {
		return Yes
	}
	return No
}

// Rule is how a NAT chooses the port of a new mapping.
type Rule string

// The values of a Rule. Block is at random within a range that is small enough to be tried as a whole.
const (
	Preserve   Rule = "preserve"
	Sequential Rule = "sequential"
	Random     Rule = "random"
	Block      Rule = "block"
)

// Allocation is how a NAT chooses the ports of new mappings, as far as a few of them show it.
type Allocation struct {
	Rule Rule `json:"rule,omitempty"`
	// Step is by how much the ports of a sequential allocation differ from one mapping to the next; it may be negative.
	Step int `json:"step,omitempty"`
	// Regularity is the share of steps that had that size: what is missing to 1 went to other flows.
	Regularity float64 `json:"regularity,omitempty"`
	// Low and High bound the ports: those of a block, as estimated; of a random allocation, where they may lie.
	Low  uint16 `json:"low,omitempty"`
	High uint16 `json:"high,omitempty"`
}

// Size is how many ports a block or a random allocation chooses from, or 0 where that is not known.
func (a Allocation) Size() int {
	if a.High < a.Low || a.High == 0 {
		return 0
	}
	return int(a.High) - int(a.Low) + 1
}

func (a Allocation) String() string {
	switch a.Rule {
	case Sequential:
		return fmt.Sprintf("sequential %+d", a.Step)
	case Block:
		return fmt.Sprintf("block %d-%d", a.Low, a.High)
	}
	return string(a.Rule)
}

// Known tells whether enough was measured to choose a technique by: mapping and filtering.
func (c Classification) Known() bool { return c.Mapping != "" && c.Filtering != "" }

// Cone tells whether the endpoint that the server sees is the one that everybody sees.
func (c Classification) Cone() bool { return c.Mapping == None || c.Mapping == EndpointIndependent }

// Open tells whether anybody may come in without having been called, as soon as there is a mapping.
func (c Classification) Open() bool { return c.Filtering == None || c.Filtering == EndpointIndependent }

// String says it in one line, for people.
func (c Classification) String() string {
	if !c.Known() {
		return "not known"
	}
	if c.Mapping == None && c.Filtering == None {
		return "no NAT"
	}
	parts := []string{string(c.Mapping) + " mapping", string(c.Filtering) + " filtering"}
	if c.Mapping == None {
		parts[0] = "no translation"
	}
	if c.Ports.Rule != "" && c.Mapping != None {
		parts = append(parts, "ports "+c.Ports.String())
	}
	if c.Answer != "" {
		parts = append(parts, "answers unsolicited SYNs with "+string(c.Answer))
	}
	for _, f := range []struct {
		Finding
		yes, no string
	}{
		{c.Hairpin, "hairpins", "does not hairpin"},
		{c.Nested, "nested", ""},
		{c.AfterICMP, "", "closes on ICMP errors"},
		{c.Disturbed, "moves a mapping on an unsolicited SYN", ""},
	} {
		if word := map[Finding]string{Yes: f.yes, No: f.no}[f.Finding]; word != "" {
			parts = append(parts, word)
		}
	}
	if c.ArmingTTL > 0 {
		parts = append(parts, "opened by a TTL of "+strconv.Itoa(c.ArmingTTL))
	}
	return strings.Join(parts, ", ")
}

// ErrClassification is what becomes of a classification that cannot be true, or is not understood.
var ErrClassification = errors.New("classification")

// Check tells everything in c that no measurement can come to: values that there are not, and values that contradict
// each other.
func (c Classification) Check() error {
	var wrong []error
	say := func(broken bool, format string, args ...any) {
		if broken {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	if c.Version > ClassificationVersion {
		return fmt.Errorf("%w: its version %d is newer than %d, which is understood here",
			ErrClassification, c.Version, ClassificationVersion)
	}
	say(c.Version < 1, "version %d is not %d", c.Version, ClassificationVersion)
	say(!isOneOf(c.Mapping, None, EndpointIndependent, AddressDependent, AddressAndPortDependent), "mapping %q", c.Mapping)
	say(!isOneOf(c.Filtering, None, EndpointIndependent, AddressDependent, AddressAndPortDependent), "filtering %q", c.Filtering)
	say(!isOneOf(c.Answer, Drop, Reset, ICMP), "answer %q", c.Answer)
	say(!isOneOf(c.Ports.Rule, Preserve, Sequential, Random, Block), "port allocation %q", c.Ports.Rule)
	for _, f := range []Finding{c.Disturbed, c.AfterICMP, c.Hairpin, c.Nested} {
		say(!isOneOf(f, Yes, No), "finding %q", f)
	}
	p := c.Ports
	say(p.Rule == Sequential && p.Step == 0, "a sequential allocation without a step")
	say(p.Rule != Sequential && p.Step != 0, "a step of %d with ports that are not sequential", p.Step)
	say(p.Step < -maxStep || p.Step > maxStep, "a step of %d", p.Step)
	say(p.Regularity < 0 || p.Regularity > 1, "a regularity of %v", p.Regularity)
	say(p.Rule == Block && p.Size() == 0, "a block from %d to %d", p.Low, p.High)
	say(c.Mapping == None && c.Nested == Yes, "several NATs, none of which translates")
	say(c.Filtering == None && c.Mapping.translates(), "a NAT that maps and lets everything in")
	for _, n := range []int{c.NATHop, c.PublicHop, c.ArmingTTL} {
		say(n < 0 || n > 255, "a distance of %d", n)
	}
	say(c.PublicHop > 0 && c.NATHop > c.PublicHop, "a NAT %d routers away, behind the public one %d away", c.NATHop, c.PublicHop)
	say(c.External.IsValid() && !c.External.Is4(), "an external address %s, which is not IPv4", c.External)
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %w", ErrClassification, errors.Join(wrong...))
	}
	return nil
}

// maxStep is the largest step that is taken for one; allocators that go by more are as good as random to us.
const maxStep = 512

func (d Dependence) translates() bool { return d != None && d != "" }

// isOneOf tells whether v is empty or one of the given values.
func isOneOf[T ~string](v T, values ...T) bool { return v == "" || slices.Contains(values, v) }

// ParseClassification reads what Classification is as JSON. Fields that are not known are an error only in the version
// that is known here: a newer version is told by its number.
func ParseClassification(text []byte) (Classification, error) {
	var c Classification
	if err := json.Unmarshal(text, &c); err != nil {
		return Classification{}, fmt.Errorf("%w: %w", ErrClassification, err)
	}
	if err := c.Check(); err != nil {
		return Classification{}, err
	}
	return c, nil
}
