package natrules

import (
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/natprofiles"
)

// learnPriority is after conntrack (-200), so that rules know what it thinks of
// the packet, and before addresses are translated (-100).
const learnPriority = -150

// learn starts the time of mappings, permissions and sessions anew, opens
// permissions, and ends what a RST or an ICMP error ends.
func (r *router) learn(tcp, udp protocol) {
	out := map[byte]string{unix.IPPROTO_TCP: "tcp_learn_out", unix.IPPROTO_UDP: "udp_learn_out"}
	in := map[byte]string{unix.IPPROTO_TCP: "tcp_learn_in", unix.IPPROTO_UDP: "udp_learn_in"}
	for _, x := range []protocol{tcp, udp} {
		x.learnOut()
		x.learnIn()
	}
	inProtocols := []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP}
	var ends []Rule
	for _, x := range []protocol{tcp, udp} {
		if x.AfterICMP == natprofiles.Close {
			ends = append(ends, join(x.aboutProtocol(), goTo(x.set("icmp_ends"))))
			x.chain(x.set("icmp_ends"), x.ends(errorInbound)...)
		}
	}
	if len(ends) > 0 {
		in[unix.IPPROTO_ICMP] = "icmp_learn_in"
		inProtocols = append(inProtocols, unix.IPPROTO_ICMP)
		r.chain("icmp_learn_in", ends...)
	}
	r.chain("learn_in", join(hasZone(), r.byProtocol("learn_in_by_protocol", in, inProtocols...)))
	var begins []Rule
	for i, x := range []protocol{tcp, udp} {
		begins = append(begins, join(x.is(), r.Table.Timeouts[i].use()))
	}
	r.chain("begins", begins...)
	r.base("learn", nftables.ChainHookPrerouting, learnPriority,
		join(stateIn(expr.CtStateBitNEW), jump("begins")),
		join(comesFrom(r.at.WAN), goTo("learn_in")),
		join(hasZone(), r.byProtocol("learn_out_by_protocol", out, unix.IPPROTO_TCP, unix.IPPROTO_UDP)))
}

// is is `meta l4proto tcp`, or udp.
func (x protocol) is() []expr.Any { return isProtocol(x.number) }

// A class of sessions, by what conntrack or a mark says of them, and how long
// they last. Only an established one makes its endpoint known as one.
type class struct {
	name        string
	is          []expr.Any
	lasts       time.Duration
	established bool
	ended       bool
}

// classes are the classes of the protocol's sessions, of which the first that a
// packet meets is its own.
func (x protocol) classes() []class {
	if x.number == unix.IPPROTO_UDP {
		return []class{{"stream", status(seenReply), x.lastingFor(), true, false}, {"unreplied", nil, x.opening(), false, false}}
	}
	return []class{{"established", status(assured), x.lastingFor(), true, false}, {"opening", nil, x.opening(), false, false}}
}

// ended are the classes of sessions that a mark says have come to an end.
func (x protocol) ended() []class {
	return []class{
		{"closed", marked(closedMark), time.Duration(x.Timeouts.Closed), false, true},
		{"closing", nil, time.Duration(x.Timeouts.Closing), false, true},
	}
}

// learnOut is what packets from inside do.
func (x protocol) learnOut() {
	var rules []Rule
	if x.number == unix.IPPROTO_TCP {
		rules = append(rules, x.finishing("out", outbound, flagFIN, flagRST))
	}
	if x.crossings() {
		rules = append(rules, join(flagged(flagAll, flagSYN), x.mappingOut(), loads(7, outbound.remote, outbound.remotePort),
			update(x.set("outsyn"), 5, none, x.opening())))
	}
	if x.needsBack() {
		rules = append(rules, join(direction(replyDirection), x.session(0), get(x.set("back"), 0, 4),
			update(x.set("back"), 0, 4, x.lastingFor()), accept()))
	}
	rules = append(rules, x.refreshes("out", x.refreshOut)...)
	x.chain(x.set("learn_out"), rules...)
}

