package natrules_test

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/internal/goldentest"
	"github.com/punchlab/punchlab/natprofiles"
)

const wan = "wan"

func golden(profile string) string {
	return filepath.Join("testdata", "golden", profile+".txt")
}

// The rules of every shipped profile are written out, so that a change of the
// profile or of the code shows as a change of what the kernel gets.
func TestRulesOfEveryProfile(t *testing.T) {
	for _, p := range natprofiles.All() {
		goldentest.Compare(t, golden(p.Name), natrules.NAT(p, place(p)).String())
	}
}

func TestEveryGoldenTextBelongsToAProfile(t *testing.T) {
	files, err := filepath.Glob(golden("*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if p, err := natprofiles.Get(name); err != nil || p.Name != name {
			t.Errorf("%s: no profile has this name: %v", file, err)
		}
	}
}

// A profile's name must not matter: rules are made of its fields.
func TestRulesDoNotDependOnTheName(t *testing.T) {
	for _, p := range natprofiles.All() {
		want := natrules.NAT(p, place(p)).String()
		p.Name, p.Aliases, p.Tags, p.Summary = "other", nil, nil, ""
		if diff := cmp.Diff(want, natrules.NAT(p, place(p)).String()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestARouterThatOnlyForwardsNeedsNoRules(t *testing.T) {
	if got := natrules.NAT(natprofiles.Profile{TCP: natprofiles.Transport{Filtering: natprofiles.Unfiltered}}, natrules.Place{}); len(got.Tables) != 0 {
		t.Errorf("rules of a router that translates nothing:\n%s", got)
	}
}

func TestBackboneDropsFromAndTo(t *testing.T) {
	want := `table ip backbone {
	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
		ip saddr 10.0.0.0/8 drop
		ip daddr 10.0.0.0/8 drop
		ip saddr 172.16.0.0/12 drop
		ip daddr 172.16.0.0/12 drop
		ip daddr 198.18.255.0/24 drop
	}
}
`
	got := natrules.Backbone([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12")},
		netip.MustParsePrefix("198.18.255.0/24")).String()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestHoldInBothForms(t *testing.T) {
	for native, queue := range map[bool]string{true: "queue to", false: `xt target "NFQUEUE"`} {
		up, down := queue, queue
		if native {
			up, down = queue+" 3", queue+" 4"
		}
		want := `table ip link {
	chain forward {
		type filter hook forward priority filter; policy accept;
		oifname "up" ` + up + `
		iifname "up" ` + down + `
	}
}
`
		if diff := cmp.Diff(want, natrules.Hold{Uplink: "up", Up: 3, Down: 4}.Rules(native).String()); diff != "" {
			t.Errorf("native %v (-want +got)\n%s", native, diff)
		}
	}
}
