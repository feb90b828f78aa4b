package natrules

import (
	"encoding/binary"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/natprofiles"
)

// The other kind of NAT is maps that packets fill: the map of mappings is the
// NAT, and conntrack only rewrites what the map says. Each mapping gets a zone
// of conntrack of its own, which both directions look up before conntrack runs
// (nf_conntrack_core.c: connections of different zones have nothing to do with
// each other); after 65,535 mappings they come again, which does no harm to
// mappings with other endpoints. When a mapping dies, later packets find another zone or none, and
// conntrack starts afresh: no rule could delete its entry.
//
// The sets of such a NAT, of which those of one protocol have its name in front:
//
//	tcp_map    inside endpoint [. remote address [. remote port]] : external endpoint . zone
//	reverse    protocol . external endpoint : zone . inside endpoint
//	tcp_perm   external endpoint . remote address [. remote port]
//	tcp_back   inside endpoint . remote endpoint : zone
//	tcp_est    external endpoint
//	tcp_others external endpoint
//	tcp_holder external endpoint . remote endpoint
//	tcp_outsyn external endpoint . remote endpoint
//	tcp_full   inside address
//	ident      zone . inside endpoint, twice
//
// map is the mapping, as wide as the mapping depends on; reverse is the owner of
// an external port and bounds how many mappings there are; perm is whose packets
// filtering lets in; back are sessions opened from outside whose answers the map
// does not know, where mapping is narrower than filtering; est, others and
// holder are about established sessions that share a mapping; outsyn are SYNs that may be crossed;
// full are hosts for which a search for a port has just failed.
//
// A stateful firewall is the same without translation: its external endpoint is
// the inside one.

// router collects the table of a NAT that is maps.
type router struct {
	p  natprofiles.Profile
	at Place
	Table
	events []event // of inside hosts that have a limit each
}

// protocol is TCP or UDP at such a NAT.
type protocol struct {
	*router
	natprofiles.Transport
	name   string
	number byte
}

// maps makes the rules of a NAT, or of a stateful firewall, that is maps.
func maps(p natprofiles.Profile, at Place) Ruleset {
	r := &router{p: p, at: at, Table: Table{Name: "nat"}}
	tcp := protocol{r, p.TCP, "tcp", unix.IPPROTO_TCP}
	udp := protocol{r, p.UDP, "udp", unix.IPPROTO_UDP}
	r.sets()
	for _, x := range []protocol{tcp, udp} {
		x.sets()
	}
	r.rewriteAcknowledgements()
	r.raw(tcp, udp)
	r.learn(tcp, udp)
	if p.Translate {
		r.translate(tcp, udp)
	}
	r.unsolicited(tcp, udp)
	r.guard(tcp, udp)
	r.hostSets()
	r.rewriteSequences()
	return Ruleset{Tables: []Table{r.Table}}
}

var (
	typeAddress  = nftables.TypeIPAddr
	typePort     = nftables.TypeInetService
	typeProtocol = nftables.TypeInetProto
	typeZone     = nftables.TypeMark
	typeNumber   = nftables.TypeMark
)

// identLasts is how long a claim can take.
const identLasts = 250 * time.Millisecond

// lastsByDefault is for elements whose rules all say how long they last.
const lastsByDefault = time.Minute

func (r *router) sets() {
	endpoint := []nftables.SetDatatype{typeAddress, typePort}
	identity := append([]nftables.SetDatatype{typeZone}, endpoint...)
	r.dynamic(Set{Name: "reverse", Size: r.p.Limits.Mappings,
		Key: append([]nftables.SetDatatype{typeProtocol}, endpoint...), Data: identity})
	r.dynamic(Set{Name: "ident", Timeout: identLasts, Key: append(identity[:3:3], identity...)})
	r.constantSet("icmp_errors", nftables.TypeICMPType, []byte{icmpUnreachable}, []byte{icmpTimeExceeded}, []byte{icmpParameterProblem})
	if len(r.at.External) > 1 {
		var all [][]byte
		for _, a := range r.at.External {
			all = append(all, a.AsSlice())
		}
		r.constantSet("external", typeAddress, all...)
	}
}

// Types of ICMP messages about a packet that was not delivered (RFC 792).
const (
	icmpUnreachable      = 3
	icmpTimeExceeded     = 11
	icmpParameterProblem = 12
)

func (x protocol) sets() {
	inside := []nftables.SetDatatype{typeAddress, typePort, typeAddress, typePort}
	external := inside
	x.dynamic(Set{Name: x.set("map"), Size: tableSize(x.p.Limits.Mappings), Key: inside[:2+width(x.Mapping)],
		Data: []nftables.SetDatatype{typeAddress, typePort, typeZone}})
	if x.filters() {
		x.dynamic(Set{Name: x.set("perm"), Key: external[:2+width(x.Filtering)]})
	}
	if x.needsBack() {
		x.dynamic(Set{Name: x.set("back"), Key: inside, Data: []nftables.SetDatatype{typeZone}})
	}
	if x.shares() {
		x.dynamic(Set{Name: x.set("est"), Key: external[:2]})
		x.dynamic(Set{Name: x.set("others"), Key: external[:2]})
		x.dynamic(Set{Name: x.set("maybe"), Key: external[:2]})
		x.dynamic(Set{Name: x.set("holder"), Key: external})
	}
	if x.crossings() {
		x.dynamic(Set{Name: x.set("outsyn"), Key: external})
	}
	// Conntrack lets both ways have the longer time from two seconds on alone
	// (nf_conntrack_proto_udp.c), and a session that it forgets would be new.
	// The maps know when it ends.
	known := x.Timeouts
	known.Unreplied = max(known.Unreplied, known.Stream)
	timeouts := udpTimeouts(known)
	if x.number == unix.IPPROTO_TCP {
		timeouts = tcpTimeouts(x.Timeouts, time.Duration(x.Timeouts.Established))
	}
	x.router.Table.Timeouts = append(x.router.Table.Timeouts, timeouts)
}

