package natrules

import (
	"encoding/binary"
	"fmt"
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
	x.once("host_number", func() {
		x.assign("host_number", typeNumber, servedHosts, count(servedHosts, 0, 1))
		for i := range servedHosts {
			x.dynamic(Set{Name: own(i), Size: x.p.Limits.PerHost,
				Key: []nftables.SetDatatype{typeProtocol, typePort, typeAddress, typePort}})
		}
	})
	key := join(x.protocolNumber(0), load(sourcePort, 1))
	if width(x.Mapping) == 0 {
		key = join(key, constant(make([]byte, 4), 2), constant(make([]byte, 2), 3))
	} else {
		key = join(key, x.remotePart(outbound, 2))
	}
	yes, no := binary.NativeEndian.AppendUint32(nil, 1), make([]byte, 4)
	chains := make([]string, servedHosts)
	for i := range chains {
		chains[i] = fmt.Sprintf("%s_%d", x.set("more"), i)
		x.chain(chains[i], join(key, add(own(i), 0, none, x.opening()), constant(yes, 0), note(0)))
	}
	x.jumps(x.set("more_of"), chains)
	x.chain(x.set("refuse"), x.refusal())
	return []Rule{
		join(jump("assign_host_number")),
		join(constant(no, 0), note(0)),
		join(load(sourceAddress, 0), get("host_number", 0, 1), branch(x.set("more_of"), 1)),
		join(noted(0), equal(0, no), goTo(x.set("refuse"))),
	}
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
	if x.p.Limits.PerHost == 0 {
		return nil
	}
	name := fmt.Sprintf("%s_%s", x.set("own"), lasts)
	return x.forOwn(name, func(i int) []expr.Any { return update(own(i), 0, none, lasts) })
}

func (x protocol) ownEnds() []Rule {
	if x.p.Limits.PerHost == 0 {
		return nil
	}
	return x.forOwn(x.set("own_ends"), func(i int) []expr.Any { return remove(own(i), 0, none) })
}

func (x protocol) forOwn(name string, change func(host int) []expr.Any) []Rule {
	x.once(name, func() {
		key := join(x.protocolNumber(0), original(expr.CtKeyPROTOSRC, 1))
		switch width(x.Mapping) {
		case 0:
			key = join(key, constant(make([]byte, 4), 2), constant(make([]byte, 2), 3))
		case 1:
			key = join(key, original(expr.CtKeyDST, 2), constant(make([]byte, 2), 3))
		default:
			key = join(key, original(expr.CtKeyDST, 2), original(expr.CtKeyPROTODST, 3))
		}
		chains := make([]string, servedHosts)
		for i := range chains {
			chains[i] = fmt.Sprintf("%s_%d", name, i)
			x.chain(chains[i], join(key, change(i)))
		}
		x.jumps(name, chains)
	})
	return []Rule{join(original(expr.CtKeySRC, 0), get("host_number", 0, 1), branch(name, 1))}
}

// original loads a part of the connection's tuple in its original direction.
func original(key expr.CtKey, n int) []expr.Any {
	return []expr.Any{&expr.Ct{Key: key, Register: register(n), Direction: originalDirection}}
}
