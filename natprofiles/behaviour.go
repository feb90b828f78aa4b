package natprofiles

import (
	"fmt"
	"strings"
)

// Overloads says whether the NAT overloads ports, that is, whether it is
// Linux's own.
func (p Profile) Overloads() bool { return p.TCP.Ports.Overloading || p.UDP.Ports.Overloading }

// Firewall says whether the router translates nothing and filters all the same.
func (p Profile) Firewall() bool { return !p.Translate && p.TCP.Filtering != Unfiltered }

// Behaviour is what TCP peers outside can tell of the NAT: mapping, ports,
// filtering and answer, such as EIM/preserve/APDF/drop, and after them what
// differs from the usual, such as crossed-syn=drop; none for a router that
// only forwards. Profiles of equal behaviour must fare alike in every
// experiment with TCP.
//
// Input and Invalid are left out since no TCP peer can see them. The RST of the
// router's own TCP (InputOpen) is the RST that a reject rule sends (Reset): RFC
// 9293 section 3.5.2 gives both the same sequence numbers. And a packet that
// leaks untranslated (InvalidForward) carries a private source address, which
// the next public router drops (RFC 1918 section 3), so the peer misses it
// either way. Timeouts and limits are left out too: they are not reached in an
// experiment that does not set out to.
func (p Profile) Behaviour() string {
	t := p.TCP
	words := []string{short(t.Mapping, "M"), t.Ports.Kind(), short(t.Filtering, "F"), string(t.Unsolicited)}
	switch {
	case p.Firewall():
		words = append([]string{"firewall"}, words[2:]...)
	case !p.Translate:
		return "none"
	}
	return strings.Join(append(words, p.unusual()...), "/")
}

// unusual lists what peers notice only when they meet it.
func (p Profile) unusual() []string {
	var words []string
	add := func(is bool, field, value string) {
		if is {
			words = append(words, field+"="+value)
		}
	}
	t := p.TCP
	add(t.CrossedSYN != CrossedAccept, "crossed-syn", string(t.CrossedSYN))
	add(t.AfterReset != Close, "after-reset", string(t.AfterReset))
	add(t.AfterICMP != Keep, "after-icmp", string(t.AfterICMP))
	add(t.ICMPErrors != Forwarded, "icmp-errors", string(t.ICMPErrors))
	add(t.Sequence == SequenceRewritten, "sequence", string(t.Sequence))
	add(p.Translate && t.Hairpin != HairpinNone, "hairpin", strings.TrimSuffix(string(t.Hairpin), "-source"))
	add(p.Addresses.Count > 1, "addresses", fmt.Sprint(p.Addresses.Count, "-", p.Addresses.Pooling))
	return words
}

// Kind is the allocation with what a peer needs to predict a port, such as
// sequential-1 for ports that are counted down; empty where there are none.
func (p Ports) Kind() string {
	kind := string(p.Allocation)
	if p.Allocation == Block {
		kind += "-" + string(p.Block.Inside)
	}
	if p.OnConflict != "" && p.OnConflict != Random {
		kind += "-or-" + string(p.OnConflict)
	}
	if p.Step != 0 && p.Step != 1 {
		kind += fmt.Sprintf("%+d", p.Step)
	}
	if p.Parity {
		kind += "-parity"
	}
	return kind
}

// short gives the abbreviation that tables use: the dependence's initials, then
// M for mapping or F for filtering.
func short(d Dependence, of string) string {
	switch d {
	case EndpointIndependent:
		return "EI" + of
	case AddressDependent:
		return "AD" + of
	case AddressAndPortDependent:
		return "APD" + of
	default:
		return string(d)
	}
}