// kernelSize is what a dynamic set holds that is given no size.
const kernelSize = 65535

// tableSize is the size of a map that must hold limit elements; the kernel's own
// is enough for most, and starts with a small table.
func tableSize(limit int) int {
	if limit <= kernelSize {
		return 0
	}
	return limit
}

func (r *router) dynamic(s Set) {
	s.Dynamic = true
	if s.Timeout == 0 {
		s.Timeout = lastsByDefault
	}
	r.Sets = append(r.Sets, s)
}

// lasting adds a dynamic set whose elements never end.
func (r *router) lasting(s Set) {
	s.Dynamic = true
	r.Sets = append(r.Sets, s)
}

func (r *router) constantSet(name string, key nftables.SetDatatype, keys ...[]byte) {
	s := Set{Name: name, Key: []nftables.SetDatatype{key}}
	for _, k := range keys {
		s.Elements = append(s.Elements, Element{Key: k})
	}
	r.Sets = append(r.Sets, s)
}

// numbered adds a constant map from 0, 1, 2 … to the values.
func (r *router) numbered(name string, of nftables.SetDatatype, values ...[]byte) {
	s := Set{Name: name, Key: []nftables.SetDatatype{typeNumber}, Data: []nftables.SetDatatype{of}}
	for i, v := range values {
		s.Elements = append(s.Elements, Element{Key: binary.NativeEndian.AppendUint32(nil, uint32(i)), Data: v})
	}
	r.Sets = append(r.Sets, s)
}

// byProtocol goes to the chain of the packet's protocol, if it has one.
func (r *router) byProtocol(name string, chains map[byte]string, protocols ...byte) Rule {
	s := Set{Name: name, Key: []nftables.SetDatatype{typeProtocol}, Data: []nftables.SetDatatype{nftables.TypeVerdict}}
	for _, p := range protocols {
		s.Elements = append(s.Elements, Element{Key: []byte{p}, Verdict: &expr.Verdict{Kind: expr.VerdictGoto, Chain: chains[p]}})
	}
	r.Sets = append(r.Sets, s)
	return join([]expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register(0)}}, branch(name, 0))
}

// chain adds a chain that others jump to.
func (r *router) chain(name string, rules ...Rule) {
	r.Chains = append(r.Chains, Chain{Name: name, Rules: rules})
}

// base adds a base chain.
func (r *router) base(name string, hook *nftables.ChainHook, priority nftables.ChainPriority, rules ...Rule) {
	r.Chains = append(r.Chains, Chain{
		Name: name, Type: nftables.ChainTypeFilter, Hook: hook, Priority: &priority,
		Policy: nftables.ChainPolicyAccept, Rules: rules,
	})
}

// set is the protocol's set of that name.
func (x protocol) set(name string) string { return x.name + "_" + name }

// width is how many fields of the remote endpoint a dependence looks at.
func width(d natprofiles.Dependence) int {
	switch d {
	case natprofiles.AddressDependent:
		return 1
	case natprofiles.AddressAndPortDependent:
		return 2
	default:
		return 0
	}
}

// filters says whether a permission is needed to come in.
func (x protocol) filters() bool { return width(x.Filtering) > 0 }

// needsBack says whether somebody may come in whom an answer would find no
// mapping for.
func (x protocol) needsBack() bool { return width(x.Filtering) < width(x.Mapping) }

// shares says whether a mapping may have several sessions: towards several
// remote endpoints, or opened by some.
func (x protocol) shares() bool {
	return x.Mapping != natprofiles.AddressAndPortDependent || x.needsBack()
}

// crossings says whether outbound SYNs must be remembered.
func (x protocol) crossings() bool {
	return x.number == unix.IPPROTO_TCP && x.CrossedSYN != natprofiles.CrossedAccept
}

// key loads what a mapping depends on into the registers from n on.
func (x protocol) key(f flow, n int) []expr.Any {
	return loads(n, []place{f.local, f.localPort, f.remote, f.remotePort}[:2+width(x.Mapping)]...)
}

// protocolNumber puts the protocol's number into register n.
func (x protocol) protocolNumber(n int) []expr.Any { return constant([]byte{x.number}, n) }

// opening and lasting are how long a mapping lasts whose session is not, or is,
// answered.
func (x protocol) opening() time.Duration {
	return time.Duration(x.Timeouts.SYNSent + x.Timeouts.Unreplied) // one of them is zero
}

func (x protocol) lastingFor() time.Duration {
	return time.Duration(x.Timeouts.Established + x.Timeouts.Stream)
}