// learnIn is what packets from outside do. Their RSTs come here only where they
// end something.
func (x protocol) learnIn() {
	var rules []Rule
	if x.number == unix.IPPROTO_TCP {
		if x.AfterReset == natprofiles.Close {
			x.chain("tcp_reset_ends", x.ends(inbound)...)
			rules = append(rules, join(flagged(flagRST, flagRST), goTo("tcp_reset_ends")))
		}
		rules = append(rules, x.finishing("in", inbound, flagFIN))
	}
	if x.needsBack() {
		rules = append(rules, x.stranger())
	}
	if x.Timeouts.Refresh == natprofiles.RefreshBoth {
		rules = append(rules, x.refreshes("in", x.refreshIn)...)
	}
	x.chain(x.set("learn_in"), rules...)
}

// mappingOut finds the mapping of an outbound packet. Registers 5 and 6 have the
// external endpoint and 7 the zone.
func (x protocol) mappingOut() []expr.Any { return join(x.key(outbound, 0), get(x.set("map"), 0, 5)) }

// refreshes are the rules that refresh by the class of the packet's session.
func (x protocol) refreshes(direction string, refresh func(class) []Rule) []Rule {
	if x.number == unix.IPPROTO_UDP {
		return x.byClass(x.classes(), direction, refresh)
	}
	over := x.set("over_" + direction)
	x.chain(over, x.byClass(x.ended(), direction, refresh)...)
	return append([]Rule{join(markedAtAll(), goTo(over))}, x.byClass(x.classes(), direction, refresh)...)
}

func (x protocol) byClass(classes []class, direction string, refresh func(class) []Rule) []Rule {
	var rules []Rule
	for i, c := range classes {
		body := refresh(c)
		if i == len(classes)-1 {
			return append(rules, body...)
		}
		if len(body) == 1 {
			rules = append(rules, join(c.is, body[0], accept()))
			continue
		}
		name := x.set("refresh_" + direction + "_" + c.name)
		x.chain(name, body...)
		rules = append(rules, join(c.is, goTo(name)))
	}
	return rules
}

// refreshOut starts the time anew of what an outbound packet uses. A mapping
// that an established session uses is not shortened by one that is not.
//
// Registers: 0 to 3 the key of map, 4 to 6 that of reverse, 5 to 7 the data of
// map, 7 to 9 the data of reverse, 5 to 8 the key of perm.
func (x protocol) refreshOut(c class) []Rule {
	mapping := func(lasts time.Duration) []expr.Any {
		return join(update(x.set("map"), 0, 5, lasts), x.protocolNumber(4), loads(8, outbound.local, outbound.localPort),
			update("reverse", 4, 7, lasts))
	}
	return append(x.ownLasts(c.lasts), x.refresh(c, outbound, x.mappingOut(), mapping, 5)...)
}

// refreshIn does the same for a packet from outside.
//
// Registers: 0 to 2 the key of reverse, 3 to 5 its data, 4 to 7 the key of map,
// 1 to 3 its data, 1 to 4 the key of perm.
func (x protocol) refreshIn(c class) []Rule {
	found := join(x.owner(inbound), loads(6, inbound.remote, inbound.remotePort))
	mapping := func(lasts time.Duration) []expr.Any {
		return join(update(x.set("map"), 4, 1, lasts), update("reverse", 0, 3, lasts))
	}
	return append(x.ownLasts(c.lasts), x.refresh(c, inbound, found, mapping, 1)...)
}

// permission lets the remote endpoint in, through the external endpoint in the
// two registers from n on. change is add or update.
func (x protocol) permission(f flow, n int, change func(string, int, int, time.Duration) []expr.Any, lasts time.Duration) []expr.Any {
	if !x.filters() {
		return nil
	}
	remote := []place{f.remote, f.remotePort}[:width(x.Filtering)]
	return join(loads(n+2, remote...), change(x.set("perm"), n, none, lasts))
}

// guarded is how long an established session keeps others that are not from
// refreshing the mapping: until they would no longer shorten it.
func (x protocol) guarded() time.Duration {
	return max(x.lastingFor()-x.opening(), time.Second)
}

