package verify

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/natprofiles"
)

// mutation is a change of one field of a profile.
type mutation struct {
	field  string // that the change must be noticed in
	base   func() natprofiles.Profile
	change func(*natprofiles.Profile)
	timers bool
}

// ours is a NAT made of maps, in which most fields can be anything.
func ours() natprofiles.Profile {
	t := natprofiles.Transport{
		Mapping: natprofiles.EndpointIndependent, Filtering: natprofiles.AddressDependent,
		Ports:   natprofiles.Ports{Allocation: natprofiles.Random, Range: []natprofiles.Interval{{Lo: 1024, Hi: 65535}}},
		Hairpin: natprofiles.HairpinExternal, Unsolicited: natprofiles.Reset,
		ICMPErrors: natprofiles.Forwarded, AfterICMP: natprofiles.Keep,
		Timeouts: natprofiles.Timeouts{
			Unreplied: seconds(30), Stream: seconds(120), Refresh: natprofiles.RefreshBoth,
		},
	}
	p := natprofiles.Profile{
		Name: "ours", Translate: true, TCP: t, UDP: t, Addresses: natprofiles.Addresses{Count: 1},
		Limits: natprofiles.Limits{AtLimit: natprofiles.Drop},
	}
	p.TCP.CrossedSYN, p.TCP.AfterReset, p.TCP.Sequence = natprofiles.CrossedAccept, natprofiles.Close, natprofiles.SequenceKept
	p.TCP.Timeouts = natprofiles.Timeouts{
		SYNSent: seconds(120), Established: seconds(7440), Closing: seconds(240), Closed: seconds(10),
		Refresh: natprofiles.RefreshBoth,
	}
	return p
}

func seconds(n int) natprofiles.Timeout { return natprofiles.Timeout(time.Duration(n) * time.Second) }

// with is a base with something else.
func with(base func() natprofiles.Profile, changes ...func(*natprofiles.Profile)) func() natprofiles.Profile {
	return func() natprofiles.Profile {
		p := base()
		for _, change := range changes {
			change(&p)
		}
		return p
	}
}

// preserving keeps ports where it can.
var preserving = with(ours, func(p *natprofiles.Profile) {
	p.UDP.Ports = natprofiles.Ports{
		Allocation: natprofiles.Preserve, OnConflict: natprofiles.Random, Range: []natprofiles.Interval{{Lo: 1024, Hi: 65535}},
	}
	p.TCP.Ports = p.UDP.Ports
})

// counting gives out ports in order.
var counting = with(ours, func(p *natprofiles.Profile) {
	p.UDP.Ports = natprofiles.Ports{
		Allocation: natprofiles.Sequential, Step: 1, Range: []natprofiles.Interval{{Lo: 1024, Hi: 65535}},
	}
	p.TCP.Ports = p.UDP.Ports
})

// blocking gives each host a block of ports.
var blocking = with(ours, func(p *natprofiles.Profile) {
	p.UDP.Ports = natprofiles.Ports{
		Allocation: natprofiles.Block, Range: []natprofiles.Interval{{Lo: 1024, Hi: 65535}},
		Block: natprofiles.PortBlock{Size: 512, Inside: natprofiles.Random},
	}
	p.TCP.Ports = p.UDP.Ports
})

// pooled has two addresses.
var pooled = with(ours, func(p *natprofiles.Profile) {
	p.Addresses = natprofiles.Addresses{Count: 2, Pooling: natprofiles.Paired}
})

// limited lets hosts have few mappings.
var limited = with(ours, func(p *natprofiles.Profile) {
	p.Limits = natprofiles.Limits{Mappings: 200, PerHost: 50, AtLimit: natprofiles.Drop}
})

// tiny has eight ports.
var tiny = with(ours, ranged(5000, 5007))

