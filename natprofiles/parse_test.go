package natprofiles_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

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

// A file of nothing but mistakes fills no terminal.
func TestManyMistakesMakeAShortMessage(t *testing.T) {
	for _, text := range []string{
		"ports: {range: [" + strings.Repeat("1-9,", 15000) + "1-9]}\n",
		"aliases: [" + strings.Repeat("X,", 15000) + "X]\n",
		"sources: [" + strings.Repeat("{},", 15000) + "{}]\n",
	} {
		_, err := natprofiles.Parse("x.yaml", []byte("summary: X\n"+eimAPDF+text))
		if err == nil {
			t.Errorf("%.20s: accepted", text)
		} else if n := len(err.Error()); n > 10_000 {
			t.Errorf("%.20s: a message of %d bytes", text, n)
		}
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
	both := natprofiles.Transport{
		Mapping:   natprofiles.EndpointIndependent,
		Filtering: natprofiles.AddressAndPortDependent,
		Ports: natprofiles.Ports{
			Allocation: natprofiles.Preserve, OnConflict: natprofiles.Random, Range: []natprofiles.Interval{{Lo: 1024, Hi: 65535}},
		},
		Hairpin:     natprofiles.HairpinNone,
		Unsolicited: natprofiles.Drop,
		ICMPErrors:  natprofiles.Forwarded,
		AfterICMP:   natprofiles.Keep,
	}
	want := natprofiles.Profile{
		Name: "least", Summary: "The least that a NAT can say", Translate: true, TCP: both, UDP: both,
		Addresses: natprofiles.Addresses{Count: 1},
		Limits:    natprofiles.Limits{AtLimit: natprofiles.Drop},
		Stated:    []string{"mapping", "filtering", "unsolicited"},
	}
	want.TCP.CrossedSYN, want.TCP.AfterReset, want.TCP.Sequence = natprofiles.CrossedAccept, natprofiles.Close, natprofiles.SequenceKept
	want.TCP.Timeouts = natprofiles.Timeouts{
		SYNSent: seconds(120), Established: seconds(7440), Closing: seconds(240), Closed: seconds(10), Refresh: natprofiles.RefreshBoth,
	}
	want.UDP.Timeouts = natprofiles.Timeouts{Unreplied: seconds(30), Stream: seconds(120), Refresh: natprofiles.RefreshBoth}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func seconds(n int) natprofiles.Timeout {
	return natprofiles.Timeout(n) * natprofiles.Timeout(time.Second)
}

func TestParseReadsEveryField(t *testing.T) {
	const full = `
summary: >
  A folded line
seen-on: [1.10, "Router 2"]
sources:
  - {ref: "RFC 5382", says: assumed, fields: [unsolicited, tcp.timeouts.syn-sent]}
aliases: [other]
tags: [home, old]
translate: true
mapping: address-dependent
filtering: endpoint-independent
ports: {allocation: block, range: 2000-2999, block: {size: 256, inside: random}, parity: true}
hairpin: internal-source
unsolicited: icmp-after-6s
icmp-errors: drop
after-icmp: close
tcp:
  mapping: endpoint-independent
  filtering: address-dependent
  ports: {allocation: sequential, range: [3000-3999, 5000-5511], step: -2}
  hairpin: external-source
  unsolicited: icmp-admin-prohibited
  icmp-errors: forward
  after-icmp: keep
  crossed-syn: reset
  after-reset: keep
  sequence: rewrite
  timeouts: {syn-sent: 6s, established: 720h, closing: 90s, closed: 1s, refresh: outbound}
udp:
  timeouts: {unreplied: 1m, stream: 1h30m, refresh: outbound}
addresses: {count: 8, pooling: paired}
limits: {mappings: 262144, per-host: 65535, at-limit: reset}
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
			Ref: "RFC 5382", Says: natprofiles.Assumed, Fields: []string{"unsolicited", "tcp.timeouts.syn-sent"},
		}},
		Aliases:   []string{"other"},
		Tags:      []string{"home", "old"},
		Translate: true,
		TCP: natprofiles.Transport{
			Mapping: natprofiles.EndpointIndependent, Filtering: natprofiles.AddressDependent,
			Ports:   natprofiles.Ports{Allocation: natprofiles.Sequential, Range: []natprofiles.Interval{{Lo: 3000, Hi: 3999}, {Lo: 5000, Hi: 5511}}, Step: -2},
			Hairpin: natprofiles.HairpinExternal, Unsolicited: natprofiles.AdminProhibited,
			ICMPErrors: natprofiles.Forwarded, AfterICMP: natprofiles.Keep,
			CrossedSYN: natprofiles.CrossedReset, AfterReset: natprofiles.Keep, Sequence: natprofiles.SequenceRewritten,
			Timeouts: natprofiles.Timeouts{
				SYNSent: seconds(6), Established: seconds(720 * 3600), Closing: seconds(90), Closed: seconds(1), Refresh: natprofiles.RefreshOutbound,
			},
		},
		UDP: natprofiles.Transport{
			Mapping: natprofiles.AddressDependent, Filtering: natprofiles.EndpointIndependent,
			Ports: natprofiles.Ports{
				Allocation: natprofiles.Block, Range: []natprofiles.Interval{{Lo: 2000, Hi: 2999}},
				Block: natprofiles.PortBlock{Size: 256, Inside: natprofiles.Random}, Parity: true,
			},
			Hairpin: natprofiles.HairpinInternal, Unsolicited: natprofiles.DelayedUnreachable,
			ICMPErrors: natprofiles.Eaten, AfterICMP: natprofiles.Close,
			Timeouts: natprofiles.Timeouts{Unreplied: seconds(60), Stream: seconds(5400), Refresh: natprofiles.RefreshOutbound},
		},
		Addresses: natprofiles.Addresses{Count: 8, Pooling: natprofiles.Paired},
		Limits:    natprofiles.Limits{Mappings: 262144, PerHost: 65535, AtLimit: natprofiles.Reset},
	}
	if len(got.Stated) != 37 || got.Stated[0] != "translate" || got.Stated[36] != "limits.at-limit" {
		t.Errorf("%d fields are stated: %v", len(got.Stated), got.Stated)
	}
	got.Stated = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What does not apply is empty, so that nobody takes it for a fact.
func TestParseLeavesOutWhatDoesNotApply(t *testing.T) {
	for text, want := range map[string]natprofiles.Profile{
		"translate: false\nfiltering: none\n": {
			TCP: natprofiles.Transport{Filtering: natprofiles.Unfiltered}, UDP: natprofiles.Transport{Filtering: natprofiles.Unfiltered},
		},
		"translate: false\nfiltering: address-dependent\nunsolicited: reset\n": {
			TCP: natprofiles.Transport{
				Filtering: natprofiles.AddressDependent, Unsolicited: natprofiles.Reset, ICMPErrors: natprofiles.Forwarded, AfterICMP: natprofiles.Keep,
				CrossedSYN: natprofiles.CrossedAccept, AfterReset: natprofiles.Close, Sequence: natprofiles.SequenceKept,
				Timeouts: natprofiles.Timeouts{
					SYNSent: seconds(120), Established: seconds(7440), Closing: seconds(240), Closed: seconds(10), Refresh: natprofiles.RefreshBoth,
				},
			},
			UDP: natprofiles.Transport{
				Filtering: natprofiles.AddressDependent, Unsolicited: natprofiles.Reset, ICMPErrors: natprofiles.Forwarded, AfterICMP: natprofiles.Keep,
				Timeouts: natprofiles.Timeouts{Unreplied: seconds(30), Stream: seconds(120), Refresh: natprofiles.RefreshBoth},
			},
			Limits: natprofiles.Limits{AtLimit: natprofiles.Drop},
		},
	} {
		got, err := natprofiles.Parse("x.yaml", []byte("summary: X\n"+text))
		if err != nil {
			t.Error(err)
		}
		want.Name, want.Summary, got.Stated = "x", "X", nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s(-want +got):\n%s", text, diff)
		}
	}
}

func TestParseResolvesPorts(t *testing.T) {
	for text, want := range map[string]natprofiles.Ports{
		"{}":                                    {Allocation: natprofiles.Preserve, OnConflict: natprofiles.Random},
		"{on-conflict: sequential}":             {Allocation: natprofiles.Preserve, OnConflict: natprofiles.Sequential, Step: 1},
		"{on-conflict: fail}":                   {Allocation: natprofiles.Preserve, OnConflict: natprofiles.Fail},
		"{allocation: sequential}":              {Allocation: natprofiles.Sequential, Step: 1},
		"{allocation: random, parity: true}":    {Allocation: natprofiles.Random, Parity: true},
		"{allocation: block, block: {size: 2}}": {Allocation: natprofiles.Block, Block: natprofiles.PortBlock{Size: 2, Inside: natprofiles.Random}},
		"{allocation: block, block: {size: 9, inside: sequential}}": {
			Allocation: natprofiles.Block, Block: natprofiles.PortBlock{Size: 9, Inside: natprofiles.Sequential}, Step: 1,
		},
	} {
		file := "summary: X\nmapping: endpoint-independent\nfiltering: endpoint-independent\nunsolicited: drop\nports: " + text
		got, err := natprofiles.Parse("x.yaml", []byte(file))
		if err != nil {
			t.Error(err)
		}
		want.Range = []natprofiles.Interval{{Lo: 1024, Hi: 65535}}
		if diff := cmp.Diff(want, got.TCP.Ports); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestOnlyAnOverloadingNATHasInputAndInvalid(t *testing.T) {
	const base = "summary: X\nmapping: endpoint-independent\nfiltering: address-and-port-dependent\nunsolicited: reset\n"
	for text, want := range map[string][2]string{
		"":                             {"", ""},
		"ports: {overloading: true}\n": {"filtered", "forward"},
		"ports: {overloading: true}\ninput: open\ninvalid: drop\n": {"open", "drop"},
		"ports: {overloading: true, range: 32768-60999}\n":         {"filtered", "forward"},
		"addresses: {count: 1}\nports: {overloading: true}\n":      {"filtered", "forward"},
	} {
		p, err := natprofiles.Parse("x.yaml", []byte(base+text))
		if err != nil || string(p.Input) != want[0] || string(p.Invalid) != want[1] {
			t.Errorf("%s: input %q, invalid %q, %v; want %q", text, p.Input, p.Invalid, err, want)
		}
	}
}

// Whatever it is given, Parse ends, and gives a profile or an error.
func FuzzParse(f *testing.F) {
	f.Add([]byte("summary: x\ntranslate: false\nfiltering: none\n"))
	f.Add([]byte("sources: [{fields: [x]}, 1]\nports: {a: &b [*b]}\n"))
	f.Add([]byte("a: {a: {a: [[[[[\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := natprofiles.Parse("fuzz.yaml", data)
		if err == nil && (p.Name != "fuzz" || p.Summary == "" || p.TCP.Filtering == "") {
			t.Errorf("accepted an incomplete profile: %+v", p)
		}
	})
}
