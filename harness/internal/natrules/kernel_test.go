package natrules_test

import (
	"errors"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/natprofiles"
)

func TestMain(m *testing.M) { harness.Main(m.Run) }

// namespace makes a namespace that lasts until the test ends.
func namespace(t *testing.T) *kernel.Namespace {
	t.Helper()
	harness.Need(t)
	made, err := kernel.NewNamespaces([][]kernel.Sysctl{nil})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := made[0].Close(); err != nil {
			t.Error(err)
		}
	})
	return made[0]
}

// rulesets are all that the kernel is given, apart from the form of the queue
// rule that some kernels do not know.
func rulesets() map[string]natrules.Ruleset {
	all := map[string]natrules.Ruleset{
		"backbone": natrules.Backbone([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10")}, netip.MustParsePrefix("198.18.255.0/24")),
	}
	for _, p := range natprofiles.All() {
		if p.Overloads() {
			all[p.Name] = natrules.Linux(p, wan)
		}
	}
	return all
}

// What the kernel has after a commit is what we say that we gave it, in the
// words of the nft program, where there is one.
func TestTheKernelHasWhatIsRendered(t *testing.T) {
	nft, missing := exec.LookPath("nft")
	if missing != nil {
		t.Logf("commits only: the kernel's rules cannot be listed: %v", missing)
	}
	for name, rules := range rulesets() {
		ns := namespace(t)
		if err := rules.Apply(ns.FD()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if missing != nil {
			continue
		}
		if diff := cmp.Diff(chains(rules.String()), chains(listed(t, ns, nft))); diff != "" {
			t.Errorf("%s (-rendered +nft list ruleset)\n%s", name, diff)
		}
	}
}

// listed is what nft lists in a namespace.
func listed(t *testing.T, ns *kernel.Namespace, nft string) string {
	t.Helper()
	var out strings.Builder
	cmd := exec.Command(nft, "list", "ruleset")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := ns.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("nft: %v: %s", err, &out)
	}
	return out.String()
}

// chains leaves out what nft, depending on its version, takes for granted: that
// a reset is for TCP, that a reject is a port unreachable, and timeouts that are
// the usual ones.
func chains(text string) string {
	return timeouts.ReplaceAllString(taken.Replace(text), "")
}

var (
	taken = strings.NewReplacer(
		"meta l4proto tcp reject with tcp reset", "reject with tcp reset",
		"reject with icmp port-unreachable", "reject",
	)
	timeouts = regexp.MustCompile(`(?m)^\tct timeout \w+ \{\n(\t\t.*\n)*\t\}\n\n?`)
)

// What people are shown of a namespace is what was applied to it, in the order
// of tables that the kernel has.
func TestInstalledReadsRulesBack(t *testing.T) {
	for name, rules := range rulesets() {
		ns := namespace(t)
		if err := rules.Apply(ns.FD()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := natrules.Installed(ns.FD())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(chains(rules.String()), chains(got.String())); diff != "" {
			t.Errorf("%s (-applied +installed)\n%s", name, diff)
		}
	}
	if _, err := natrules.Installed(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("the rules of no namespace: %v, want %v", err, unix.EBADF)
	}
}

func TestOneFormOfTheQueueRuleIsKnown(t *testing.T) {
	var errs []error
	for _, native := range []bool{false, true} {
		errs = append(errs, natrules.Hold{Uplink: wan, Up: 0, Down: 1}.Rules(native).Apply(namespace(t).FD()))
	}
	if errs[0] != nil && errs[1] != nil {
		t.Error(errors.Join(errs...))
	}
}

// A batch is all or nothing: a table that the kernel takes does not stay where
// the next one is refused.
func TestWhatTheKernelRefusesLeavesNothing(t *testing.T) {
	ns := namespace(t)
	good := natrules.Linux(profile(t, "openwrt"), wan)
	bad := natrules.Linux(profile(t, "openwrt"), wan)
	bad.Tables[1].Name = strings.Repeat("x", 1000) // longer than NFT_NAME_MAXLEN
	if err := bad.Apply(ns.FD()); err == nil {
		t.Fatal("the kernel took a table with an impossible name")
	}
	if nft, err := exec.LookPath("nft"); err == nil {
		if got := listed(t, ns, nft); got != "" {
			t.Errorf("after a refusal there is\n%s", got)
		}
	}
	if err := good.Apply(ns.FD()); err != nil {
		t.Errorf("after a refusal: %v", err)
	}
}

func TestApplyNeedsANamespace(t *testing.T) {
	err := natrules.Linux(profile(t, "openwrt"), wan).Apply(-1)
	if !errors.Is(err, unix.EBADF) {
		t.Errorf("rules for no namespace: %v, want %v", err, unix.EBADF)
	}
}

func profile(t *testing.T, name string) natprofiles.Profile {
	t.Helper()
	p, err := natprofiles.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
