package verify

import (
	"testing"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
)

// TestManyMappings proves a limit that takes tens of thousands of mappings to
// reach: the one too many is refused, and the first still works.
func TestManyMappings(t *testing.T) {
	harness.Need(t)
	if testing.Short() {
		t.Skip("60,000 mappings take seconds") // only with -short, which CI does not use
	}
	p := with(preserving, func(p *natprofiles.Profile) {
		p.Limits = natprofiles.Limits{Mappings: 60_000, AtLimit: natprofiles.Reset}
	})()
	if r := judge(t, p, Options{}); !r.OK {
		t.Error(table(r))
	}
	p.Limits.Mappings++
	install := func(p natprofiles.Profile) natprofiles.Profile {
		p.Limits.Mappings = 60_000
		return p
	}
	if r := judge(t, p, Options{Install: install}); !refused(r, "limits.mappings") {
		t.Error("one mapping less was not noticed")
	}
}
