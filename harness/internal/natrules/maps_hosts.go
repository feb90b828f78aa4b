package natrules

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/punchlab/punchlab/natprofiles"
)

// What an inside host gets when it makes its first mapping: an external address
// of its own, a block of ports, a number by which its own set is found.

// prepareHost gives an inside host what its profile wants it to have.
func (x protocol) prepareHost() []Rule {
	var rules []Rule
	if len(x.at.External) > 1 {
		x.once("pool", func() {
			var all [][]byte
			for _, a := range x.at.External {
				all = append(all, a.AsSlice())
			}
			x.numbered("pool", typeAddress, all...)
		})
		if x.p.Addresses.Pooling == natprofiles.Paired {
			n := uint32(len(x.at.External))
			x.assign("pair", typeAddress, 0, join(count(n, 0, 1), get("pool", 1, 1)))
			rules = append(rules, join(jump("assign_pair")))
		}
	}
	if x.Ports.Allocation == natprofiles.Block {
		x.assign("host_block", typeNumber, x.hosts(), count(uint32(x.hosts()), 0, 1))
		rules = append(rules, join(jump("assign_host_block")))
	}
	return rules
}

// once does what both protocols need but once.
func (r *router) once(set string, define func()) {
	for _, s := range r.Sets {
		if s.Name == set {
			return
		}
	}
	define()
}

// servedHosts is how many inside hosts a NAT serves that has something for each:
// a block is a chain, since rules cannot add numbers, and a limit is a set with a
// rule for each timeout.
const servedHosts = 16

// assign adds a map from inside hosts to what they keep for good, and the chain
// that gives it to a host that has none: value puts it into register 1. Where
// the map has no place for another host, it gets none. Of two first packets of a
// host at the same time one counts in vain.
func (r *router) assign(set string, of nftables.SetDatatype, size int, value []expr.Any) {
	r.once(set, func() {
		r.lasting(Set{Name: set, Size: size, Key: []nftables.SetDatatype{typeAddress}, Data: []nftables.SetDatatype{of}})
		r.chain("assign_"+set,
			join(load(sourceAddress, 0), get(set, 0, 1), back()),
			join(value, load(sourceAddress, 0), add(set, 0, 1, 0)))
	})
}

// hostMayHaveMore counts a new mapping of the inside host in the host's own set,
// whose size is the limit, and refuses where that is full. Elements live as long
// as the mappings do, by the same rules.
func (x protocol) hostMayHaveMore() []Rule {
	x.assign("host_number", typeNumber, servedHosts, count(servedHosts, 0, 1))
	key := join(x.protocolNumber(0), load(sourcePort, 1))
	if width(x.Mapping) == 0 {
		key = join(key, constant(make([]byte, 4), 2), constant(make([]byte, 2), 3))
	} else {
		key = join(key, x.remotePart(outbound, 2))
	}
	more := x.event(x.set("more"), key, func(host int) []expr.Any {
		return join(add(own(host), 0, none, x.opening()), constant(number(counted), 0), note(0))
	})
	x.chain(x.set("refuse"), x.refusal())
	return []Rule{
		join(jump("assign_host_number")),
		join(more, load(sourceAddress, 0), get("host_number", 0, 1), branch("event_of", 1)),
		join(noted(0), []expr.Any{&expr.Cmp{Op: expr.CmpOpNeq, Register: register(0), Data: number(counted)}}, goTo(x.set("refuse"))),
	}
}

// event is something that happens to the set of an inside host: the mark that
// tells which, and what to do with the set. Each host has one chain for all
// events, since a chain costs as much as a rule.
type event struct {
	name   string
	key    []expr.Any
	change func(host int) []expr.Any
}

const (
	// counted is the mark of a mapping that its host may have.
	counted = 1
	// firstEvent is the mark of the first event.
	firstEvent = 2
)

func number(n int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }

// event adds an event, unless there is one of that name, and marks the packet
// with it.
func (r *router) event(name string, key []expr.Any, change func(host int) []expr.Any) []expr.Any {
	i := slices.IndexFunc(r.events, func(e event) bool { return e.name == name })
	if i < 0 {
		i = len(r.events)
		r.events = append(r.events, event{name, key, change})
	}
	return join(constant(number(firstEvent+i), 0), note(0))
}

// hostSets adds the sets of inside hosts and the chains in which events change
// them, when all events are known.
func (r *router) hostSets() {
	if len(r.events) == 0 {
		return
	}
	chains := make([]string, servedHosts)
	for host := range chains {
		r.dynamic(Set{Name: own(host), Size: r.p.Limits.PerHost,
			Key: []nftables.SetDatatype{typeProtocol, typePort, typeAddress, typePort}})
		var rules []Rule
		for i, e := range r.events {
			rules = append(rules, join(noted(0), equal(0, number(firstEvent+i)), e.key, e.change(host)))
		}
		chains[host] = fmt.Sprintf("events_%d", host)
		r.chain(chains[host], rules...)
	}
	r.jumps("event_of", chains)
}

func own(host int) string { return fmt.Sprintf("own_%d", host) }

// remotePart loads what of the remote endpoint a mapping depends on, and zeros
// for what it does not.
func (x protocol) remotePart(f flow, n int) []expr.Any {
	if width(x.Mapping) == 1 {
		return join(load(f.remote, n), constant(make([]byte, 2), n+1))
	}
	return loads(n, f.remote, f.remotePort)
}

// ownLasts is the rule that lets the mapping count against its host for as long
// again, and ownEnds the one that it counts no more. Both find the inside host
// and the mapping in conntrack's original direction, whichever way the packet
// goes: nobody but an inside host makes a mapping.
func (x protocol) ownLasts(lasts time.Duration) []Rule {
	return x.forOwn(x.set("lasts_"+lasts.String()), func(host int) []expr.Any { return update(own(host), 0, none, lasts) })
}

func (x protocol) ownEnds() []Rule {
	return x.forOwn(x.set("ends"), func(host int) []expr.Any { return remove(own(host), 0, none) })
}

func (x protocol) forOwn(name string, change func(host int) []expr.Any) []Rule {
	if x.p.Limits.PerHost == 0 {
		return nil
	}
	key := join(x.protocolNumber(0), original(expr.CtKeyPROTOSRC, 1))
	switch width(x.Mapping) {
	case 0:
		key = join(key, constant(make([]byte, 4), 2), constant(make([]byte, 2), 3))
	case 1:
		key = join(key, original(expr.CtKeyDST, 2), constant(make([]byte, 2), 3))
	default:
		key = join(key, original(expr.CtKeyDST, 2), original(expr.CtKeyPROTODST, 3))
	}
	return []Rule{join(x.event(name, key, change), original(expr.CtKeySRC, 0), get("host_number", 0, 1), branch("event_of", 1))}
}

// original loads a part of the connection's tuple in its original direction.
func original(key expr.CtKey, n int) []expr.Any {
	return []expr.Any{&expr.Ct{Key: key, Register: register(n), Direction: originalDirection}}
}
