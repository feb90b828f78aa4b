package natprofiles

import (
	"slices"
	"testing"
)

// What a source can be the source of is every field about behaviour that a file
// can have, and the same without the protocol in front.
func TestSourcesCanNameEveryFieldOfBehaviour(t *testing.T) {
	for _, want := range []string{
		"translate", "mapping", "ports", "ports.allocation", "ports.block.size", "tcp", "tcp.mapping", "tcp.ports.range",
		"tcp.timeouts", "tcp.timeouts.syn-sent", "udp.timeouts.stream", "timeouts", "timeouts.refresh", "crossed-syn",
		"addresses.count", "limits.at-limit", "input", "invalid",
	} {
		if !slices.Contains(fields, want) {
			t.Errorf("no source can name %s", want)
		}
	}
	for _, refused := range []string{"", "summary", "sources", "sources.ref", "tags", "udp.crossed-syn", "tcp.input"} {
		if slices.Contains(fields, refused) {
			t.Errorf("a source can name %q", refused)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		source, field string
		want          bool
	}{
		{"ports", "ports", true},
		{"ports", "ports.range", true},
		{"ports.range", "ports", false},
		{"ports", "tcp.ports.range", true},
		{"tcp", "tcp.ports.range", true},
		{"udp", "tcp.ports.range", false},
		{"tcp.mapping", "mapping", false},
		{"timeouts", "tcp.timeouts.syn-sent", true},
		{"timeouts.refresh", "udp.timeouts.refresh", true},
		{"tcp.timeouts", "udp.timeouts.stream", false},
		{"input", "input", true},
		{"in", "input", false},
	} {
		if got := (Source{Fields: []string{c.source}}).Covers(c.field); got != c.want {
			t.Errorf("a source of %s covers %s: %t, want %t", c.source, c.field, got, c.want)
		}
	}
}

func TestStates(t *testing.T) {
	p, err := Parse("x.yaml", []byte(`
summary: X
mapping: endpoint-independent
filtering: endpoint-independent
unsolicited: drop
ports: {allocation: sequential, step: 2}
tcp:
  mapping: address-dependent
  ports: {range: 2000-3000}
  timeouts: {syn-sent: 2m}
udp: {}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"mapping", "filtering", "ports.allocation", "ports.step", "unsolicited",
		"tcp.mapping", "tcp.ports.range", "tcp.timeouts.syn-sent", "udp",
	}
	if !slices.Equal(p.Stated, want) {
		t.Errorf("stated: %v, want %v", p.Stated, want)
	}
	for path, want := range map[string]bool{
		"mapping": true, "tcp.mapping": true, "udp.mapping": true, "tcp.filtering": true,
		"ports.step": true, "udp.ports.step": true, "tcp.ports.step": false, "tcp.ports.range": true, "udp.ports.range": false,
		"tcp.timeouts.syn-sent": true, "tcp.timeouts.closed": false, "hairpin": false, "translate": false,
	} {
		if got := p.States(path); got != want {
			t.Errorf("states %s: %t, want %t", path, got, want)
		}
	}
}
