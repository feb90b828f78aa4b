package verify

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
)

// byHand are NATs written by hand as nft text, in testdata/nft, with what they
// must be judged as. Nothing of them was generated, so that the prover cannot
// share a misreading with the generator.
var byHand = []struct {
	file string
	is   func() natprofiles.Profile
	// routed says that its addresses are routed to it, and not on its interface.
	routed bool
	// never are fields that must be refused, since no word for them is true.
	never []string
	// broken says that more may be refused for that reason.
	broken bool
	// not are declarations that must be refused, in a field of that name.
	not map[string]func(*natprofiles.Profile)
}{
	{file: "masquerade", is: silent, not: map[string]func(*natprofiles.Profile){
		"unsolicited":     both(func(t *natprofiles.Transport) { t.Unsolicited = natprofiles.Reset }),
		"hairpin":         both(func(t *natprofiles.Transport) { t.Hairpin = natprofiles.HairpinExternal }),
		"filtering":       both(func(t *natprofiles.Transport) { t.Filtering = natprofiles.AddressDependent }),
		"invalid":         func(p *natprofiles.Profile) { p.Invalid = natprofiles.InvalidDrop },
		"ports.parity":    both(func(t *natprofiles.Transport) { t.Ports.Parity = true }),
		"sequence":        func(p *natprofiles.Profile) { p.TCP.Sequence = natprofiles.SequenceRewritten },
		"after-reset":     func(p *natprofiles.Profile) { p.TCP.AfterReset = natprofiles.Keep },
		"limits.mappings": func(p *natprofiles.Profile) { p.Limits.Mappings, p.Limits.AtLimit = 100, natprofiles.Drop },
	}},
	{file: "masquerade-reset", is: with(linux, func(p *natprofiles.Profile) { p.Invalid = natprofiles.InvalidDrop }), not: map[string]func(*natprofiles.Profile){
		"unsolicited": both(func(t *natprofiles.Transport) { t.Unsolicited = natprofiles.Drop }),
		"input":       func(p *natprofiles.Profile) { p.Input = natprofiles.InputOpen },
	}},
	{file: "masquerade-prohibited", is: with(linux, both(func(t *natprofiles.Transport) { t.Unsolicited = natprofiles.AdminProhibited })), not: map[string]func(*natprofiles.Profile){
		"unsolicited": both(func(t *natprofiles.Transport) { t.Unsolicited = natprofiles.PortUnreachable }),
	}},
	{file: "masquerade-random", is: with(linux, both(symmetric)), not: map[string]func(*natprofiles.Profile){
		"mapping": both(func(t *natprofiles.Transport) { t.Mapping = natprofiles.EndpointIndependent }),
	}},
	{file: "masquerade-open", is: with(linux, func(p *natprofiles.Profile) { p.Input = natprofiles.InputOpen }), not: map[string]func(*natprofiles.Profile){
		"input": func(p *natprofiles.Profile) { p.Input = natprofiles.InputFiltered },
	}},
	{file: "port-range", is: with(silent, ranged(5000, 5999)), not: map[string]func(*natprofiles.Profile){
		"ports.range": ranged(5000, 6000),
	}},
	{file: "random-range", routed: true, is: with(bare, both(symmetric), ranged(20000, 29999)), not: map[string]func(*natprofiles.Profile){
		"ports.range":      ranged(20000, 30999),
		"ports.allocation": both(func(t *natprofiles.Transport) { t.Ports.Allocation, t.Ports.Step = natprofiles.Sequential, 1 }),
	}},
	{file: "full-cone", routed: true, never: forgetful, is: with(bare, both(cone(natprofiles.EndpointIndependent, natprofiles.HairpinExternal))), not: map[string]func(*natprofiles.Profile){
		"filtering":         both(func(t *natprofiles.Transport) { t.Filtering = natprofiles.AddressAndPortDependent }),
		"ports.overloading": both(func(t *natprofiles.Transport) { t.Ports.Overloading = false }),
		"ports.on-conflict": both(func(t *natprofiles.Transport) { t.Ports.OnConflict, t.Ports.Step = natprofiles.Sequential, 1 }),
	}},
	{file: "restricted-cone", routed: true, never: forgetful, is: with(bare, both(cone(natprofiles.AddressDependent, natprofiles.HairpinExternal)), both(func(t *natprofiles.Transport) { t.Unsolicited = natprofiles.PortUnreachable })), not: map[string]func(*natprofiles.Profile){
		"filtering": both(func(t *natprofiles.Transport) { t.Filtering = natprofiles.EndpointIndependent }),
	}},
	{file: "random-full-cone", routed: true, never: forgetful, is: with(bare, both(symmetric), both(cone(natprofiles.EndpointIndependent, natprofiles.HairpinExternal)), func(p *natprofiles.Profile) {
		p.TCP.Unsolicited = natprofiles.Reset
		p.UDP.Unsolicited = natprofiles.Drop
	}), not: map[string]func(*natprofiles.Profile){
		"unsolicited": func(p *natprofiles.Profile) { p.UDP.Unsolicited = natprofiles.Reset },
	}},
	{file: "hairpin-internal", routed: true, never: forgetful, is: with(bare, both(cone(natprofiles.EndpointIndependent, natprofiles.HairpinInternal))), not: map[string]func(*natprofiles.Profile){
		"hairpin": both(func(t *natprofiles.Transport) { t.Hairpin = natprofiles.HairpinExternal }),
	}},
	{file: "hairpin-external", routed: true, never: forgetful, is: with(bare, both(cone(natprofiles.EndpointIndependent, natprofiles.HairpinExternal))), not: map[string]func(*natprofiles.Profile){
		"hairpin": both(func(t *natprofiles.Transport) { t.Hairpin = natprofiles.HairpinNone }),
	}},
	{file: "sequential", routed: true, is: with(bare, both(func(t *natprofiles.Transport) {
		t.Mapping, t.Ports.Allocation, t.Ports.OnConflict, t.Ports.Step = natprofiles.AddressAndPortDependent, natprofiles.Sequential, "", 1
	}), ranged(7000, 7007)), not: map[string]func(*natprofiles.Profile){
		"ports.step":       both(func(t *natprofiles.Transport) { t.Ports.Step = 2 }),
		"ports.range":      ranged(7000, 7006),
		"ports.allocation": both(func(t *natprofiles.Transport) { t.Ports.Allocation, t.Ports.Step = natprofiles.Random, 0 }),
	}},
	{file: "static-port", routed: true, is: with(bare, both(single), both(func(t *natprofiles.Transport) {
		t.Ports.OnConflict = natprofiles.Fail
	}), func(p *natprofiles.Profile) { p.Limits.AtLimit = natprofiles.Reset }), never: forgetful, not: map[string]func(*natprofiles.Profile){
		"ports.on-conflict": both(func(t *natprofiles.Transport) { t.Ports.OnConflict = natprofiles.Random }),
		"ports.overloading": both(func(t *natprofiles.Transport) { t.Ports.Overloading = true }),
		"limits.at-limit":   func(p *natprofiles.Profile) { p.Limits.AtLimit = natprofiles.Drop },
	}},
	{file: "eight-ports", routed: true, is: with(bare, both(single), both(func(t *natprofiles.Transport) {
		t.Ports.Allocation, t.Ports.OnConflict, t.Ports.Step = natprofiles.Sequential, "", 1
	}), ranged(8000, 8007), func(p *natprofiles.Profile) { p.Limits.Mappings, p.Limits.AtLimit = 8, natprofiles.Drop }), never: forgetful, not: map[string]func(*natprofiles.Profile){
		"mapping":          both(func(t *natprofiles.Transport) { t.Mapping = natprofiles.AddressDependent }),
		"limits.mappings":  func(p *natprofiles.Profile) { p.Limits.Mappings = 0 },
		"ports.allocation": both(func(t *natprofiles.Transport) { t.Ports.Allocation, t.Ports.Step = natprofiles.Random, 0 }),
	}},
	{file: "pool", routed: true, is: with(bare, func(p *natprofiles.Profile) {
		p.Addresses = natprofiles.Addresses{Count: 2, Pooling: natprofiles.Paired}
	}), not: map[string]func(*natprofiles.Profile){
		"addresses.count":   func(p *natprofiles.Profile) { p.Addresses.Count = 3 },
		"addresses.pooling": func(p *natprofiles.Profile) { p.Addresses.Pooling = natprofiles.Arbitrary },
	}},
	{file: "no-crossing", is: with(silent, func(p *natprofiles.Profile) { p.TCP.CrossedSYN = natprofiles.CrossedDrop }), not: map[string]func(*natprofiles.Profile){
		"crossed-syn": func(p *natprofiles.Profile) { p.TCP.CrossedSYN = natprofiles.CrossedAccept },
	}},
	{file: "icmp-eater", is: with(silent, both(func(t *natprofiles.Transport) { t.ICMPErrors = natprofiles.Eaten })), not: map[string]func(*natprofiles.Profile){
		"icmp-errors": both(func(t *natprofiles.Transport) { t.ICMPErrors = natprofiles.Forwarded }),
		"after-icmp":  both(func(t *natprofiles.Transport) { t.AfterICMP = natprofiles.Close }),
	}},
	{file: "connection-limit", is: with(silent, func(p *natprofiles.Profile) { p.Limits.Mappings, p.Limits.AtLimit = 20, natprofiles.Reset }), not: map[string]func(*natprofiles.Profile){
		"limits.mappings": func(p *natprofiles.Profile) { p.Limits.Mappings = 21 },
		"limits.at-limit": func(p *natprofiles.Profile) { p.Limits.AtLimit = natprofiles.Drop },
		"limits.per-host": func(p *natprofiles.Profile) { p.Limits.PerHost = 10 },
	}},
	{file: "firewall", is: with(firewall, both(func(t *natprofiles.Transport) { t.Filtering = natprofiles.AddressAndPortDependent }), func(p *natprofiles.Profile) {
		p.UDP.Unsolicited = natprofiles.Drop
	}), not: map[string]func(*natprofiles.Profile){
		"filtering":   both(func(t *natprofiles.Transport) { t.Filtering = natprofiles.Unfiltered }),
		"unsolicited": func(p *natprofiles.Profile) { p.TCP.Unsolicited = natprofiles.Drop },
	}},
	{file: "tcp-only", is: silent, never: []string{"translate"}, broken: true},
	{file: "no-forward-guard", is: silent, never: []string{"unsolicited"}, broken: true},
	{file: "reset-eater", is: silent, never: []string{"after-reset"}, broken: true},
}

