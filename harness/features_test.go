package harness

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/internal/leaktest"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/natprofiles"
)

// impossible are rules that every kernel refuses: the name of their table is
// longer than NFT_NAME_MAXLEN.
var impossible = natrules.Ruleset{Tables: []natrules.Table{{Name: strings.Repeat("x", 1000)}}}

func neededFor(field string, needed bool) func(natprofiles.Profile) (string, bool) {
	return func(natprofiles.Profile) (string, bool) { return field, needed }
}

func TestWhatTheKernelLacksIsNamed(t *testing.T) {
	Need(t)
	refusal := errors.New("the batch was refused")
	p := kind(t, "cone")
	there := natrules.Feature{Name: "what is there", Try: natrules.Ruleset{}, NeededBy: neededFor("mapping", true)}
	unneeded := natrules.Feature{Name: "what nobody needs", Try: impossible, NeededBy: neededFor("hairpin", false)}
	missing := natrules.Feature{Name: "flux", Option: "CONFIG_FLUX", Module: "nft_flux", Try: impossible, NeededBy: neededFor("ports.flux", true)}

	err := refusedRules([]natrules.Feature{there, unneeded, missing}, p, refusal)
	const want = "profile cone: ports.flux: this kernel cannot do flux (CONFIG_FLUX, module nft_flux): "
	if !strings.HasPrefix(err.Error(), want) || strings.Count(err.Error(), "this kernel") != 1 {
		t.Errorf("%v, want %s…", err, want)
	}
	// Where nothing is missing, the kernel's own word has to do.
	if err := refusedRules([]natrules.Feature{there, unneeded}, p, refusal); err.Error() != "profile cone: the batch was refused" {
		t.Errorf("%v", err)
	}
}

// A NAT whose rules are refused is no lab, and nothing is left of it.
func TestALabWithRefusedRulesIsNone(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": kind(t, "linux")}) // opens what is opened once
	leaktest.Watch(t)
	n := lab.node(t, "nat-a")
	rules := n.rules
	n.rules = impossible
	defer func() { n.rules = rules }()
	err := n.apply()
	if err == nil || !strings.HasPrefix(err.Error(), "profile linux: nftables: ") || !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ERANGE) {
		t.Errorf("impossible rules: %v", err)
	}
}

// What this kernel refuses of the features must be known before a profile that
// needs them is taken for broken, and the other way round: where all of them
// are there, every shipped profile's rules are taken.
func TestFeaturesAreEnoughForEveryProfile(t *testing.T) {
	Need(t)
	for _, f := range natrules.Features() {
		if err := tryFeature(f); err != nil {
			t.Skipf("without %s: %v", f.Name, err) // in CI too: older kernels have not all of them
		}
	}
	for _, p := range natprofiles.All() {
		if p.Overloads() || !p.Translate && !p.Firewall() {
			continue
		}
		needs := 0
		for _, f := range natrules.Features() {
			if field, needed := f.NeededBy(p); needed {
				if needs++; field == "" {
					t.Errorf("%s needs %s for no field", p.Name, f.Name)
				}
			}
		}
		if needs == 0 {
			t.Errorf("%s needs nothing, and is no NAT of Linux's own", p.Name)
		}
		lab, err := New(t.Context(), topology(t, "one-nat"), NATs{"a": p})
		if err == nil {
			err = lab.Close()
		}
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

func TestThePurposeOfAFeature(t *testing.T) {
	f := natrules.Feature{NeededBy: func(p natprofiles.Profile) (string, bool) { return "mapping", p.Name != "a" }}
	got := purpose(f, []natprofiles.Profile{{Name: "a"}, {Name: "b"}, {Name: "c"}})
	if want := "mapping of 2 profiles, such as b"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