// stranger is about sessions that a remote endpoint has opened and whose answers
// the map does not know: it keeps their zone. Such a session uses a mapping that
// was made towards another endpoint, and keeps its port taken.
func (x protocol) stranger() Rule {
	found := join(x.owner(inbound), loads(6, inbound.remote, inbound.remotePort))
	known := join(found, update(x.set("back"), 4, 3, x.lastingFor()))
	if x.Timeouts.Refresh == natprofiles.RefreshBoth {
		known = join(known, update("reverse", 0, 3, x.lastingFor()))
	}
	x.chain(x.set("stranger_established"), x.strangers(inbound)...)
	x.chain(x.set("stranger"), known, join(x.over(), goTo(x.set("stranger_established"))))
	return join(direction(originalDirection), goTo(x.set("stranger")))
}

// ends is what a RST or an ICMP error does that ends a mapping: only one about a
// session that the inside host has opened. An established session's mapping
// lives on for a while (Timeouts.Closed); one that is nobody else's ends at once.
// A stranger's own session ends alone.
//
// Registers as in refreshIn.
func (x protocol) ends(f flow) []Rule {
	found := join(x.owner(f), loads(6, f.remote, f.remotePort))
	external := loads(1, f.local, f.localPort)
	stranger := join(accept())
	if x.needsBack() {
		name := x.named("stranger_ends", f)
		x.chain(name, join(found, remove(x.set("back"), 4, 3)), join(x.over(), jump(x.leaves(x.named("stranger_leaves", f), f))))
		stranger = join(goTo(name))
	}
	rules := []Rule{join(direction(originalDirection), stranger)}
	if !x.permitsTogether() {
		rules = append(rules, x.forbid(f)...)
	}
	rules = append(rules, join(x.over(), goTo(x.sessionEnds(f, found, external))))
	if x.shares() {
		rules = append(rules, x.used(external, 1)...)
	}
	if x.permitsTogether() {
		rules = append(rules, x.forbid(f)...)
	}
	return append(append(rules, x.ownEnds()...), join(found, remove(x.set("map"), 4, 1), remove("reverse", 0, 3)))
}

// permitsTogether says whether one permission is that of several sessions: of all
// with one remote address. It must not end with one of them while another one is
// established, of which rules can only tell that it uses the same mapping.
func (x protocol) permitsTogether() bool {
	return x.shares() && x.Filtering == natprofiles.AddressDependent
}

// forbid takes the remote endpoint's permission away.
func (x protocol) forbid(f flow) []Rule {
	if !x.filters() {
		return nil
	}
	remote := []place{f.local, f.localPort, f.remote, f.remotePort}[:2+width(x.Filtering)]
	return []Rule{join(loads(1, remote...), remove(x.set("perm"), 1, none))}
}

// sessionEnds adds the chain for a session that had been established, whose
// mapping lives on for a while.
func (x protocol) sessionEnds(f flow, found, external []expr.Any) string {
	lasts, still := time.Duration(x.Timeouts.Closed), marked(0)
	if x.number == unix.IPPROTO_UDP {
		lasts, still = x.opening(), nil
	}
	var rules []Rule
	if x.shares() {
		rules = append(rules, join(still, jump(x.leaves(x.named("leaves", f), f))))
	}
	if x.number == unix.IPPROTO_TCP {
		rules = append(rules, join(mark(closedMark)))
	}
	if x.shares() {
		used := x.used(external, 1)
		rules = append(rules, used[:2]...)
		grace := join(update(x.set("map"), 4, 1, x.grace()), update("reverse", 0, 3, x.grace()))
		rules = append(rules, join(found, in(x.set("maybe"), 1), grace, accept()))
	}
	if x.permitsTogether() {
		rules = append(rules, x.forbid(f)...)
	}
	rules = append(rules, join(found, update(x.set("map"), 4, 1, lasts), update("reverse", 0, 3, lasts)))
	name := x.named("session_ends", f)
	x.chain(name, append(rules, x.ownLasts(lasts)...)...)
	return name
}

// over is met by sessions that had been established.
func (x protocol) over() []expr.Any {
	if x.number == unix.IPPROTO_UDP {
		return status(seenReply)
	}
	return status(assured)
}

// named names a chain after what ends the session.
func (x protocol) named(name string, f flow) string {
	if f == errorInbound {
		return x.set(name) + "_by_error"
	}
	return x.set(name)
}
