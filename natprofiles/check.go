package natprofiles

import (
	"slices"
	"strconv"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// check applies the rules between fields. Values that could not be decoded are
// empty and break no rule.
func check(doc *strictyaml.Document, name string, s shape) {
	if err := catalogue.CheckName(name); err != nil {
		doc.At().Errorf("file name: %v", err)
	}
	doc.At("summary").Require("one line that says what behaves so")
	checkSources(doc, s.Sources)
	checkAliases(doc, name, s.Aliases)
	doc.At("filtering").Require("address-and-port-dependent, or none with translate: false")
	switch {
	case !doc.At("translate").Sound():
	case s.Translate:
		checkNAT(doc, s)
	default:
		checkRouter(doc, s)
	}
}

// checkNAT applies the rules for what translates.
func checkNAT(doc *strictyaml.Document, s shape) {
	doc.At("mapping").Require("endpoint-independent or address-and-port-dependent")
	doc.At("unsolicited").Require("drop or reset")
	if s.Filtering == filter(Unfiltered) {
		doc.At("filtering").Errorf("filtering: none is only for translate: false; a NAT's filtering is address-and-port-dependent")
	}
	checkKind(doc, s)
	if conflict := doc.At("ports", "on-conflict"); conflict.Given() && s.Ports.Allocation == Random {
		conflict.Errorf("on-conflict: only for allocation: preserve; a random port meets no conflict")
	}
	if s.Input == InputOpen && s.Unsolicited == Drop {
		doc.At("input").Errorf("input: open contradicts unsolicited: drop, since the router's own TCP answers with a reset; write unsolicited: reset, or input: filtered")
	}
}

// checkKind keeps to the two kinds of NAT that a lab can build.
func checkKind(doc *strictyaml.Document, s shape) {
	allocation := doc.At("ports", "allocation")
	switch {
	case s.Mapping == mapping(EndpointIndependent) && s.Ports.Allocation == Random:
		allocation.Errorf("allocation: random contradicts mapping: endpoint-independent; %s", twoKinds)
	case s.Mapping == mapping(AddressAndPortDependent) && s.Ports.Allocation == Preserve && allocation.Given():
		allocation.Errorf("allocation: preserve contradicts mapping: address-and-port-dependent; %s", twoKinds)
	case s.Mapping == mapping(AddressAndPortDependent) && s.Ports.Allocation == Preserve:
		doc.At("mapping").Errorf("mapping: address-and-port-dependent needs ports: {allocation: random}, and preserve is the default; %s", twoKinds)
	}
}

const twoKinds = "a NAT here either preserves one port for all destinations (endpoint-independent with preserve) " +
	"or draws one per destination (address-and-port-dependent with random)"

// checkRouter applies the rules for what only forwards.
func checkRouter(doc *strictyaml.Document, s shape) {
	for _, name := range []string{"mapping", "ports", "unsolicited", "input", "invalid"} {
		if at := doc.At(name); at.Given() {
			at.Errorf("%s: contradicts translate: false; a router that only forwards has none, leave it out", name)
		}
	}
	if s.Filtering == filter(AddressAndPortDependent) {
		doc.At("filtering").Errorf("filtering: address-and-port-dependent contradicts translate: false; the only value there is none")
	}
}

func checkSources(doc *strictyaml.Document, sources []source) {
	for i := range sources {
		at := func(field string) strictyaml.Place { return doc.At("sources", strconv.Itoa(i), field) }
		at("ref").Require("a document, a file of source code, or a measurement")
		at("says").Require("documented, measured or assumed")
		at("fields").Require("a list of the fields that it is the source of")
		if at("fields").Given() && at("fields").Sound() && len(sources[i].Fields) == 0 {
			at("fields").Errorf("fields: empty; name at least one of %s", strictyaml.List(fields...))
		}
	}
}

func checkAliases(doc *strictyaml.Document, name string, aliases []string) {
	for i, alias := range aliases {
		at := doc.At("aliases", strconv.Itoa(i))
		switch err := catalogue.CheckName(alias); {
		case !at.Sound():
		case err != nil:
			at.Errorf("aliases: %v", err)
		case alias == name || slices.Contains(aliases[:i], alias):
			at.Errorf("aliases: %s is given twice", alias)
		}
	}
}