// linux is Linux's own NAT.
var linux = with(preserving, func(p *natprofiles.Profile) {
	for _, t := range []*natprofiles.Transport{&p.TCP, &p.UDP} {
		t.Ports.Overloading, t.Filtering, t.Hairpin = true, natprofiles.AddressAndPortDependent, natprofiles.HairpinNone
	}
	p.Limits, p.Input, p.Invalid = natprofiles.Limits{}, natprofiles.InputFiltered, natprofiles.InvalidForward
})

// firewall translates nothing.
var firewall = with(ours, func(p *natprofiles.Profile) {
	p.Translate, p.Addresses = false, natprofiles.Addresses{}
	for _, t := range []*natprofiles.Transport{&p.TCP, &p.UDP} {
		t.Mapping, t.Ports, t.Hairpin = "", natprofiles.Ports{}, ""
	}
})

// mutations has one at least for each field of a profile that says how the NAT
// behaves, by the path of the field in a file.
func mutations() []mutation {
	type P = natprofiles.Profile
	all := []mutation{
		{field: "translate", base: ours, change: func(p *P) { *p = firewall() }},
		{field: "addresses.count", base: ours, change: func(p *P) { p.Addresses = natprofiles.Addresses{Count: 2, Pooling: natprofiles.Paired} }},
		{field: "addresses.count", base: pooled, change: func(p *P) { p.Addresses.Count = 3 }},
		{field: "addresses.pooling", base: pooled, change: func(p *P) { p.Addresses.Pooling = natprofiles.Arbitrary }},
		{field: "limits.mappings", base: ours, change: func(p *P) { p.Limits.Mappings = 300 }},
		{field: "limits.mappings", base: limited, change: func(p *P) { p.Limits.Mappings = 199 }},
		{field: "limits.mappings", base: limited, change: func(p *P) { p.Limits.Mappings = 0 }},
		{field: "limits.per-host", base: limited, change: func(p *P) { p.Limits.PerHost = 51 }},
		{field: "limits.per-host", base: limited, change: func(p *P) { p.Limits.PerHost = 0 }},
		{field: "limits.at-limit", base: limited, change: func(p *P) { p.Limits.AtLimit = natprofiles.Reset }},
		{field: "limits.at-limit", base: ours, change: func(p *P) { p.Limits.AtLimit = natprofiles.Reset }},
		{field: "input", base: linux, change: func(p *P) { p.Input = natprofiles.InputOpen }},
		{field: "invalid", base: linux, change: func(p *P) { p.Invalid = natprofiles.InvalidDrop }},
	}
	for _, of := range []protocol{tcp, udp} {
		all = append(all, transportMutations(of)...)
	}
	return all
}

