package story

import "net/netip"

// identity is what NATs leave as it is, so that sights of one packet have it in common. A packet that TCP sends again
// has another IP ID and another timestamp where its stack counts them, as Linux does for connections; where it does
// not, order tells the two apart.
//
// The top bit of sequence numbers is left out: a NAT that rewrites them moves them by 2³¹.
type identity struct {
	protocol   Protocol
	flags      Flags
	kind, code uint8
	id         uint16
	seq, ack   uint32
	timestamp  uint32
	payload    int
	digest     uint32
	quoted     quotedIdentity
}

// quotedIdentity is the same of a packet that an ICMP error quotes.
type quotedIdentity struct {
	protocol Protocol
	id       uint16
	seq      uint32
}

const lowBits = 1<<31 - 1

func identify(p *Packet) identity {
	i := identity{
		protocol: p.Protocol, flags: p.Flags, kind: p.Type, code: p.Code, id: p.ID,
		seq: p.Seq & lowBits, ack: p.Ack & lowBits, timestamp: p.Timestamp, payload: p.Payload, digest: p.Digest,
	}
	if p.Quoted != nil {
		i.quoted = quotedIdentity{p.Quoted.Protocol, p.Quoted.ID, p.Quoted.Seq & lowBits}
	}
	return i
}

// name is an identity by its number: a joiner asks for it in several ways, and a number costs less than what it stands
// for.
type name int

// sight is an identity between two endpoints: what does not change on a link.
type sight struct {
	name
	source, destination netip.AddrPort
}

// stay is an identity at a station: what does not change inside of a NAT.
type stay struct {
	name
	station int
}
