package punch

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/punchlab/punchlab/punch/internal/hops"
	"github.com/punchlab/punchlab/punch/rendezvous"
)

// The server's endpoints, in the order of a flight, and where a host and its NAT are.
var (
	serverAt = []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.2:3478"), netip.MustParseAddrPort("192.0.2.2:3479"),
		netip.MustParseAddrPort("192.0.2.3:3478"), netip.MustParseAddrPort("192.0.2.3:3479"),
	}
	insideAt, outsideAt = netip.MustParseAddr("192.168.1.2"), netip.MustParseAddr("203.0.113.7")
)

// firstFlight makes the observations of a first flight: the first four ports are those of one inside port towards the
// four endpoints, each further one that of another inside port.
func firstFlight(ports ...uint16) (all []sighting) {
	for i, p := range ports {
		s := sighting{
			from: netip.AddrPortFrom(insideAt, 40000+uint16(max(0, i-3))*7), to: serverAt[0],
			mapped: netip.AddrPortFrom(outsideAt, p), ttl: 60,
		}
		if i < 4 {
			s.to = serverAt[i]
		}
		all = append(all, s)
	}
	return all
}

// secondFlight makes those of the second flight.
func secondFlight(ports ...uint16) []sighting {
	all := firstFlight(append(make([]uint16, 4), ports...)...)[4:]
	for i := range all {
		all[i].from = netip.AddrPortFrom(insideAt, 50000+uint16(i))
	}
	return all
}

