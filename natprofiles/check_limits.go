package natprofiles

import "github.com/punchlab/punchlab/internal/strictyaml"

// What a lab can keep: sets of an eighth of a gigabyte at most, and as many
// addresses as the table of a NAT's constants holds.
const (
	maxAddresses = 8
	maxMappings  = 262144
	maxPerHost   = 65535
)

// within notes a number that is out of bounds, and says whether it is there and
// in them.
func within(at strictyaml.Place, name string, n, lo, hi int) bool {
	if !at.Given() || !at.Sound() {
		return false
	}
	if n < lo || n > hi {
		at.Errorf("%s: %d is not a number from %d to %d", name, n, lo, hi)
		return false
	}
	return true
}

// checkAddresses applies the rules about external addresses.
func checkAddresses(doc *strictyaml.Document, written addressesShape) {
	count, pooling := doc.At("addresses", "count"), doc.At("addresses", "pooling")
	ok := within(count, "count", written.Count, 1, maxAddresses)
	if !pooling.Given() || count.Given() && (!ok || written.Count > 1) {
		return
	}
	pooling.Errorf("pooling: one address leaves no choice; leave it out, or write count: 2 or more")
}

// checkLimits applies the rules about how many mappings there may be.
func checkLimits(doc *strictyaml.Document, written limitsShape) {
	mappings := within(doc.At("limits", "mappings"), "mappings", written.Mappings, 1, maxMappings)
	perHost := within(doc.At("limits", "per-host"), "per-host", written.PerHost, 1, maxPerHost)
	if mappings && perHost && written.PerHost > written.Mappings {
		doc.At("limits", "per-host").Errorf("per-host: %d is more than the %d mappings of the whole NAT; write %d or less",
			written.PerHost, written.Mappings, written.Mappings)
	}
}
