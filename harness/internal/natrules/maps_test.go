package natrules_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/natprofiles"
)

// place is where the NATs of these tests stand.
func place(p natprofiles.Profile) natrules.Place {
	at := natrules.Place{WAN: wan, Inside: []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24"), netip.MustParsePrefix("172.16.1.0/24")}}
	if p.Translate && !p.Overloads() {
		for i := range max(1, p.Addresses.Count) {
			at.External = append(at.External, netip.AddrFrom4([4]byte{203, 0, 113, byte(3 + i)}))
		}
	}
	return at
}

// transport is a well-behaved NAT's.
func transport(tcp bool) natprofiles.Transport {
	t := natprofiles.Transport{
		Mapping: natprofiles.EndpointIndependent, Filtering: natprofiles.EndpointIndependent,
		Ports: natprofiles.Ports{Allocation: natprofiles.Preserve, OnConflict: natprofiles.Random,
			Range: []natprofiles.Interval{{Lo: 1024, Hi: 65535}}},
		Hairpin: natprofiles.HairpinExternal, Unsolicited: natprofiles.Drop,
		ICMPErrors: natprofiles.Forwarded, AfterICMP: natprofiles.Keep,
		Timeouts: natprofiles.Timeouts{Refresh: natprofiles.RefreshBoth},
	}
	second := natprofiles.Timeout(time.Second)
	if !tcp {
		t.Timeouts.Unreplied, t.Timeouts.Stream = 30*second, 120*second
		return t
	}
	t.CrossedSYN, t.AfterReset, t.Sequence = natprofiles.CrossedAccept, natprofiles.Close, natprofiles.SequenceKept
	t.Timeouts.SYNSent, t.Timeouts.Established = 120*second, 7440*second
	t.Timeouts.Closing, t.Timeouts.Closed = 240*second, 10*second
	return t
}

func exemplary() natprofiles.Profile {
	return natprofiles.Profile{
		Name: "exemplary", Translate: true, TCP: transport(true), UDP: transport(false),
		Addresses: natprofiles.Addresses{Count: 1}, Limits: natprofiles.Limits{AtLimit: natprofiles.Drop},
	}
}

// both changes the transports of both protocols.
func both(p *natprofiles.Profile, change func(*natprofiles.Transport)) {
	change(&p.TCP)
	change(&p.UDP)
}

// combinations are the profiles of every mapping with every filtering and every
// way to choose ports, and of each other field at each of its values.
func combinations() map[string]natprofiles.Profile {
	all := map[string]natprofiles.Profile{}
	dependences := []natprofiles.Dependence{natprofiles.EndpointIndependent, natprofiles.AddressDependent, natprofiles.AddressAndPortDependent}
	full := []natprofiles.Interval{{Lo: 1024, Hi: 65535}}
	ports := map[string]natprofiles.Ports{
		"preserve-random":     {Allocation: natprofiles.Preserve, OnConflict: natprofiles.Random, Range: full},
		"preserve-sequential": {Allocation: natprofiles.Preserve, OnConflict: natprofiles.Sequential, Step: 1, Range: full},
		"preserve-fail":       {Allocation: natprofiles.Preserve, OnConflict: natprofiles.Fail, Range: full},
		"preserve-parity":     {Allocation: natprofiles.Preserve, OnConflict: natprofiles.Random, Parity: true, Range: full},
		"random":              {Allocation: natprofiles.Random, Range: full},
		"random-parity":       {Allocation: natprofiles.Random, Parity: true, Range: full},
		"sequential":          {Allocation: natprofiles.Sequential, Step: 1, Range: full},
		"sequential-down":     {Allocation: natprofiles.Sequential, Step: -1, Range: full},
		"sequential-2":        {Allocation: natprofiles.Sequential, Step: 2, Range: full},
		"sequential-minus-3":  {Allocation: natprofiles.Sequential, Step: -3, Range: full},
		"sequential-parity":   {Allocation: natprofiles.Sequential, Step: 1, Parity: true, Range: full},
		"scattered":           {Allocation: natprofiles.Random, Range: []natprofiles.Interval{{Lo: 4112, Hi: 4127}, {Lo: 8208, Hi: 8223}}},
		"scattered-parity":    {Allocation: natprofiles.Random, Parity: true, Range: []natprofiles.Interval{{Lo: 4112, Hi: 4127}, {Lo: 8208, Hi: 8223}}},
		"scattered-steps":     {Allocation: natprofiles.Sequential, Step: 2, Range: []natprofiles.Interval{{Lo: 4112, Hi: 4127}, {Lo: 8208, Hi: 8223}}},
		"block":               {Allocation: natprofiles.Block, Range: full, Block: natprofiles.PortBlock{Size: 512, Inside: natprofiles.Random}},
		"block-sequential":    {Allocation: natprofiles.Block, Range: full, Block: natprofiles.PortBlock{Size: 512, Inside: natprofiles.Sequential}},
		"block-parity":        {Allocation: natprofiles.Block, Range: full, Parity: true, Block: natprofiles.PortBlock{Size: 512, Inside: natprofiles.Random}},
	}
	for _, mapping := range dependences {
		for _, filtering := range dependences {
			for name, how := range ports {
				p := exemplary()
				both(&p, func(t *natprofiles.Transport) { t.Mapping, t.Filtering, t.Ports = mapping, filtering, how })
				all[string(mapping)+"/"+string(filtering)+"/"+name] = p
			}
			for name, change := range changes {
				p := exemplary()
				both(&p, func(t *natprofiles.Transport) { t.Mapping, t.Filtering = mapping, filtering })
				change(&p)
				all[string(mapping)+"/"+string(filtering)+"/"+name] = p
			}
		}
	}
	return all
}

var changes = map[string]func(*natprofiles.Profile){
	"paired": func(p *natprofiles.Profile) {
		p.Addresses = natprofiles.Addresses{Count: 3, Pooling: natprofiles.Paired}
	},
	"arbitrary": func(p *natprofiles.Profile) {
		p.Addresses = natprofiles.Addresses{Count: 2, Pooling: natprofiles.Arbitrary}
	},
	"no-hairpin": func(p *natprofiles.Profile) {
		both(p, func(t *natprofiles.Transport) { t.Hairpin = natprofiles.HairpinNone })
	},
	"inner-hairpin": func(p *natprofiles.Profile) {
		both(p, func(t *natprofiles.Transport) { t.Hairpin = natprofiles.HairpinInternal })
	},
	"reset": func(p *natprofiles.Profile) {
		both(p, func(t *natprofiles.Transport) { t.Unsolicited = natprofiles.Reset })
	},
	"prohibited": func(p *natprofiles.Profile) {
		both(p, func(t *natprofiles.Transport) { t.Unsolicited = natprofiles.AdminProhibited })
	},
	"delayed": func(p *natprofiles.Profile) { p.TCP.Unsolicited = natprofiles.DelayedUnreachable },
	"eaten": func(p *natprofiles.Profile) {
		both(p, func(t *natprofiles.Transport) { t.ICMPErrors = natprofiles.Eaten })
	},
	"icmp-close": func(p *natprofiles.Profile) {
		both(p, func(t *natprofiles.Transport) { t.AfterICMP = natprofiles.Close })
	},
	"crossed-drop":  func(p *natprofiles.Profile) { p.TCP.CrossedSYN = natprofiles.CrossedDrop },
	"crossed-reset": func(p *natprofiles.Profile) { p.TCP.CrossedSYN = natprofiles.CrossedReset },
	"reset-keep":    func(p *natprofiles.Profile) { p.TCP.AfterReset = natprofiles.Keep },
	"sequence":      func(p *natprofiles.Profile) { p.TCP.Sequence = natprofiles.SequenceRewritten },
	"outbound": func(p *natprofiles.Profile) {
		both(p, func(t *natprofiles.Transport) { t.Timeouts.Refresh = natprofiles.RefreshOutbound })
	},
	"limit": func(p *natprofiles.Profile) { p.Limits = natprofiles.Limits{Mappings: 5, AtLimit: natprofiles.Reset} },
	"large": func(p *natprofiles.Profile) {
		p.Limits = natprofiles.Limits{Mappings: 100000, AtLimit: natprofiles.Drop}
	},
	"limit-per-host": func(p *natprofiles.Profile) { p.Limits = natprofiles.Limits{PerHost: 3, AtLimit: natprofiles.Drop} },
	"firewall": func(p *natprofiles.Profile) {
		p.Translate, p.Addresses = false, natprofiles.Addresses{}
		both(p, func(t *natprofiles.Transport) { t.Mapping, t.Ports, t.Hairpin = "", natprofiles.Ports{}, "" })
	},
}

// The kernel takes the rules of every combination.
func TestTheKernelTakesEveryCombination(t *testing.T) {
	for name, p := range combinations() {
		rules := natrules.NAT(p, place(p))
		ns := namespace(t)
		if err := rules.Apply(ns.FD()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		memory, err := rules.Memory(ns.FD())
		if err == nil {
			err = errors.Join(memory.Forget(0), memory.Forget(1), memory.Close())
		}
		if err != nil {
			t.Errorf("%s: forget: %v", name, err)
		}
	}
}

// This kernel has what every feature is tried by, or the tests above fail too.
func TestFeaturesAreTriedByRulesThatTheKernelTakes(t *testing.T) {
	needed := map[string]bool{}
	for _, f := range natrules.Features() {
		if err := f.Try.Apply(namespace(t).FD()); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		for _, p := range combinations() {
			if _, is := f.NeededBy(p); is {
				needed[f.Name] = true
			}
		}
		if !needed[f.Name] {
			t.Errorf("no profile needs %s", f.Name)
		}
	}
}

// The contents of a NAT that has seen no packet are nothing, and there is an
// error where there is no such NAT.
func TestContentsOfANATThatIsMaps(t *testing.T) {
	p := exemplary()
	rules := natrules.NAT(p, place(p))
	ns := namespace(t)
	if text, err := rules.Contents(ns.FD()); err == nil {
		t.Errorf("contents where there is no NAT: %q", text)
	}
	if err := rules.Apply(ns.FD()); err != nil {
		t.Fatal(err)
	}
	if text, err := rules.Contents(ns.FD()); err != nil || text != "" {
		t.Errorf("contents of a fresh NAT: %q, %v", text, err)
	}
}