// forgetful are the fields in which a NAT is neither one thing nor the other that
// remembers in a map of its own what its connection tracking has forgotten.
var forgetful = []string{"after-reset"}

// both changes a profile's TCP and UDP in the same way.
func both(change func(*natprofiles.Transport)) func(*natprofiles.Profile) {
	return func(p *natprofiles.Profile) {
		change(&p.TCP)
		change(&p.UDP)
	}
}

// silent is Linux's own NAT behind a firewall that drops.
var silent = with(linux, both(func(t *natprofiles.Transport) { t.Unsolicited = natprofiles.Drop }))

// bare is silent without what is Linux's alone.
// Its addresses are routed to it, so that packets to them turn round upstream.
var bare = with(silent, both(func(t *natprofiles.Transport) { t.Hairpin = natprofiles.HairpinExternal }),
	func(p *natprofiles.Profile) { p.Input, p.Invalid = "", "" })

func symmetric(t *natprofiles.Transport) {
	t.Mapping, t.Ports.Allocation, t.Ports.OnConflict = natprofiles.AddressAndPortDependent, natprofiles.Random, ""
}

// single gives a port to nobody twice.
func single(t *natprofiles.Transport) { t.Ports.Overloading = false }

func cone(filtering natprofiles.Dependence, hairpin natprofiles.Hairpin) func(*natprofiles.Transport) {
	return func(t *natprofiles.Transport) { t.Filtering, t.Hairpin = filtering, hairpin }
}

