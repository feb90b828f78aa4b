package story

import "net/netip"

// reset has the station where a packet has ended answer RST, after a tenth of a millisecond.
func (s *situation) reset(to sent) sent {
	return s.reply(to, how{first: Packet{Flags: RST | ACK, Ack: to.seen.Seq + 1}})
}

// reply has the station where a packet has ended send something back.
func (s *situation) reply(to sent, h how) sent {
	return s.send(to.ms+0.1, to.place, to.seen.Destination, to.seen.Source, h)
}

// unreachable has it answer an ICMP error instead.
func (s *situation) unreachable(to sent, kind, code uint8) sent {
	p := &to.seen
	q := &Quote{Protocol: TCP, Source: p.Source, Destination: p.Destination, ID: p.ID, TTL: p.TTL, Seq: p.Seq}
	// Sessions of ICMP have no ports; the situation's maps have. So it walks as its packet would, and loses them.
	begin := len(s.Packets)
	end := s.send(to.ms+0.1, to.place, p.Destination, p.Source, how{first: Packet{Protocol: ICMP, Type: kind, Code: code, Quoted: q}})
	for i := begin; i < len(s.Packets); i++ {
		seen := &s.Packets[i]
		quoted := *q
		quoted.Source = seen.Destination
		seen.Quoted = &quoted
		seen.Source, seen.Destination = netip.AddrPortFrom(seen.Source.Addr(), 0), netip.AddrPortFrom(seen.Destination.Addr(), 0)
	}
	return end
}

// accept has the station answer SYN-ACK.
func (s *situation) accept(to sent, h how) sent {
	h.first.Flags, h.first.Ack = SYN|ACK, to.seen.Seq+1
	return s.reply(to, h)
}
