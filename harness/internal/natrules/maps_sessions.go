package natrules

import (
	"time"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/natprofiles"
)

// A mapping that several sessions share must not end with one of them. Rules
// cannot count, so the first established session of an external endpoint holds
// it (holder), and that there is another one is remembered apart (others). When
// the holder ends, others keep the mapping; when another ends, the holder does.
// That is exact for two sessions. Of three, one that ends may have been all
// others, or not: maybe remembers that for as long as a closing session lasts.
// Until then nothing ends that a third one may need, and one that is heard of is
// among the others again. So a mapping may last that much longer than it had to,
// as does one of which the last session was not the first.
//
// est are the endpoints that have a holder. Both it and others end as long before
// the mapping as a session lasts that is not established, which may then refresh
// the mapping without shortening it.

// sessionKey loads an outbound session's endpoints, the external and the remote
// one, into the registers from 10 on, where the key of map is in those from 0 on;
// of all others the packet has them.
func (x protocol) sessionKey(f flow) []expr.Any {
	if f == outbound {
		return join(get(x.set("map"), 0, 10), loads(12, f.remote, f.remotePort))
	}
	return loads(10, f.local, f.localPort, f.remote, f.remotePort)
}

// wholeKey is the same where nothing is loaded yet.
func (x protocol) wholeKey(f flow) []expr.Any {
	if f == outbound {
		return join(x.key(f, 0), x.sessionKey(f))
	}
	return x.sessionKey(f)
}

// established refreshes what a packet of an established session uses: most are
// the holder's. found loads the registers that mapping needs, and n is where the
// external endpoint is.
func (x protocol) established(c class, f flow, found, mapping []expr.Any, n int) []Rule {
	holder, est, others := x.set("holder"), x.set("est"), x.set("others")
	permission := x.permission(f, n, update, c.lasts)
	return []Rule{
		join(found, x.sessionKey(f), in(holder, 10), mapping,
			update(est, 10, none, x.guarded()), update(holder, 10, none, c.lasts), permission, accept()),
		join(found, notIn(est, n), x.sessionKey(f), mapping,
			add(est, 10, none, x.guarded()), add(holder, 10, none, c.lasts), permission, accept()),
		join(found, mapping, update(others, n, none, x.guarded()), permission),
	}
}

// strangers does the same for sessions of strangers, which have no mapping of
// their own to refresh.
func (x protocol) strangers(f flow) []Rule {
	holder, est, others := x.set("holder"), x.set("est"), x.set("others")
	return []Rule{
		join(x.wholeKey(f), in(holder, 10), update(est, 10, none, x.guarded()), update(holder, 10, none, x.lastingFor()), accept()),
		join(x.wholeKey(f), notIn(est, 10), add(est, 10, none, x.guarded()), add(holder, 10, none, x.lastingFor()), accept()),
		join(x.wholeKey(f), update(others, 10, none, x.guarded())),
	}
}

// leaves adds the chain by which a session that ends stops keeping the mapping.
func (x protocol) leaves(name string, f flow) string {
	x.chain(name,
		join(x.wholeKey(f), in(x.set("holder"), 10), remove(x.set("holder"), 10, none), remove(x.set("est"), 10, none), back()),
		join(x.wholeKey(f), in(x.set("others"), 10), add(x.set("maybe"), 10, none, x.grace()), remove(x.set("others"), 10, none)))
	return name
}

// grace is how long sessions that may be there are waited for.
func (x protocol) grace() time.Duration {
	if x.number == unix.IPPROTO_UDP {
		return x.opening()
	}
	return time.Duration(x.Timeouts.Closing)
}

// unused ends the rule where an established session uses the external endpoint
// in register n.
func (x protocol) unused(n int) []expr.Any {
	return join(notIn(x.set("est"), n), notIn(x.set("others"), n))
}

// used accepts the packet where one does, or may.
func (x protocol) used(external []expr.Any, n int) []Rule {
	return []Rule{
		join(external, in(x.set("est"), n), accept()),
		join(external, in(x.set("others"), n), accept()),
		join(external, in(x.set("maybe"), n), accept()),
	}
}

// refresh puts the parts together: found loads the registers that mapping
// needs, and n is where the external endpoint is. Sessions with several ports
// of one remote address share a permission where filtering looks at addresses
// alone, so that it is not shortened either.
//
// What has ended may leave others behind that have not been heard of: they have
// their grace.
func (x protocol) refresh(c class, f flow, found []expr.Any, lasting func(time.Duration) []expr.Any, n int) []Rule {
	permission, mapping := x.permission(f, n, update, c.lasts), lasting(c.lasts)
	switch {
	case !x.shares():
		return []Rule{join(found, mapping, permission)}
	case c.established:
		return x.established(c, f, found, mapping, n)
	}
	var rules []Rule
	if c.lasts < x.grace() && c.ended {
		rules = append(rules, join(found, x.unused(n), in(x.set("maybe"), n), lasting(x.grace()), accept()))
	}
	switch {
	case !x.filters():
		return append(rules, join(found, x.unused(n), mapping))
	case x.Filtering == natprofiles.AddressDependent:
		return append(rules, join(found, x.unused(n), mapping, permission, accept()), join(found, x.permission(f, n, add, c.lasts)))
	}
	return append(rules, join(found, x.unused(n), mapping, permission, accept()), join(found, permission))
}

// finishing marks an established connection that a packet with one of the flags
// ends, and lets it no longer keep its mapping.
func (x protocol) finishing(direction string, f flow, flags ...byte) Rule {
	var watched byte
	var rules []Rule
	if x.shares() {
		rules = append(rules, join(marked(0), jump(x.leaves("tcp_leaves_"+direction, f))))
	}
	for _, flag := range flags { // a RST is the last word
		watched |= flag
		if flag == flagFIN {
			rules = append(rules, join(flagged(flag, flag), marked(0), mark(closingMark)))
			continue
		}
		rules = append(rules, join(flagged(flag, flag), mark(closedMark)))
	}
	name := "tcp_finish_" + direction
	x.chain(name, rules...)
	return join(notFlagged(watched, 0), status(assured), jump(name))
}
