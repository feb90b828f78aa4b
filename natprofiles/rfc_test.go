package natprofiles_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/natprofiles"
)

// conforming does everything that the RFCs ask for, as far as fields tell, but
// what no profile does (RFC 6888 REQ-11B) or none with blocks (REQ-13 there, RFC
// 4787 REQ-3a).
const conforming = `
mapping: endpoint-independent
filtering: endpoint-independent
ports: {allocation: block, block: {size: 512}, parity: true}
addresses: {count: 2, pooling: paired}
hairpin: external-source
unsolicited: icmp-after-6s
tcp: {timeouts: {syn-sent: 4m, closing: 4m, established: 2h4m}}
udp: {timeouts: {unreplied: 5m, stream: 5m}}
`

// letters abbreviate a standing.
var letters = map[natprofiles.Standing]string{
	natprofiles.Meets: "+", natprofiles.Breaks: "X", natprofiles.Departs: "x", natprofiles.Untold: "?", natprofiles.NotApplicable: ".",
}

// Profiles in columns, requirements in rows: + meets, X breaks a must, x departs
// from a should, ? cannot tell, . not applicable. From the RFCs.
func TestVerdicts(t *testing.T) {
	const class = "unsolicited: drop\nhairpin: external-source\n"
	profiles := []string{
		conforming,
		"mapping: endpoint-independent\nfiltering: endpoint-independent\n" + class,
		"mapping: endpoint-independent\nfiltering: address-dependent\n" + class,
		"mapping: endpoint-independent\nfiltering: address-and-port-dependent\n" + class,
		"mapping: address-and-port-dependent\nfiltering: address-and-port-dependent\nports: {allocation: random}\n" + class,
		eimAPDF + "ports: {overloading: true}\n",
		strings.NewReplacer("icmp-after-6s", "reset", "external-source", "internal-source").Replace(conforming) +
			"after-icmp: close\nicmp-errors: drop\n",
	}
	want := `
4787 REQ-1    must    + + + + X + +
4787 REQ-2    should  + . . . . . +
4787 REQ-3    must    + + + + + X +
4787 REQ-3a   should  x x x x x + x
4787 REQ-4    should  + x x x x x +
4787 REQ-5    must    + X X X X X +
4787 REQ-5c   should  + x x x x x +
4787 REQ-6    must    + + + + + + +
4787 REQ-7    must    ? ? ? ? ? ? ?
4787 REQ-8    should  + + + x x x +
4787 REQ-9    must    + + + + + X +
4787 REQ-9a   must    + + + + + . X
4787 REQ-10   should  ? ? ? ? ? ? ?
4787 REQ-11   must    + + + + + X +
4787 REQ-12   must    + + + + + + X
4787 REQ-12b  should  + + + + + + x
4787 REQ-13   must    ? ? ? ? ? ? ?
4787 REQ-14   must    ? ? ? ? ? ? ?
5382 REQ-1    must    + + + + X + +
5382 REQ-2    must    + + + + + + +
5382 REQ-3    should  + + + x x x +
5382 REQ-4    must    + + + + + + X
5382 REQ-4    should  + . . . . . x
5382 REQ-5    must    + + + + + + +
5382 REQ-5    must    + X X X X X +
5382 REQ-6    should  ? ? ? ? ? ? ?
5382 REQ-7    must    + + + + + X +
5382 REQ-8    must    + + + + + X +
5382 REQ-8a   must    + + + + + . X
5382 REQ-9    should  + + + + + + x
5382 REQ-10   must    + + + + + + X
6888 REQ-1    must    + X X X X X X
6888 REQ-2    must    + . . . . . +
6888 REQ-4    must    + ? ? ? ? ? +
6888 REQ-7    should  + + x x x x +
6888 REQ-8    should  ? ? ? ? ? ? ?
6888 REQ-9    must    ? ? ? ? ? ? ?
6888 REQ-11A  must    + + + + + + +
6888 REQ-11B  should  x x x x x x x
6888 REQ-11D  must    + + + + + + +
6888 REQ-13   should  x + + + + + x
6888 REQ-14   should  + x x x x x +
6888 REQ-15   should  + . . . + . +
`
	var rows []string
	for _, text := range profiles {
		for i, v := range parsed(t, text).Verdicts() {
			r := v.Requirement
			if i == len(rows) {
				rows = append(rows, fmt.Sprintf("%d %-7s  %-6s ", r.RFC, r.Number, r.Level))
			}
			rows[i] += " " + letters[v.Standing]
			if v.Because == "" != (v.Standing == natprofiles.Untold && v.Requirement.Number != "REQ-4") {
				t.Errorf("RFC %d %s: %s because of %q", r.RFC, r.Number, v.Standing, v.Because)
			}
		}
	}
	if diff := cmp.Diff(strings.TrimSpace(want), strings.Join(rows, "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// because finds what decided a requirement.
func because(t *testing.T, p natprofiles.Profile, rfc int, number string) string {
	t.Helper()
	for _, v := range p.Verdicts() {
		if v.Requirement.RFC == rfc && v.Requirement.Number == number {
			return string(v.Standing) + ", " + v.Because
		}
	}
	t.Fatalf("no verdict on RFC %d %s", rfc, number)
	return ""
}

func TestVerdictsSayWhy(t *testing.T) {
	p := parsed(t, `
mapping: endpoint-independent
filtering: endpoint-independent
unsolicited: reset
ports: {allocation: sequential, step: -1}
limits: {per-host: 100, at-limit: reset}
tcp: {crossed-syn: drop, timeouts: {established: 1h}}
udp: {filtering: address-and-port-dependent, timeouts: {stream: 29s}}
`)
	for _, c := range []struct {
		rfc          int
		number, want string
	}{
		{4787, "REQ-5", "breaks, timeouts: {stream: 29s}"},
		{4787, "REQ-9", "breaks, hairpin: none"},
		{4787, "REQ-9a", "not applicable, hairpin: none"},
		{5382, "REQ-2", "breaks, crossed-syn: drop"},
		{5382, "REQ-4", "breaks, unsolicited: reset"},
		{5382, "REQ-5", "breaks, timeouts: {established: 1h}"},
		{6888, "REQ-1", "breaks, RFC 4787 REQ-5, RFC 4787 REQ-9, RFC 5382 REQ-2, RFC 5382 REQ-4, RFC 5382 REQ-5, RFC 5382 REQ-8"},
		{6888, "REQ-4", "meets, limits: {per-host: 100}"},
		{6888, "REQ-7", "departs, udp: filtering: address-and-port-dependent"},
		{6888, "REQ-11B", "departs, limits: {at-limit: reset}"},
		{6888, "REQ-15", "departs, ports: {allocation: sequential}"},
	} {
		if got := because(t, p, c.rfc, c.number); got != c.want {
			t.Errorf("RFC %d %s: %s, want %s", c.rfc, c.number, got, c.want)
		}
	}
}

// What an external port can be decides some requirements.
func TestVerdictsOnPorts(t *testing.T) {
	const mapping = "mapping: endpoint-independent\nfiltering: address-and-port-dependent\nunsolicited: drop\n"
	for _, c := range []struct{ ports, halves, use string }{
		{"{allocation: preserve}", "departs, ports: {on-conflict: random}: out of one range for both", "meets, ports: {allocation: preserve}"},
		{"{allocation: preserve, on-conflict: sequential, range: 1-65535}", "departs, ports: {on-conflict: sequential}: out of one range for both",
			"meets, ports: {allocation: preserve}"},
		{"{allocation: preserve, on-conflict: fail}", "meets, ports: {on-conflict: fail}: the inside port or none", "departs, ports: {on-conflict: fail}"},
		{"{allocation: random}", "departs, ports: {allocation: random}: out of one range for both", "meets, ports: {allocation: random}"},
		{"{allocation: block, block: {size: 64}}", "departs, ports: {allocation: block}: out of one range for both", "departs, ports: {allocation: block}"},
		{"{overloading: true}", "meets, ports: {overloading: true}: Linux keeps them apart", "meets, ports: {allocation: preserve}"},
		{"{overloading: true, range: 20000-29999}", "departs, ports: {on-conflict: random}: out of one range for both", "meets, ports: {allocation: preserve}"},
	} {
		p := parsed(t, mapping+"ports: "+c.ports+"\n")
		if got := because(t, p, 4787, "REQ-3a"); got != c.halves {
			t.Errorf("%s: RFC 4787 REQ-3a: %s, want %s", c.ports, got, c.halves)
		}
		if got := because(t, p, 6888, "REQ-13"); got != c.use {
			t.Errorf("%s: RFC 6888 REQ-13: %s, want %s", c.ports, got, c.use)
		}
	}
}

// The RFCs are about NATs.
func TestNoVerdictsWithoutTranslation(t *testing.T) {
	for _, text := range []string{router, "translate: false\nfiltering: address-dependent\nunsolicited: drop\n"} {
		if got := parsed(t, text).Verdicts(); got != nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestVerdictsAreTellingAsJSON(t *testing.T) {
	text, err := json.Marshal(parsed(t, eimAPDF).Verdicts()[0])
	want := `{"requirement":{"rfc":4787,"number":"REQ-1","level":"must","text":"a mapping does not depend on the destination"},` +
		`"standing":"meets","because":"mapping: endpoint-independent"}`
	if err != nil || string(text) != want {
		t.Errorf("got\n%s, %v\nwant\n%s", text, err, want)
	}
}