func ranged(lo, hi uint16) func(*natprofiles.Profile) {
	return both(func(t *natprofiles.Transport) { t.Ports.Range = []natprofiles.Interval{{Lo: lo, Hi: hi}} })
}

// TestByHand judges each NAT as what it is, and as nothing that it is not.
func TestByHand(t *testing.T) {
	harness.Need(t)
	nft, err := exec.LookPath("nft")
	if err != nil {
		// In CI too: labs talk to the kernel without it.
		t.Skip("no nft program is installed to load the NATs that are written by hand (package nftables of most distributions)")
	}
	for _, n := range byHand {
		t.Run(n.file, func(t *testing.T) {
			t.Parallel()
			o := Options{Prepare: loader(nft, n.file), Install: func(p natprofiles.Profile) natprofiles.Profile { return surroundings(n.routed, p) }}
			r := judge(t, n.is(), o)
			for _, f := range r.Fields {
				if never := slices.Contains(n.never, f.Field); never && f.OK || !never && !f.OK && !n.broken {
					t.Errorf("%s %s, declared %s, was found to be %s", f.Protocol, f.Field, f.Declared, f.Measured)
				}
			}
			for _, field := range slices.Sorted(maps.Keys(n.not)) {
				p := n.is()
				n.not[field](&p)
				if r := judge(t, p, o); !refused(r, field) {
					t.Errorf("declared otherwise, nothing was noticed in %s:\n%s", field, table(r))
				}
			}
		})
	}
}

