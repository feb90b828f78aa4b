package fate

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/links"
)

var (
	alice = netip.MustParseAddrPort("203.0.113.2:4000")
	bob   = netip.MustParseAddrPort("198.51.100.2:5000")
)

// ip is an IPv4 packet from one end to another.
func ip(protocol byte, from, to netip.AddrPort, rest ...byte) []byte {
	b := make([]byte, ipHeader, ipHeader+len(rest))
	b[0], b[9] = 0x45, protocol
	binary.BigEndian.PutUint16(b[2:], uint16(ipHeader+len(rest)))
	copy(b[12:], from.Addr().AsSlice())
	copy(b[16:], to.Addr().AsSlice())
	return append(b, rest...)
}

func tcp(from, to netip.AddrPort, flags byte, payload int) []byte {
	b := make([]byte, tcpHeader+payload)
	binary.BigEndian.PutUint16(b, from.Port())
	binary.BigEndian.PutUint16(b[2:], to.Port())
	b[12], b[13] = tcpHeader/4<<4, flags
	return ip(protocolTCP, from, to, b...)
}

func udp(from, to netip.AddrPort) []byte {
	b := make([]byte, 8)
	binary.BigEndian.PutUint16(b, from.Port())
	binary.BigEndian.PutUint16(b[2:], to.Port())
	return ip(protocolUDP, from, to, b...)
}

// about is an ICMP error of a router about a packet.
func about(kind byte, quoted []byte) []byte {
	router := netip.MustParseAddrPort("198.18.0.1:0")
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte(quoted[12:16])), 0)
	return ip(protocolICMP, router, to, append([]byte{kind, 0, 0, 0, 0, 0, 0, 0}, quoted[:ipHeader+8]...)...)
}

var syn = tcp(alice, bob, flagSYN, 0)

func rule1(t *testing.T, text string) Rule {
	t.Helper()
	f, err := links.ParseFault(text)
	if err != nil {
		t.Fatal(err)
	}
	return Rule{Fault: f}
}

