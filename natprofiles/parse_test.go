package natprofiles_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/internal/strictyaml/strictyamltest"
	"github.com/punchlab/punchlab/natprofiles"
)

func TestBadFilesTellWhatIsWrong(t *testing.T) {
	strictyamltest.BadFiles(t, "testdata/bad", func(file string, data []byte) error {
		_, err := natprofiles.Parse(file, data)
		return err
	})
}

func TestParseRefusesMoreThan64KiB(t *testing.T) {
	data := []byte("summary: x\ntranslate: false\nfiltering: none\n")
	data = append(data, bytes.Repeat([]byte("#"), 64<<10-len(data))...)
	if _, err := natprofiles.Parse("big.yaml", data); err != nil {
		t.Errorf("64 KiB: %v", err)
	}
	_, err := natprofiles.Parse("big.yaml", append(data, '\n'))
	if err == nil || err.Error() != "big.yaml:1:1: larger than 64 KiB" {
		t.Errorf("one byte more: %v", err)
	}
}

func TestParseFillsInDefaults(t *testing.T) {
	const minimal = `
summary: The least that a NAT can say
mapping: endpoint-independent
filtering: address-and-port-dependent
unsolicited: drop
`
	got, err := natprofiles.Parse("some/where/least.yaml", []byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	want := natprofiles.Profile{
		Name:        "least",
		Summary:     "The least that a NAT can say",
		Translate:   true,
		Mapping:     natprofiles.EndpointIndependent,
		Filtering:   natprofiles.AddressAndPortDependent,
		Ports:       natprofiles.Ports{Allocation: natprofiles.Preserve, OnConflict: natprofiles.Random},
		Unsolicited: natprofiles.Drop,
		Input:       natprofiles.InputFiltered,
		Invalid:     natprofiles.InvalidForward,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseReadsEveryField(t *testing.T) {
	const full = `
summary: >
  A folded line
seen-on: [1.10, "Router 2"]
sources:
  - {ref: "RFC 5382", says: assumed, fields: [unsolicited, ports.allocation]}
aliases: [other]
tags: [home, old]
translate: true
mapping: address-and-port-dependent
filtering: address-and-port-dependent
ports: {allocation: random}
unsolicited: reset
input: open
invalid: drop
`
	got, err := natprofiles.Parse("full.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	want := natprofiles.Profile{
		Name:    "full",
		Summary: "A folded line",
		SeenOn:  []string{"1.10", "Router 2"},
		Sources: []natprofiles.Source{{
			Ref: "RFC 5382", Says: natprofiles.Assumed, Fields: []string{"unsolicited", "ports.allocation"},
		}},
		Aliases:     []string{"other"},
		Tags:        []string{"home", "old"},
		Translate:   true,
		Mapping:     natprofiles.AddressAndPortDependent,
		Filtering:   natprofiles.AddressAndPortDependent,
		Ports:       natprofiles.Ports{Allocation: natprofiles.Random},
		Unsolicited: natprofiles.Reset,
		Input:       natprofiles.InputOpen,
		Invalid:     natprofiles.InvalidDrop,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever it is given, Parse ends, and gives a profile or an error.
func FuzzParse(f *testing.F) {
	f.Add([]byte("summary: x\ntranslate: false\nfiltering: none\n"))
	f.Add([]byte("sources: [{fields: [x]}, 1]\nports: {a: &b [*b]}\n"))
	f.Add([]byte("a: {a: {a: [[[[[\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := natprofiles.Parse("fuzz.yaml", data)
		if err == nil && (p.Name != "fuzz" || p.Summary == "" || p.Filtering == "") {
			t.Errorf("accepted an incomplete profile: %+v", p)
		}
	})
}
