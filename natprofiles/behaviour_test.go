package natprofiles_test

import (
	"testing"

	"github.com/punchlab/punchlab/natprofiles"
)

const (
	ei  = natprofiles.EndpointIndependent
	ad  = natprofiles.AddressDependent
	apd = natprofiles.AddressAndPortDependent
)

// parsed reads a profile that must be right.
func parsed(t *testing.T, text string) natprofiles.Profile {
	t.Helper()
	p, err := natprofiles.Parse("x.yaml", []byte("summary: X\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const eimAPDF = "mapping: endpoint-independent\nfiltering: address-and-port-dependent\nunsolicited: drop\n"

func TestBehaviourInWords(t *testing.T) {
	const apdm = "mapping: address-and-port-dependent\nfiltering: endpoint-independent\nunsolicited: reset\n"
	for text, want := range map[string]string{
		"translate: false\nfiltering: none\n":                                 "none",
		"translate: false\nfiltering: address-dependent\nunsolicited: drop\n": "firewall/ADF/drop",
		eimAPDF:                                  "EIM/preserve/APDF/drop",
		eimAPDF + "ports: {overloading: true}\n": "EIM/preserve/APDF/drop",
		eimAPDF + "hairpin: external-source\naddresses: {count: 2}\n":             "EIM/preserve/APDF/drop/hairpin=external/addresses=2-paired",
		eimAPDF + "ports: {allocation: block, block: {size: 64}}\n":               "EIM/block-random/APDF/drop",
		apdm + "ports: {allocation: sequential, step: -1}\n":                      "APDM/sequential-1/EIF/reset",
		apdm + "ports: {allocation: sequential, step: 2}\nicmp-errors: drop\n":    "APDM/sequential+2/EIF/reset/icmp-errors=drop",
		apdm + "ports: {allocation: random, parity: true}\nafter-icmp: close\n":   "APDM/random-parity/EIF/reset/after-icmp=close",
		apdm + "tcp: {crossed-syn: drop, after-reset: keep, sequence: rewrite}\n": "APDM/preserve/EIF/reset/crossed-syn=drop/after-reset=keep/sequence=rewrite",
	} {
		if got := parsed(t, text).Behaviour(); got != want {
			t.Errorf("%sis %s, want %s", text, got, want)
		}
	}
}

// Behaviour leaves out what no TCP peer can see, and nothing else.
func TestBehaviourDiffersExactlyWhereAPeerSeesIt(t *testing.T) {
	base := parsed(t, eimAPDF)
	type profile = natprofiles.Profile
	for field, change := range map[string]func(*profile){
		"translate":       func(p *profile) { p.Translate = false },
		"mapping":         func(p *profile) { p.TCP.Mapping = ad },
		"filtering":       func(p *profile) { p.TCP.Filtering = ei },
		"allocation":      func(p *profile) { p.TCP.Ports.Allocation = natprofiles.Random },
		"on-conflict":     func(p *profile) { p.TCP.Ports.OnConflict = natprofiles.Fail },
		"step":            func(p *profile) { p.TCP.Ports.Step = 3 },
		"parity":          func(p *profile) { p.TCP.Ports.Parity = true },
		"hairpin":         func(p *profile) { p.TCP.Hairpin = natprofiles.HairpinInternal },
		"unsolicited":     func(p *profile) { p.TCP.Unsolicited = natprofiles.PortUnreachable },
		"icmp-errors":     func(p *profile) { p.TCP.ICMPErrors = natprofiles.Eaten },
		"after-icmp":      func(p *profile) { p.TCP.AfterICMP = natprofiles.Close },
		"crossed-syn":     func(p *profile) { p.TCP.CrossedSYN = natprofiles.CrossedReset },
		"after-reset":     func(p *profile) { p.TCP.AfterReset = natprofiles.Keep },
		"sequence":        func(p *profile) { p.TCP.Sequence = natprofiles.SequenceRewritten },
		"addresses.count": func(p *profile) { p.Addresses = natprofiles.Addresses{Count: 2, Pooling: natprofiles.Paired} },
	} {
		changed := base
		change(&changed)
		if changed.Behaviour() == base.Behaviour() {
			t.Errorf("%s: %s as before, and a peer could tell", field, changed.Behaviour())
		}
	}
	for field, change := range map[string]func(*profile){
		"name":        func(p *profile) { p.Name = "y" },
		"input":       func(p *profile) { p.Input = natprofiles.InputOpen },
		"invalid":     func(p *profile) { p.Invalid = natprofiles.InvalidDrop },
		"udp":         func(p *profile) { p.UDP.Mapping = apd },
		"timeouts":    func(p *profile) { p.TCP.Timeouts.Established = seconds(9) },
		"limits":      func(p *profile) { p.Limits.Mappings = 9 },
		"overloading": func(p *profile) { p.TCP.Ports.Overloading = true },
	} {
		changed := base
		change(&changed)
		if changed.Behaviour() != base.Behaviour() {
			t.Errorf("%s: %s, was %s, and no peer can tell", field, changed.Behaviour(), base.Behaviour())
		}
	}
}
