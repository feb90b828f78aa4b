package specs

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/punchlab/punchlab/"

// owners says which of our packages may import a library that deals with the
// kernel. natrules opens no socket of mdlayher/netlink: it names the type that
// google/nftables hands it for socket options.
var owners = map[string][]string{
	"github.com/vishvananda/netns":   {"harness/internal/kernel"},
	"github.com/vishvananda/netlink": {"harness/internal/kernel"},
	"github.com/google/nftables":     {"harness/internal/natrules"},
	"github.com/mdlayher/netlink":    {"harness/internal/capture", "harness/internal/natrules"},
	"github.com/gopacket/gopacket":   {"harness/recording"},
}

// apart says which packages of ours a package, and everything below it, may
// depend on besides itself. It is the diagram of ARCHITECTURE.md.
var apart = map[string][]string{
	"internal/strictyaml": {},
	"internal/catalogue":  {"internal/strictyaml"},
	"natprofiles":         {"internal/catalogue", "internal/strictyaml"},
	"links":               {"internal/strictyaml"},
	"topologies":          {"links", "internal/catalogue", "internal/strictyaml"},
	"punch":               {},
	"harness/recording":   {},
	"harness":             {"natprofiles", "topologies", "links", "internal/catalogue", "internal/strictyaml"},
	"bench/results":       {},
	"bench/story":         {},
	"bench/expect":        {"bench/results", "internal/strictyaml"},
	"bench/populations":   {"bench/results", "natprofiles", "internal/catalogue", "internal/strictyaml"},
	"bench/report":        {"bench/results", "bench/story", "bench/expect", "bench/populations", "natprofiles", "internal/catalogue", "internal/strictyaml"},
}

// blind says what a package may not import itself, nor its tests: the prober of
// NATs knows nothing of what makes them, nor looks at what the kernel has of it.
var blind = map[string][]string{
	"harness/verify": {
		module + "harness/internal/natrules", "github.com/google/nftables",
		"github.com/vishvananda/netlink", "github.com/mdlayher/netlink",
	},
}

// TestTheProberIsBlind keeps the prober apart from what it proves.
func TestTheProberIsBlind(t *testing.T) {
	for root, hidden := range blind {
		list := exec.CommandContext(t.Context(), "go", "list", "-f",
			`{{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}`, module+root+"/...")
		out, err := list.CombinedOutput()
		if err != nil || len(strings.Fields(string(out))) == 0 {
			t.Fatalf("go list: %v\n%s", err, out)
		}
		for _, i := range strings.Fields(string(out)) {
			if slices.ContainsFunc(hidden, func(h string) bool { return under(i, h) }) {
				t.Errorf("%s imports %s", root, i)
			}
		}
	}
}

// TestImports keeps the diagram true. It needs no lab.
func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, line := range packages(t) {
		name, rest, _ := strings.Cut(line, " ")
		own := strings.TrimPrefix(name, module)
		direct, all, _ := strings.Cut(rest, "|")
		checkOwners(t, own, strings.Fields(direct))
		for root, allowed := range apart {
			if under(own, root) {
				seen[root] = true
				checkApart(t, own, append([]string{root}, allowed...), strings.Fields(all))
			}
		}
	}
	for root := range apart {
		if !seen[root] {
			t.Errorf("the diagram names %s, which is not there", root)
		}
	}
}

// packages lists ours, with what each imports and what it depends on.
func packages(t *testing.T) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-f",
		`{{.ImportPath}} {{join .Imports " "}}|{{join .Deps " "}}`, module+"...")
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func checkOwners(t *testing.T, own string, imports []string) {
	t.Helper()
	for _, i := range imports {
		for library, of := range owners {
			if under(i, library) && !slices.Contains(of, own) {
				t.Errorf("%s imports %s, which only %s may", own, i, strings.Join(of, " and "))
			}
		}
	}
}

func checkApart(t *testing.T, own string, allowed, deps []string) {
	t.Helper()
	for _, d := range deps {
		ours, is := strings.CutPrefix(d, module)
		if is && !slices.ContainsFunc(allowed, func(root string) bool { return under(ours, root) }) {
			t.Errorf("%s depends on %s; it may depend on %s", own, ours, strings.Join(allowed, ", "))
		}
	}
}

// under says whether a package is root or below it.
func under(name, root string) bool { return name == root || strings.HasPrefix(name, root+"/") }
