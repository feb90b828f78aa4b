package story

import (
	"net/netip"
	"time"
)

var zeroTime time.Time

// dropped: alice's SYN is dropped by nat-b and opens nat-a, by which bob's comes in 45 ms later; her SYN-ACK dies at
// the station of that name. With "-" she has not answered yet.
func dropped(at string) *situation {
	s := twoNATs()
	s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
	s.last = s.syn(25, "bob", bobAt, aliceOut, how{})
	switch at {
	case "-":
	case "":
		s.accept(s.last, how{})
		s.proven(90)
	default:
		s.accept(s.last, how{dies: at})
	}
	return s
}

// crossing: both SYNs arrive.
func crossing() *situation {
	s := twoNATs()
	a := s.syn(0.2, "alice", aliceAt, bobOut, how{})
	b := s.syn(2.2, "bob", bobAt, aliceOut, how{})
	s.accept(a, how{})
	s.accept(b, how{})
	s.proven(90)
	return s
}

// refused: nat-b answers alice's SYN by RST; bob's own leaves at that time, and dies at a station, if any.
func refused(bobs float64, at string) *situation {
	s := twoNATs()
	r := s.reset(s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"}))
	s.event(r.ms+0.1, "alice", Event{Kind: SYNRefused, Local: aliceAt, Remote: bobOut})
	s.syn(bobs, "bob", bobAt, aliceOut, how{dies: at})
	return s
}

// armed: the TTL of alice's SYN runs out at a station.
func armed(ttl uint8, at string) *situation {
	s := twoNATs()
	s.syn(0.2, "alice", aliceAt, bobOut, how{ttl: ttl, dies: at})
	if at == "nat-a" {
		s.syn(5, "bob", bobAt, aliceOut, how{dies: "nat-a"})
		return s
	}
	s.accept(s.syn(25, "bob", bobAt, aliceOut, how{}), how{})
	s.proven(90)
	return s
}

// remapped: alice aims at an endpoint of bob's, whose SYN comes from another one, or from that.
func remapped(aim netip.AddrPort) *situation {
	s := twoNATs()
	delete(s.maps["nat-b"], bobAt)
	s.syn(0.2, "alice", aliceAt, aim, how{dies: "nat-b"})
	h := how{dies: "nat-a", as: map[string]netip.AddrPort{"nat-b": bobElsewhere}}
	if aim == bobElsewhere {
		h.dies = ""
		s.accept(s.syn(25, "bob", bobAt, aliceOut, h), how{})
		s.proven(90)
		return s
	}
	s.syn(5, "bob", bobAt, aliceOut, h)
	return s
}

// turned: alice's SYN goes out to bob's external endpoint and is turned round by the internet.
func (s *situation) turned(ms float64, dies string) {
	out := s.syn(ms, "alice", aliceAt, neighbourOut, how{cut: "nat-a"})
	p := out.seen
	p.TTL = 63
	ms = out.ms + hopMS
	s.see(ms, s.on("internet", "nat-a"), false, p)
	p.TTL--
	ms += hopMS
	s.see(ms, s.on("internet", "nat-a"), true, p)
	ms += hopMS
	s.see(ms, s.on("nat-a", "internet"), false, p)
	if dies != "" {
		return
	}
	p.TTL--
	p.Destination = neighbourAt
	s.see(ms+hopMS, s.on("nat-a", "bob"), true, p)
	s.see(ms+2*hopMS, s.on("bob", "nat-a"), false, p)
}

// inside: nat-a hands alice's SYN to bob with her inside endpoint, and he answers past it.
func inside() *situation {
	s := sameNAT()
	p := Packet{Protocol: TCP, Flags: SYN, Seq: 7000, TTL: 64, ID: 77, Source: aliceAt, Destination: neighbourOut}
	s.see(0.2, s.on("alice", "nat-a"), true, p)
	s.see(0.25, s.on("nat-a", "alice"), false, p)
	p.TTL, p.Destination = 63, neighbourAt
	s.see(0.3, s.on("nat-a", "bob"), true, p)
	s.see(0.35, s.on("bob", "nat-a"), false, p)
	back := Packet{Protocol: TCP, Flags: SYN | ACK, Seq: 9000, Ack: 7001, TTL: 64, ID: 78, Source: neighbourAt, Destination: aliceAt}
	s.see(0.4, s.on("bob", "nat-a"), true, back)
	s.see(0.45, s.on("alice", "nat-a"), false, back)
	s.see(0.5, s.on("alice", "nat-a"), true,
		Packet{Protocol: TCP, Flags: RST, Seq: 7001, TTL: 64, ID: 79, Source: aliceAt, Destination: neighbourAt})
	return s
}

// inward has a NAT answer RST to the inside, from the endpoint that was aimed at.
func (s *situation) inward(to sent) {
	p := to.seen
	back := Packet{Protocol: TCP, Flags: RST | ACK, Ack: p.Seq + 1, TTL: 64, ID: 99, Source: p.Destination, Destination: p.Source}
	s.see(to.ms+0.1, s.on("nat-b", "bob"), true, back)
	s.see(to.ms+0.1+hopMS, s.on("bob", "nat-b"), false, back)
}