// drawn draws ports between two, the same for a seed.
func drawn(seed uint64, n, low, high int) (all []uint16) {
	r := rand.New(rand.NewPCG(seed, 0))
	for len(all) < n {
		if p := uint16(low + r.IntN(high-low+1)); !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// sameForAll repeats the first port four times.
func sameForAll(ports []uint16) []uint16 {
	return slices.Concat([]uint16{ports[0], ports[0], ports[0]}, ports)
}

func asInside() []uint16 {
	return []uint16{40000, 40000, 40000, 40000, 40007, 40014, 40021, 40028, 40035, 40042, 40049, 40056}
}

func TestMappingAndPorts(t *testing.T) {
	for _, c := range []struct {
		name    string
		ports   []uint16
		mapping Dependence
		want    Allocation
	}{
		{"preserving", asInside(), EndpointIndependent, Allocation{Rule: Preserve}},
		{"preserving, with a few conflicts",
			sameForAll([]uint16{40000, 51111, 40014, 20000, 40028, 40035, 40042, 40049, 40056}),
			EndpointIndependent, Allocation{Rule: Preserve}},
		{"counting", sameForAll([]uint16{5000, 5001, 5002, 5003, 5004, 5005, 5006, 5007, 5008}),
			EndpointIndependent, Allocation{Rule: Sequential, Step: 1, Regularity: 1}},
		{"counting per endpoint", []uint16{5000, 5001, 5002, 5003, 5004, 5005, 5006, 5007, 5008, 5009, 5010, 5011},
			AddressAndPortDependent, Allocation{Rule: Sequential, Step: 1, Regularity: 1}},
		{"counting down", []uint16{5011, 5010, 5009, 5008, 5007, 5006, 5005, 5004, 5003, 5002, 5001, 5000},
			AddressAndPortDependent, Allocation{Rule: Sequential, Step: -1, Regularity: 1}},
		{"in steps of two, at the end of the range",
			[]uint16{65530, 65532, 65534, 1024, 1026, 1028, 1030, 1032, 1034, 1036, 1038},
			AddressAndPortDependent, Allocation{Rule: Sequential, Step: 2, Regularity: 0.9}},
		{"counting per address", []uint16{5000, 5000, 5001, 5001, 5002, 5003, 5004, 5005, 5006},
			AddressDependent, Allocation{Rule: Sequential, Step: 1, Regularity: 1}},
		{"counting, one SYN overtaken", []uint16{5000, 5001, 5003, 5002, 5004, 5005, 5006, 5007, 5008, 5009, 5010},
			AddressAndPortDependent, Allocation{Rule: Sequential, Step: 1, Regularity: 0.7}},
		{"counting by four for many", []uint16{5000, 5008, 5012, 5032, 5040, 5052, 5056, 5072, 5084, 5104, 5108},
			AddressAndPortDependent, Allocation{Rule: Sequential, Step: 4, Regularity: 0.3}},
		{"at random", drawn(1, 12, 1024, 65535), AddressAndPortDependent, Allocation{Rule: Random}},
		{"at random, cone", sameForAll(drawn(2, 9, 1024, 65535)), EndpointIndependent, Allocation{Rule: Random}},
		{"at random per address", []uint16{5000, 5000, 61000, 61000, 2345, 40101, 33333, 9876, 52525},
			AddressDependent, Allocation{Rule: Random}},
		{"kept for the first destination only", append([]uint16{40000, 61000, 2000, 33333}, asInside()[4:]...),
			AddressAndPortDependent, Allocation{Rule: Preserve}},
		{"kept for the first destination, counted for others",
			append([]uint16{40000, 2000, 2001, 2002}, asInside()[4:]...),
			AddressAndPortDependent, Allocation{Rule: Sequential, Step: 1, Regularity: 1}},
		{"a server with one endpoint", []uint16{5000}, "", Allocation{}},
		{"a server with one address", []uint16{5000, 5000}, "", Allocation{}},
		{"a server with one address that tells", []uint16{5000, 5003},
			AddressAndPortDependent, Allocation{Rule: Random}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := (&observed{first: firstFlight(c.ports...)}).conclude()
			if got.Mapping != c.mapping || got.Ports != c.want || got.External != outsideAt || len(got.Doubts) > 0 {
				t.Errorf("concluded %s, %+v, at %s, doubts %q", got.Mapping, got.Ports, got.External, got.Doubts)
			}
			if err := got.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A block is found, and what is taken for it holds its ports and is not much larger, wherever it begins and whatever is
// drawn. Only where a power of two lies in it, near to one end, may a part of it be missed.
func TestBlocks(t *testing.T) {
	for _, b := range []struct{ low, size, missed int }{
		{1024, 64, 0}, {1024, 256, 0}, {2048, 512, 0}, {1024, 1008, 0}, {1024, 2000, 0}, {63488, 2048, 0},
		{31900, 1000, 132},
	} {
		for seed := range uint64(200) {
			high := b.low + b.size - 1
			ports := drawn(seed, 20, b.low, high)
			o := &observed{first: firstFlight(ports[:12]...), second: secondFlight(ports[12:]...)}
			got := o.conclude()
			p := got.Ports
			if got.Mapping != AddressAndPortDependent || p.Rule != Block || len(got.Doubts) > 0 {
				t.Fatalf("%d ports from %d: concluded %+v", b.size, b.low, got)
			}
			if int(p.Low) > b.low || int(p.High) < high-b.missed || p.Size() > 3*b.size {
				t.Errorf("%d ports from %d, seed %d: %d-%d of %v", b.size, b.low, seed, p.Low, p.High, ports)
			}
		}
	}
}

// Ports at random are never taken for anything else.
func TestChanceHasNoRule(t *testing.T) {
	for seed := range uint64(20000) {
		seen := firstFlight(drawn(seed, 12, 1024, 65535)...)
		if got := allocationOf(AddressAndPortDependent, seen); got.Rule != Random {
			t.Fatalf("seed %d: %+v", seed, got)
		}
		if step, _ := stepOf(widened(drawn(seed, 9, 1024, 1087))); step != 0 {
			t.Fatalf("seed %d: a step of %d in a small block", seed, step)
		}
	}
}

func widened(ports []uint16) (all []int) {
	for _, p := range ports {
		all = append(all, int(p))
	}
	return all
}

func TestNothingIsTranslated(t *testing.T) {
	o := &observed{first: firstFlight(asInside()...)}
	for i := range o.first {
		o.first[i].mapped = o.first[i].from
	}
	if got := o.conclude(); got.Mapping != None || got.Ports != (Allocation{}) || got.External != insideAt {
		t.Errorf("concluded %+v", got)
	}
}

func TestFiltering(t *testing.T) {
	const in, rst, icmp = rendezvous.Connected, rendezvous.Reset, rendezvous.Unreachable
	const none, unknown = rendezvous.Silent, rendezvous.Impossible
	for _, c := range []struct {
		port, address rendezvous.Outcome
		want          Dependence
		answer        Answer
		doubts        int
	}{
		{in, in, EndpointIndependent, "", 0},
		{in, none, AddressDependent, Drop, 0},
		{in, rst, AddressDependent, Reset, 0},
		{none, none, AddressAndPortDependent, Drop, 0},
		{rst, rst, AddressAndPortDependent, Reset, 0},
		{icmp, icmp, AddressAndPortDependent, ICMP, 0},
		{rst, none, AddressAndPortDependent, Reset, 1},
		{none, icmp, AddressAndPortDependent, ICMP, 1},
		{none, in, EndpointIndependent, "", 1},
		{rst, unknown, AddressAndPortDependent, Reset, 0},
		{in, unknown, "", "", 0},
		{unknown, in, EndpointIndependent, "", 0},
		{unknown, rst, "", Reset, 0},
		{unknown, unknown, "", "", 0},
		{"", "", "", "", 0},
	} {
		got, answer, doubts := filteringOf(map[rendezvous.Dial]rendezvous.Outcome{
			rendezvous.OtherPort: c.port, rendezvous.OtherAddress: c.address,
		})
		if got != c.want || answer != c.answer || len(doubts) != c.doubts {
			t.Errorf("port %s, address %s: concluded %q, %q, %q", c.port, c.address, got, answer, doubts)
		}
	}
}

// walkOf is a walk along routers, by their TTL; an empty text is one that does not tell.
func walkOf(routers ...string) (all []hops.Hop) {
	for i, r := range routers {
		from, _ := netip.ParseAddr(r)
		all = append(all, hops.Hop{TTL: i + 1, From: from})
	}
	return all
}

func TestArming(t *testing.T) {
	silent, reset, in := rendezvous.Silent, rendezvous.Reset, rendezvous.Connected
	drops := map[rendezvous.Dial]rendezvous.Outcome{rendezvous.OtherPort: silent, rendezvous.OtherAddress: silent}
	open := map[rendezvous.Dial]rendezvous.Outcome{rendezvous.OtherPort: in, rendezvous.OtherAddress: in}
	home, nested := walkOf("192.168.1.1", "198.18.0.1"), walkOf("192.168.1.1", "100.64.0.1", "198.18.0.1")
	for _, c := range []struct {
		name                      string
		hops                      []hops.Hop
		holes                     []hole
		dialled                   map[rendezvous.Dial]rendezvous.Outcome
		arming, natHop, publicHop int
		after, isNested           Finding
		perDestination            bool
	}{
		{"one NAT", home, []hole{{2, in}}, drops, 2, 1, 2, Yes, No, false},
		{"two NATs", nested, []hole{{2, silent}, {3, in}}, drops, 3, 2, 3, Yes, Yes, false},
		{"two NATs that reset", nested, []hole{{2, reset}, {3, in}}, drops, 3, 2, 3, Yes, Yes, false},
		{"the outer one opens before it looks at the TTL", nested, []hole{{2, in}}, drops, 2, 2, 3, Yes, Yes, false},
		{"the outer one answers from outside", home, []hole{{2, silent}, {3, in}}, drops, 3, 2, 2, Yes, No, false},
		{"a switch with an address in front of the NAT", walkOf("10.0.0.1", "10.0.9.1", "198.18.0.1"),
			[]hole{{2, silent}, {3, in}}, drops, 3, 2, 3, Yes, Yes, false},
		{"closes on ICMP", home, []hole{{2, silent}, {3, silent}, {5, reset}}, drops, 2, 1, 2, No, No, false},
		{"only what reaches the server comes back", home, []hole{{5, in}}, drops, 2, 1, 2, "", No, false},
		{"routers that do not tell", walkOf("", "", ""), []hole{{2, silent}, {3, in}}, drops, 3, 2, 0, Yes, "", false},
		{"nothing tells", walkOf("", "", "", ""), []hole{{2, silent}, {3, silent}}, drops, 0, 0, 0, "", "", false},
		{"the second router does not tell", walkOf("192.168.1.1", "", "198.18.0.1"), nil,
			drops, 3, 2, 3, "", "", false},
		{"anybody comes in", home, nil, open, 2, 1, 2, "", No, false},
		{"what is let in has no meaning where anybody is", home, []hole{{3, in}}, open, 2, 1, 2, "", No, false},
		{"the holes lead elsewhere", home, []hole{{2, silent}, {3, silent}}, drops, 2, 1, 2, "", No, true},
		{"no walk, no holes", nil, nil, drops, 0, 0, 0, "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &observed{first: firstFlight(asInside()...), dialled: c.dialled, hops: c.hops, holes: c.holes}
			if c.perDestination {
				o.first = firstFlight(drawn(1, 12, 1024, 65535)...)
			}
			got := o.conclude()
			if got.ArmingTTL != c.arming || got.NATHop != c.natHop || got.PublicHop != c.publicHop {
				t.Errorf("armed by %d, NAT at %d, public at %d", got.ArmingTTL, got.NATHop, got.PublicHop)
			}
			if got.AfterICMP != c.after || got.Nested != c.isNested {
				t.Errorf("survives ICMP: %q, nested: %q", got.AfterICMP, got.Nested)
			}
			if err := got.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A firewall has no NAT, and a SYN opens it that gets beyond it.
func TestArmingAFirewall(t *testing.T) {
	o := &observed{
		first: firstFlight(asInside()...), hops: walkOf("198.18.0.1"), holes: []hole{{2, rendezvous.Connected}},
		dialled: map[rendezvous.Dial]rendezvous.Outcome{
			rendezvous.OtherPort: rendezvous.Silent, rendezvous.OtherAddress: rendezvous.Silent,
		},
	}
	for i := range o.first {
		o.first[i].mapped = o.first[i].from
	}
	got := o.conclude()
	if got.ArmingTTL != 2 || got.NATHop != 0 || got.PublicHop != 1 || got.Nested != "" || got.AfterICMP != Yes {
		t.Errorf("concluded %+v", got)
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}
}

func TestDisturbed(t *testing.T) {
	seen := func(to, port int) sighting { return firstFlight(asInside()...)[to].moved(uint16(port)) }
	for _, c := range []struct {
		name          string
		first         []sighting
		before, after sighting
		want          Finding
	}{
		{"a mapping stays", firstFlight(asInside()...), seen(0, 40007), seen(1, 40007), No},
		{"a mapping moves", firstFlight(asInside()...), seen(0, 40007), seen(1, 6000), Yes},
		{"it was not looked at again", firstFlight(asInside()...), seen(0, 40007), sighting{}, ""},
		{"another address has another port anyway", firstFlight(1, 1, 2, 2), seen(0, 5), seen(2, 6), ""},
		{"the same address has not", firstFlight(1, 1, 2, 2), seen(0, 5), seen(1, 6), Yes},
		{"another endpoint has another port anyway", firstFlight(1, 2, 3, 4), seen(0, 5), seen(1, 6), ""},
	} {
		o := &observed{first: c.first, before: c.before, after: c.after}
		if got := o.conclude().Disturbed; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func (s sighting) moved(port uint16) sighting {
	s.mapped = netip.AddrPortFrom(s.mapped.Addr(), port)
	return s
}

// What does not fit together is told.
func TestDoubts(t *testing.T) {
	elsewhere := firstFlight(asInside()...)
	elsewhere[5].mapped = netip.MustParseAddrPort("203.0.113.8:40014")
	block := drawn(7, 12, 1024, 1279)
	for _, c := range []struct {
		name string
		o    observed
		want string
	}{
		{"several addresses", observed{first: elsewhere}, "connections were seen at 2 external addresses"},
		{"one port depends on the port, one does not", observed{first: firstFlight(1, 1, 2, 3)},
			"a mapping depends on the port towards one address and not towards another"},
		{"a new address later", observed{first: firstFlight(block...), second: func() []sighting {
			later := secondFlight(drawn(8, 8, 1024, 1279)...)
			later[7].mapped = netip.MustParseAddrPort("203.0.113.9:1100")
			return later
		}()}, "connections were seen at 2 external addresses"},
		{"another rule later",
			observed{first: firstFlight(block...), second: secondFlight(drawn(9, 8, 40000, 65535)...)},
			"ports looked like block 1024-1279 first, and like random with more of them"},
		{"strangers", observed{first: firstFlight(asInside()...), dialled: map[rendezvous.Dial]rendezvous.Outcome{
			rendezvous.OtherPort: rendezvous.Reset, rendezvous.OtherAddress: rendezvous.Connected,
		}}, "a stranger came in from another address, and none from another port"},
	} {
		got := c.o.conclude()
		if !slices.Equal(got.Doubts, []string{c.want}) {
			t.Errorf("%s: doubts %q", c.name, got.Doubts)
		}
		if err := got.Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