func judge(t *testing.T, p natprofiles.Profile, o Options) Report {
	t.Helper()
	r, err := Profile(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// refused says whether a field was found to be other than declared.
func refused(r Report, field string) bool {
	for _, f := range r.Fields {
		if f.Field == field && !f.OK {
			return true
		}
	}
	return false
}

// surroundings are a profile for the lab, whose rules are replaced: it says where the
// NAT's addresses are.
func surroundings(routed bool, p natprofiles.Profile) natprofiles.Profile {
	switch {
	case !p.Translate:
		return forwarder
	case routed:
		lab := ours()
		lab.Addresses.Count = 2
		return lab
	}
	return linux()
}

// loader puts a NAT that is written by hand in the place of the lab's own.
func loader(nft, file string) func(context.Context, *harness.Lab) error {
	return func(_ context.Context, lab *harness.Lab) error {
		text, err := os.ReadFile(filepath.Join("testdata", "nft", file+".nft"))
		if err != nil {
			return err
		}
		router := lab.Router(Router)
		external := router.External()
		var said bytes.Buffer
		cmd := exec.Command(nft, "-D", "ext="+external[0].String(), "-D", "ext2="+external[len(external)-1].String(), "-f", "-")
		cmd.Stdin = bytes.NewReader(append([]byte("flush ruleset\n"), text...))
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := router.Start(cmd); err != nil {
			return err
		}
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%s: %w\n%s", file, err, said.String())
		}
		return nil
	}
}

// TestTimersByHand proves timers that connection tracking is given by hand, and
// refuses those that it is not given.
func TestTimersByHand(t *testing.T) {
	harness.Need(t)
	nft, err := exec.LookPath("nft")
	if err != nil {
		t.Skip("no nft program is installed") // in CI too, as in TestByHand
	}
	load := loader(nft, "masquerade")
	var trials []trial
	for _, c := range []struct{ forgotten, field string }{
		{"", ""},
		{"tcp_timeout_syn_sent", "timeouts.syn-sent"}, {"tcp_timeout_established", "timeouts.established"},
		{"tcp_timeout_close_wait", "timeouts.closing"}, {"tcp_timeout_time_wait", "timeouts.closing"},
		{"tcp_timeout_close", "timeouts.closed"},
		{"udp_timeout", "timeouts.unreplied"}, {"udp_timeout_stream", "timeouts.stream"},
	} {
		prepare := func(ctx context.Context, lab *harness.Lab) error {
			if err := load(ctx, lab); err != nil {
				return err
			}
			router := lab.Router(Router)
			return router.Do(func() error { return setTimers(router.Profile(), c.forgotten) })
		}
		trials = append(trials, trial{"forgotten " + c.forgotten, silent(), Options{Timers: true, Prepare: prepare}, only(c.field)})
	}
	try(t, trials)
}

// only looks whether a field is refused and no other one. What refreshes a timer
// can only be seen where the timer is right.
func only(field string) func(*testing.T, Report) {
	return func(t *testing.T, r Report) {
		for _, f := range r.Fields {
			if f.Field != "timeouts.refresh" && f.OK == (f.Field == field) {
				t.Errorf("%s %s: declared %s, measured %s", f.Protocol, f.Field, f.Declared, f.Measured)
			}
		}
	}
}

// setTimers gives connection tracking the timers of a profile, but for one that
// is forgotten, which is then what it is not.
func setTimers(p natprofiles.Profile, forgotten string) error {
	t, u := p.TCP.Timeouts, p.UDP.Timeouts
	for name, after := range map[string]natprofiles.Timeout{
		"tcp_timeout_syn_sent": t.SYNSent, "tcp_timeout_syn_recv": t.SYNSent, "tcp_timeout_established": t.Established,
		"tcp_timeout_fin_wait": t.Closing, "tcp_timeout_close_wait": t.Closing, "tcp_timeout_last_ack": t.Closing,
		"tcp_timeout_time_wait": t.Closing, "tcp_timeout_close": t.Closed,
		"tcp_timeout_max_retrans": natprofiles.Timeout(long), "tcp_timeout_unacknowledged": natprofiles.Timeout(long),
		"udp_timeout": u.Unreplied, "udp_timeout_stream": u.Stream,
	} {
		if name == forgotten {
			after = seconds(30)
		}
		value := strconv.Itoa(int(time.Duration(after) / time.Second))
		if err := os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}