// transportMutations are those of the fields of one protocol.
func transportMutations(of protocol) []mutation {
	type T = natprofiles.Transport
	var all []mutation
	add := func(field string, base func() natprofiles.Profile, change func(*T)) {
		all = append(all, mutation{of.String() + "." + field, base, func(p *natprofiles.Profile) {
			if of == udp {
				change(&p.UDP)
			} else {
				change(&p.TCP)
			}
		}, strings.HasPrefix(field, "timeouts.")})
	}
	add("mapping", ours, func(t *T) { t.Mapping = natprofiles.AddressDependent })
	add("mapping", ours, func(t *T) { t.Mapping = natprofiles.AddressAndPortDependent })
	add("filtering", ours, func(t *T) { t.Filtering = natprofiles.EndpointIndependent })
	add("filtering", ours, func(t *T) { t.Filtering = natprofiles.AddressAndPortDependent })
	add("filtering", firewall, func(t *T) { t.Filtering = natprofiles.EndpointIndependent })
	add("ports.allocation", ours, func(t *T) {
		t.Ports.Allocation, t.Ports.OnConflict = natprofiles.Preserve, natprofiles.Random
	})
	add("ports.allocation", ours, func(t *T) { t.Ports.Allocation, t.Ports.Step = natprofiles.Sequential, 1 })
	add("ports.allocation", ours, func(t *T) {
		t.Ports.Allocation, t.Ports.Block = natprofiles.Block, natprofiles.PortBlock{Size: 64, Inside: natprofiles.Random}
	})
	add("ports.on-conflict", preserving, func(t *T) { t.Ports.OnConflict, t.Ports.Step = natprofiles.Sequential, 1 })
	add("ports.on-conflict", preserving, func(t *T) { t.Ports.OnConflict = natprofiles.Fail })
	add("ports.range", ours, func(t *T) { t.Ports.Range = []natprofiles.Interval{{Lo: 1024, Hi: 64000}} })
	add("ports.range", preserving, func(t *T) { t.Ports.Range = []natprofiles.Interval{{Lo: 1024, Hi: 65534}} })
	add("ports.step", counting, func(t *T) { t.Ports.Step = 2 })
	add("ports.step", counting, func(t *T) { t.Ports.Step = -1 })
	add("ports.block.size", blocking, func(t *T) { t.Ports.Block.Size = 511 })
	add("ports.block.inside", blocking, func(t *T) { t.Ports.Block.Inside, t.Ports.Step = natprofiles.Sequential, 1 })
	add("ports.parity", ours, func(t *T) { t.Ports.Parity = true })
	add("ports.parity", preserving, func(t *T) { t.Ports.Parity = true })
	add("hairpin", ours, func(t *T) { t.Hairpin = natprofiles.HairpinInternal })
	add("hairpin", ours, func(t *T) { t.Hairpin = natprofiles.HairpinNone })
	add("unsolicited", ours, func(t *T) { t.Unsolicited = natprofiles.Drop })
	add("unsolicited", ours, func(t *T) { t.Unsolicited = natprofiles.AdminProhibited })
	add("icmp-errors", ours, func(t *T) { t.ICMPErrors = natprofiles.Eaten })
	add("after-icmp", ours, func(t *T) { t.AfterICMP = natprofiles.Close })
	add("timeouts.refresh", ours, func(t *T) { t.Timeouts.Refresh = natprofiles.RefreshOutbound })
	if of == udp {
		add("timeouts.unreplied", ours, func(t *T) { t.Timeouts.Unreplied += seconds(4) })
		add("timeouts.stream", ours, func(t *T) { t.Timeouts.Stream += seconds(4) })
		return all
	}
	add("unsolicited", ours, func(t *T) { t.Unsolicited = natprofiles.PortUnreachable })
	add("crossed-syn", ours, func(t *T) { t.CrossedSYN = natprofiles.CrossedDrop })
	add("crossed-syn", ours, func(t *T) { t.CrossedSYN = natprofiles.CrossedReset })
	add("after-reset", ours, func(t *T) { t.AfterReset = natprofiles.Keep })
	add("sequence", ours, func(t *T) { t.Sequence = natprofiles.SequenceRewritten })
	add("timeouts.syn-sent", ours, func(t *T) { t.Timeouts.SYNSent += seconds(4) })
	add("timeouts.established", ours, func(t *T) { t.Timeouts.Established += seconds(4) })
	add("timeouts.closing", ours, func(t *T) { t.Timeouts.Closing += seconds(4) })
	add("timeouts.closed", ours, func(t *T) { t.Timeouts.Closed += seconds(4) })
	return all
}

// overloaded are the mutations into Linux's own NAT and back, in which one field
// says which of two kinds of NAT it is.
func overloaded() []mutation {
	plain := with(preserving, func(p *natprofiles.Profile) {
		for _, t := range []*natprofiles.Transport{&p.TCP, &p.UDP} {
			t.Filtering, t.Hairpin = natprofiles.AddressAndPortDependent, natprofiles.HairpinNone
		}
	})
	return []mutation{
		{field: "tcp.ports.overloading", base: plain, change: func(p *natprofiles.Profile) { *p = linux() }},
		{field: "udp.ports.overloading", base: plain, change: func(p *natprofiles.Profile) { *p = linux() }},
		{field: "tcp.ports.overloading", base: linux, change: func(p *natprofiles.Profile) { *p = plain() }},
		{field: "udp.ports.overloading", base: linux, change: func(p *natprofiles.Profile) { *p = plain() }},
	}
}

