package harness

import (
	"fmt"
	"testing"

	"github.com/punchlab/punchlab/natprofiles"
)

// kinds are routers of every make: Linux's own NAT, NATs that are maps, from the
// friendliest to the least friendly, a firewall, and a router that only
// forwards. What else profiles differ in, a lab does not know.
var kinds = []string{"linux", "linux-random", "cone", "pool", "symmetric", "firewall", "router"}

var kindFiles = map[string]string{
	"linux":        "mapping: endpoint-independent\nfiltering: address-and-port-dependent\nports: {overloading: true}\nunsolicited: drop",
	"linux-random": "mapping: address-and-port-dependent\nfiltering: address-and-port-dependent\nports: {allocation: random, overloading: true}\nunsolicited: reset",
	"cone":         "mapping: endpoint-independent\nfiltering: endpoint-independent\nhairpin: external-source\nunsolicited: drop",
	"pool":         "mapping: endpoint-independent\nfiltering: address-dependent\nhairpin: external-source\nunsolicited: reset\naddresses: {count: 3, pooling: paired}",
	"symmetric":    "mapping: address-and-port-dependent\nfiltering: address-and-port-dependent\nports: {allocation: random}\nunsolicited: reset",
	"firewall":     "translate: false\nfiltering: address-and-port-dependent\nunsolicited: drop",
	"router":       "translate: false\nfiltering: none",
}

// kind is the profile of a kind.
func kind(tb testing.TB, name string) natprofiles.Profile {
	tb.Helper()
	return parsed(tb, name, kindFiles[name])
}

// parsed is the profile that a file's fields make.
func parsed(tb testing.TB, name, fields string) natprofiles.Profile {
	tb.Helper()
	p, err := natprofiles.Parse(name+".yaml", []byte("summary: for tests\n"+fields))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// owner is a profile of a NAT that has some external addresses to itself.
func owner(tb testing.TB, addresses int) natprofiles.Profile {
	tb.Helper()
	pool := ""
	if addresses > 1 {
		pool = fmt.Sprintf("\naddresses: {count: %d, pooling: paired}", addresses)
	}
	return parsed(tb, "owner", kindFiles["cone"]+pool)
}

func TestKindsAreAllThatThereAre(t *testing.T) {
	if len(kinds) != len(kindFiles) {
		t.Errorf("%d kinds and %d files", len(kinds), len(kindFiles))
	}
	for _, name := range kinds {
		kind(t, name)
	}
}