func TestClasses(t *testing.T) {
	later := tcp(alice, bob, flagSYN, 100)
	binary.BigEndian.PutUint16(later[6:], 1) // an offset of eight bytes
	for name, c := range map[string]struct {
		packet []byte
		want   []links.Class
	}{
		"SYN":                 {syn, []links.Class{links.SYN, links.Any}},
		"SYN with data":       {tcp(alice, bob, flagSYN, 5), []links.Class{links.SYN, links.DATA, links.Any}},
		"SYN-ACK":             {tcp(alice, bob, flagSYN|flagACK, 0), []links.Class{links.SYNACK, links.Any}},
		"RST":                 {tcp(alice, bob, flagRST, 0), []links.Class{links.RST, links.Any}},
		"RST that answers":    {tcp(alice, bob, flagRST|flagACK, 0), []links.Class{links.RST, links.Any}},
		"FIN":                 {tcp(alice, bob, flagFIN|flagACK, 0), []links.Class{links.FIN, links.Any}},
		"ACK":                 {tcp(alice, bob, flagACK, 0), []links.Class{links.ACK, links.Any}},
		"data":                {tcp(alice, bob, flagACK|8, 100), []links.Class{links.DATA, links.Any}},
		"UDP":                 {udp(alice, bob), []links.Class{links.UDP, links.Any}},
		"a ping":              {ip(protocolICMP, alice, bob, 8, 0, 0, 0, 0, 0, 0, 0), []links.Class{links.ICMP, links.Any}},
		"time exceeded":       {about(typeExceeded, syn), []links.Class{links.ICMP, links.Expiry, links.Any}},
		"unreachable":         {about(typeUnreachable, syn), []links.Class{links.ICMP, links.Any}},
		"a later fragment":    {later, []links.Class{links.Any}},
		"another protocol":    {ip(47, alice, bob, 1, 2, 3, 4), []links.Class{links.Any}},
		"a TCP header's half": {syn[:ipHeader+8], []links.Class{links.Any}},
	} {
		h, ok := parseHeader(c.packet)
		if !ok {
			t.Errorf("%s is no packet", name)
		}
		var got []links.Class
		for _, class := range links.Classes {
			if h.is(class) {
				got = append(got, class)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	for name, packet := range map[string][]byte{"nothing": nil, "half a header": syn[:19], "IPv6": {0x60, 19: 0}, "options cut off": {0x4f, 19: 0}} {
		if _, ok := parseHeader(packet); ok {
			t.Errorf("%s is a packet", name)
		}
	}
}

func TestFlows(t *testing.T) {
	toBob := Rule{Fault: links.Fault{Class: links.Any}, To: Endpoint{Addrs: []netip.Addr{bob.Addr()}, Port: bob.Port()}}
	fromAlice := Rule{Fault: links.Fault{Class: links.Any}, From: Endpoint{Addrs: []netip.Addr{netip.MustParseAddr("192.168.1.2"), alice.Addr()}}}
	for name, c := range map[string]struct {
		packet           []byte
		toBob, fromAlice bool
	}{
		"there":                 {syn, true, true},
		"back":                  {tcp(bob, alice, flagSYN|flagACK, 0), false, false},
		"to another port":       {udp(alice, netip.AddrPortFrom(bob.Addr(), 1)), false, true},
		"from another":          {udp(netip.MustParseAddrPort("192.0.2.9:1"), bob), true, false},
		"about what Bob sent":   {about(typeExceeded, tcp(bob, alice, flagSYN, 0)), true, true},
		"about what Alice sent": {about(typeExceeded, syn), false, false},
	} {
		h, _ := parseHeader(c.packet)
		if got := (&rule{Rule: toBob}).matches(h); got != c.toBob {
			t.Errorf("%s goes to Bob's port: %v, want %v", name, got, c.toBob)
		}
		if got := (&rule{Rule: fromAlice}).matches(h); got != c.fromAlice {
			t.Errorf("%s comes from Alice: %v, want %v", name, got, c.fromAlice)
		}
	}
}

func TestRulesActOnThePacketsThatTheyName(t *testing.T) {
	l := NewLine("transit-a up", 1)
	l.Set(links.Conditions{Delay: 10 * ms})
	l.SetRules([]Rule{
		rule1(t, "t up: drop SYN #2"),
		rule1(t, "t up: delay SYN #3-4 by 30ms"),
		rule1(t, "t up: duplicate any #4"),
		rule1(t, "t up: corrupt SYN #5"),
		rule1(t, "t up: drop RST every"),
	})
	want := []Fate{
		once(10 * ms),
		{},
		once(40 * ms),
		{Copies: 2, Due: [2]time.Duration{40 * ms, 40 * ms}},
		{Copies: 1, Due: [2]time.Duration{10 * ms}, Corrupt: true},
		once(10 * ms),
	}
	for i, w := range want {
		if got := l.Pass(Packet{Head: syn}); got != w {
			t.Errorf("SYN %d: %+v, want %+v", i+1, got, w)
		}
	}
	counts := []Count{{6, 1}, {6, 2}, {6, 1}, {6, 1}, {0, 0}}
	if diff := cmp.Diff(counts, l.Rules()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got, want := l.Counts(), (Counts{Dropped: 1, Duplicated: 1, Corrupted: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if !l.NeedsHeads() || !l.Copies() || !l.Corrupts() || l.Constant() {
		t.Error("the rules need less than they do")
	}
	l.Restart(1)
	if got := l.Rules(); got[0] != (Count{}) {
		t.Errorf("after a restart: %+v", got)
	}
	l.SetRules(nil)
	if !l.Constant() || len(l.Rules()) > 0 {
		t.Error("rules are left after they were taken away")
	}
}

// Whatever is on the wire is read without a fault.
func FuzzParseHeader(f *testing.F) {
	f.Add(syn)
	f.Add(about(typeExceeded, syn))
	f.Add([]byte{0x4f})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := parseHeader(b)
		if ok && !h.is(links.Any) {
			t.Errorf("%x is of no class", b)
		}
	})
}

// BenchmarkPass is what a decision costs.
func BenchmarkPass(b *testing.B) {
	for name, c := range map[string]links.Conditions{"delay": {Delay: ms}, "everything": everything} {
		b.Run(name, func(b *testing.B) {
			l := line(c, 1)
			for i := range b.N {
				l.Pass(Packet{Arrived: time.Duration(i) * ms, Size: 1000, Head: syn})
			}
		})
	}
}
