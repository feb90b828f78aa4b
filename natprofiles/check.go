package natprofiles

import (
	"slices"
	"strconv"
	"strings"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// check applies the rules between fields: p is what s, as it was written,
// means. A rule is silent about values that could not be decoded.
func check(doc *strictyaml.Document, s shape, p Profile) {
	if err := catalogue.CheckName(p.Name); err != nil {
		doc.At().Errorf("file name: %v", err)
	}
	doc.At("summary").Require("one line that says what behaves so")
	checkSources(doc, s.Sources)
	checkNames(doc, p)
	checkTags(doc, p.Tags)
	if !doc.At("translate").Sound() {
		return
	}
	sides := []side{{doc, "tcp", p.TCP}, {doc, "udp", p.UDP}}
	switch {
	case p.Translate:
		checkNAT(doc, s, p, sides)
	case p.TCP.Filtering == Unfiltered:
		checkRouter(doc)
	default:
		checkFirewall(doc, s, sides)
	}
}

// side is one transport protocol of the file that is checked.
type side struct {
	doc   *strictyaml.Document
	block string // tcp or udp
	Transport
}

// at is where the protocol has a field from: its own block, or outside. Ports
// are replaced as a whole.
func (s side) at(path ...string) strictyaml.Place {
	if s.doc.At(s.block, path[0]).Given() {
		return s.doc.At(append([]string{s.block}, path...)...)
	}
	return s.doc.At(path...)
}

// sound says whether all of these fields could be decoded, with what holds
// them. A path is written with dots.
func (s side) sound(paths ...string) bool {
	for _, path := range paths {
		steps := strings.Split(path, ".")
		for i := range steps {
			if !s.at(steps[:i+1]...).Sound() {
				return false
			}
		}
	}
	return s.doc.At(s.block).Sound()
}

// require notes a field as missing that neither stands outside nor in both
// blocks; where one block has it, the other one lacks it.
func require(doc *strictyaml.Document, field, allowed string) {
	blocks := []string{"tcp", "udp"}
	lacking := slices.DeleteFunc(slices.Clone(blocks), func(b string) bool { return doc.At(b, field).Given() })
	switch {
	case len(lacking) == 0:
	case len(lacking) == 1 && doc.At(lacking[0]).Given() && !doc.At(field).Given():
		doc.At(lacking[0], field).Require(allowed)
	default:
		doc.At(field).Require(allowed)
	}
}

const (
	dependenceWords = "endpoint-independent, address-dependent or address-and-port-dependent"
	answerWords     = "drop, reset, icmp-port-unreachable, icmp-admin-prohibited or icmp-after-6s"
)

// checkNAT applies the rules for what translates.
func checkNAT(doc *strictyaml.Document, written shape, p Profile, sides []side) {
	require(doc, "mapping", dependenceWords)
	require(doc, "filtering", dependenceWords)
	require(doc, "unsolicited", answerWords)
	for _, s := range sides {
		if s.Filtering == Unfiltered {
			s.at("filtering").Errorf("filtering: none is only for translate: false; a NAT's is %s", dependenceWords)
		}
		checkPorts(s)
		checkPooling(s, p.Addresses)
	}
	checkBlocks(doc, p, sides)
	checkAnswers(doc)
	checkAddresses(doc, written.Addresses)
	checkLimits(doc, written.Limits)
	checkOverloading(doc, p, sides)
}

// checkFirewall applies the rules for what filters without translating.
func checkFirewall(doc *strictyaml.Document, written shape, sides []side) {
	require(doc, "filtering", dependenceWords+"; or none for a router that only forwards")
	if sides[0].Filtering == "" && sides[1].Filtering == "" {
		return // nobody knows what it is to be
	}
	require(doc, "unsolicited", answerWords)
	for _, field := range []string{"mapping", "ports", "hairpin", "addresses", "input", "invalid"} {
		for _, at := range everywhere(doc, field) {
			at.Errorf("%s: contradicts translate: false; a firewall translates nothing and has none, leave it out", field)
		}
	}
	for _, s := range sides {
		if s.Filtering == Unfiltered {
			s.at("filtering").Errorf("filtering: none for %s alone; a router that only forwards filters neither TCP nor UDP", strings.ToUpper(s.block))
		}
	}
	checkAnswers(doc)
	checkLimits(doc, written.Limits)
}

// checkRouter applies the rules for what only forwards.
func checkRouter(doc *strictyaml.Document) {
	for _, field := range behaviours {
		if at := doc.At(field); at.Given() && field != "translate" && field != "filtering" {
			at.Errorf("%s: contradicts translate: false with filtering: none; a router that only forwards has none, leave it out", field)
		}
	}
}

// everywhere gives the places where a file has a field: outside and in the
// blocks.
func everywhere(doc *strictyaml.Document, field string) []strictyaml.Place {
	places := []strictyaml.Place{doc.At(field), doc.At("tcp", field), doc.At("udp", field)}
	return slices.DeleteFunc(places, func(at strictyaml.Place) bool { return !at.Given() })
}

// checkAnswers refuses the answer to UDP that only a SYN can get. Where it
// stands outside, for both, UDP is dropped.
func checkAnswers(doc *strictyaml.Document) {
	if at := doc.At("udp", "unsolicited"); at.Is(string(DelayedUnreachable)) {
		at.Errorf("unsolicited: icmp-after-6s is about SYNs (RFC 5382 REQ-4) and not for UDP; write drop, icmp-port-unreachable or icmp-admin-prohibited")
	}
}

func checkSources(doc *strictyaml.Document, sources []source) {
	for i := range sources {
		at := func(field string) strictyaml.Place { return doc.At("sources", strconv.Itoa(i), field) }
		at("ref").Require("a document, a file of source code, or a measurement")
		at("says").Require("documented, measured or assumed")
		at("fields").Require("a list of the fields that it is the source of")
		if at("fields").Given() && at("fields").Sound() && len(sources[i].Fields) == 0 {
			at("fields").Errorf("fields: empty; name at least one, %s", fieldWords)
		}
	}
}

func checkNames(doc *strictyaml.Document, p Profile) {
	for i, alias := range p.Aliases {
		at := doc.At("aliases", strconv.Itoa(i))
		switch err := catalogue.CheckName(alias); {
		case !at.Sound():
		case err != nil:
			at.Errorf("aliases: %v", err)
		case alias == p.Name:
			at.Errorf("aliases: %s is the profile's own name, by that of its file; leave it out", alias)
		case slices.Contains(p.Aliases[:i], alias):
			at.Errorf("aliases: %s is given twice", alias)
		}
	}
}

// checkTags holds tags to the form of names: sets choose by them.
func checkTags(doc *strictyaml.Document, tags []string) {
	for i, tag := range tags {
		at := doc.At("tags", strconv.Itoa(i))
		switch err := catalogue.CheckName(tag); {
		case !at.Sound():
		case err != nil:
			at.Errorf("tags: %v", err)
		case slices.Contains(tags[:i], tag):
			at.Errorf("tags: %s is given twice", tag)
		}
	}
}
