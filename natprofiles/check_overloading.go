package natprofiles

import (
	"slices"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// checkOverloading applies the rules for NATs that overload ports. Such a NAT
// is Linux's own, and can do no more than masquerade and connection tracking.
func checkOverloading(doc *strictyaml.Document, p Profile, sides []side) {
	for _, s := range sides {
		if !s.sound("ports", "ports.overloading") {
			return
		}
	}
	switch tcp, udp := p.TCP.Ports.Overloading, p.UDP.Ports.Overloading; {
	case tcp != udp:
		replaced := "" // by ports that do not say it again
		if doc.At("ports", "overloading").Is("true") {
			replaced = ", and ports in a block replace those outside"
		}
		notOverloading(doc, sides).Errorf("ports: overloading: true for one of TCP and UDP alone; a NAT is Linux's own for both or for neither%s", replaced)
	case tcp:
		for _, s := range sides {
			checkLinux(s)
		}
		checkLinuxAlone(doc, p)
		checkInput(doc, sides)
	default:
		for _, field := range []string{"input", "invalid"} {
			if at := doc.At(field); at.Given() {
				at.Errorf("%s: only with ports: {overloading: true}, which is Linux's own NAT; leave it out", field)
			}
		}
	}
}

// notOverloading is where the protocol has its ports from that does not
// overload them.
func notOverloading(doc *strictyaml.Document, sides []side) strictyaml.Place {
	i := slices.IndexFunc(sides, func(s side) bool { return !s.Ports.Overloading })
	if at := doc.At(sides[i].block, "ports"); at.Given() {
		return at
	}
	return doc.At(sides[1-i].block, "ports", "overloading")
}

// limited is a field that has one value with Linux's own NAT.
type limited struct {
	path []string
	fits bool
	has  string
	want string
}

// checkLinux applies the rules for one protocol. Masquerade maps as it
// allocates: it looks for an earlier mapping of the same inside endpoint unless
// it is to draw random ports (nf_nat_core.c: get_unique_tuple). Conntrack
// filters by the whole tuple, and deletes an entry that has seen no more than a
// SYN when a RST comes (nf_conntrack_proto_tcp.c).
func checkLinux(s side) {
	checkLinuxMapping(s)
	for _, f := range []limited{
		{[]string{"filtering"}, s.Filtering == AddressAndPortDependent, string(s.Filtering), string(AddressAndPortDependent)},
		{[]string{"ports", "on-conflict"}, s.Ports.Allocation != Preserve || s.Ports.OnConflict == Random, string(s.Ports.OnConflict), string(Random)},
		{[]string{"ports", "range"}, len(s.Ports.Range) == 1, s.Ports.rangeText(), "one range, lo-hi"},
		{[]string{"ports", "range"}, s.Ports.Allocation != Random || len(s.Ports.Range) != 1 || s.Ports.wholeRange(),
			s.Ports.rangeText() + " with allocation random", "1024-65535"},
		{[]string{"ports", "parity"}, !s.Ports.Parity, "true", "false"},
		{[]string{"hairpin"}, s.Hairpin == HairpinNone, string(s.Hairpin), string(HairpinNone)},
		{[]string{"after-icmp"}, s.AfterICMP == Keep, string(s.AfterICMP), string(Keep)},
		{[]string{"crossed-syn"}, s.block == "udp" || s.CrossedSYN == CrossedAccept, string(s.CrossedSYN), string(CrossedAccept)},
		{[]string{"after-reset"}, s.block == "udp" || s.AfterReset == Close, string(s.AfterReset), string(Close)},
		{[]string{"sequence"}, s.block == "udp" || s.Sequence == SequenceKept, string(s.Sequence), string(SequenceKept)},
		{[]string{"timeouts", "refresh"}, s.Timeouts.Refresh == RefreshBoth, string(s.Timeouts.Refresh), string(RefreshBoth)},
	} {
		at := s.at(f.path...)
		if at.Given() && at.Sound() && !f.fits {
			at.Errorf("%s: %s contradicts overloading: true, which is Linux's own NAT; write %s, or leave overloading out",
				f.path[len(f.path)-1], f.has, f.want)
		}
	}
}

const linuxMappings = "overloading: true, which is Linux's own NAT: endpoint-independent with allocation: preserve, " +
	"or address-and-port-dependent with allocation: random"

func checkLinuxMapping(s side) {
	if !s.sound("mapping", "ports.allocation") || s.Mapping == "" {
		return
	}
	mapping, allocation := s.at("mapping"), s.at("ports", "allocation")
	switch {
	case s.Mapping == AddressDependent:
		mapping.Errorf("mapping: address-dependent contradicts %s", linuxMappings)
	case (s.Mapping == EndpointIndependent) == (s.Ports.Allocation == Preserve) &&
		(s.Mapping == AddressAndPortDependent) == (s.Ports.Allocation == Random):
	case allocation.Given():
		allocation.Errorf("allocation: %s contradicts mapping: %s with %s", s.Ports.Allocation, s.Mapping, linuxMappings)
	default:
		mapping.Errorf("mapping: %s contradicts allocation: preserve, the default, with %s", s.Mapping, linuxMappings)
	}
}

// checkLinuxAlone refuses what Linux's own NAT has not.
func checkLinuxAlone(doc *strictyaml.Document, p Profile) {
	const contradicts = "contradicts overloading: true, which is Linux's own NAT"
	if at := doc.At("addresses"); p.Addresses.Count > 1 {
		at.Errorf("addresses: count: %d %s with the address of one interface; leave it out", p.Addresses.Count, contradicts)
	}
	if at := doc.At("limits"); at.Given() {
		at.Errorf("limits: %s with the limits of the machine; leave it out", contradicts)
	}
}

// checkInput compares the answers of the router's own stack with what the file
// says they are.
func checkInput(doc *strictyaml.Document, sides []side) {
	input := doc.At("input")
	if !input.Is(string(InputOpen)) {
		return
	}
	for _, s := range sides {
		if s.sound("unsolicited") && s.Unsolicited != "" && s.Unsolicited != Reset {
			input.Errorf("input: open contradicts unsolicited: %s, since the router's own stack answers with a reset; write unsolicited: reset, or input: filtered",
				s.Unsolicited)
		}
	}
}

// wholeRange says whether all ports may be given out that a NAT gives out of
// itself. Random ones of a narrower range need flags and ports of one masquerade
// at a time, which the library that installs it does not send together.
func (p Ports) wholeRange() bool {
	return len(p.Range) == 1 && p.Range[0] == Interval{1024, 65535}
}