// TestMutations shows that the prover has teeth: rules made from a profile in
// which one field was changed are caught against the unchanged declaration, in a
// field that says so.
func TestMutations(t *testing.T) {
	harness.Need(t)
	var trials []trial
	for _, m := range append(mutations(), overloaded()...) {
		install := func(p natprofiles.Profile) natprofiles.Profile {
			m.change(&p)
			return p
		}
		trials = append(trials, trial{m.field, m.base(), Options{Timers: m.timers, Install: install}, m.noticed})
	}
	try(t, trials)
}

// noticed looks whether the field that was changed is one that is not as
// declared.
func (m mutation) noticed(t *testing.T, r Report) {
	for _, f := range r.Fields {
		if !f.OK && m.is(f) {
			return
		}
	}
	t.Errorf("nothing was noticed in %s:\n%s", m.field, table(r))
}

// path is the mutation's field without its protocol.
func (m mutation) path() string {
	return strings.TrimPrefix(strings.TrimPrefix(m.field, "tcp."), "udp.")
}

// is says whether a field of a report is the one that the mutation has changed.
func (m mutation) is(f Field) bool {
	return f.Field == m.path() && (f.Protocol == "" || m.path() == m.field || strings.HasPrefix(m.field, f.Protocol+"."))
}

// TestBases shows that what is mutated is proved as it is.
func TestBases(t *testing.T) {
	harness.Need(t)
	proved := func(name string, base func() natprofiles.Profile) trial {
		return trial{name, base(), Options{Timers: true}, isProved}
	}
	try(t, []trial{
		proved("ours", ours), proved("preserving", preserving), proved("counting", counting), proved("blocking", blocking),
		proved("pooled", pooled), proved("limited", limited), proved("linux", linux), proved("firewall", firewall),
		proved("tiny", tiny), proved("tiny, preserving", with(preserving, ranged(5000, 5007))),
		proved("tiny, counting", with(counting, ranged(5000, 5007))),
	})
}

// TestEveryFieldIsMutated fails when a profile has a field that no mutation
// changes, or that no report tells of.
func TestEveryFieldIsMutated(t *testing.T) {
	mutated := map[string]bool{}
	for _, m := range append(mutations(), overloaded()...) {
		mutated[m.field] = true
	}
	for _, path := range paths(reflect.TypeFor[natprofiles.Profile](), "") {
		if !mutated[path] {
			t.Errorf("no mutation changes %s", path)
		}
	}
}

// about are the fields of a profile that do not say how a NAT behaves.
var about = []string{"name", "summary", "seen-on", "sources", "aliases", "tags", "stated"}

// ofOther are fields that the type has for both protocols and that mean nothing
// for one of them.
var ofOther = []string{
	"udp.crossed-syn", "udp.after-reset", "udp.sequence", "udp.timeouts.syn-sent", "udp.timeouts.established",
	"udp.timeouts.closing", "udp.timeouts.closed", "tcp.timeouts.unreplied", "tcp.timeouts.stream",
}

// paths lists the fields of a type by their names in a file.
func paths(of reflect.Type, prefix string) []string {
	var all []string
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		path := prefix + name
		switch {
		case contains(about, path) || contains(ofOther, path):
		case of.Field(i).Type.Kind() == reflect.Struct:
			all = append(all, paths(of.Field(i).Type, path+".")...)
		default:
			all = append(all, path)
		}
	}
	return all
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

// table is a report for people.
func table(r Report) string {
	var b strings.Builder
	for _, f := range r.Fields {
		if !f.OK {
			b.WriteString(strings.Join([]string{" ", f.Protocol, f.Field, "declared", f.Declared, "measured", f.Measured}, " ") + "\n")
		}
	}
	return b.String()
}
