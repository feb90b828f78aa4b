package natrules

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/punchlab/punchlab/natprofiles"
)

// A mapping is claimed without a race: every try puts (port → me) into the map
// of owners, where an entry that is there stays as it is, and then looks up who
// the owner is. All packets that try for a port at the same time are told the
// same owner. Who I am is my inside endpoint with the zone drawn for this
// packet, so that a claim owns nothing of an earlier one; older kernels cannot
// compare two registers, so ident holds (me, me), and finding (owner, me) there
// says that they are equal.
//
// Registers of a claim, which is one rule since registers are not kept between
// rules:
//
//	0 protocol, 1 external address, 2 port      key of reverse
//	3 zone, 4 inside address, 5 port            its data; 1 to 3 are the data of map
//	6 to 8 the owner, 9 to 11 me                key of ident
//	12 to 15                                    key of map
//
// A claim that succeeds accepts the packet, which ends the chain raw; one that
// does not falls through to the next try.

// zones is how many zones there are beside 0.
const zones = 65535

// allocation adds the chain that makes a mapping, tcp_new.
func (x protocol) allocation() {
	rules := x.prepareHost()
	if x.p.Limits.PerHost > 0 {
		rules = append(rules, x.hostMayHaveMore()...)
	}
	rules = append(rules, join(count(zones, 1, 0), note(0), loads(1, sourceAddress, sourcePort),
		noted(3), loads(4, sourceAddress, sourcePort), add("ident", 0, none, identLasts)))
	if !x.p.Translate {
		rules = append(rules, x.claim(load(sourcePort, 2)))
		x.chain(x.set("new"), rules...)
		return
	}
	how := x.Ports.Allocation
	if how == natprofiles.Preserve {
		for _, i := range x.Ports.Range {
			rules = append(rules, x.claim(join(load(sourcePort, 2), between(2, i))))
		}
		how = x.Ports.OnConflict
	}
	if how != natprofiles.Fail {
		rules = append(rules, x.search(how)...)
	}
	x.chain(x.set("new"), rules...)
}

// between ends the rule unless the port in register n is in the interval.
func between(n int, i natprofiles.Interval) []expr.Any {
	return []expr.Any{
		&expr.Cmp{Op: expr.CmpOpGte, Register: register(n), Data: binary.BigEndian.AppendUint16(nil, i.Lo)},
		&expr.Cmp{Op: expr.CmpOpLte, Register: register(n), Data: binary.BigEndian.AppendUint16(nil, i.Hi)},
	}
}

// claim tries for one port, which candidate puts into register 2.
func (x protocol) claim(candidate []expr.Any) Rule {
	rule := join(candidate, x.protocolNumber(0), x.external(1),
		noted(3), loads(4, sourceAddress, sourcePort),
		add("reverse", 0, 3, x.opening()), get("reverse", 0, 6),
		noted(9), loads(10, sourceAddress, sourcePort), in("ident", 6),
		x.key(outbound, 12), add(x.set("map"), 12, 1, x.opening()),
		get(x.set("map"), 12, 4))
	return join(rule, inZone(6), accept())
}

// external puts the external address of a new mapping into register n.
func (x protocol) external(n int) []expr.Any {
	switch {
	case !x.p.Translate:
		return load(sourceAddress, n)
	case len(x.at.External) == 1:
		return address(x.at.External[0], n)
	case x.p.Addresses.Pooling == natprofiles.Paired:
		return join(load(sourceAddress, n), get("pair", n, n))
	default:
		return join(draw(uint32(len(x.at.External)), 0, n), get("pool", n, n))
	}
}

// The tries for a port are a tree of chains, each of which jumps up to sixteen
// times to the one below.
const (
	branches  = 16
	fewTries  = branches * branches
	manyTries = fewTries * branches
)

// search are the rules that find a port, unless none was found a moment ago. Where
// parity is kept there may be one of the other kind, so that all is gone through.
func (x protocol) search(how natprofiles.Allocation) []Rule {
	if x.Ports.Parity {
		return x.allTries(how)
	}
	rules := append([]Rule{x.isExhausted()}, x.allTries(how)...)
	return append(rules, x.wasExhausted())
}

// allTries adds the chains that try for port after port and gives the jumps to
// them. Every try costs time, so that in a large range a NAT gives up that is close
// to full. At a fill of f, n random tries miss with probability fⁿ: a smaller range is
// gone through in order after them, so that its last port is found.
func (x protocol) allTries(how natprofiles.Allocation) []Rule {
	n := ports(x.Ports.Range)
	inside := how
	if how == natprofiles.Block {
		n, inside = x.Ports.Block.Size, x.Ports.Block.Inside
	}
	switch {
	case inside == natprofiles.Sequential && n > fewTries:
		return []Rule{x.tries("try", manyTries, how, nil)}
	case inside == natprofiles.Sequential:
		return []Rule{x.tries("try", fewTries, how, nil)}
	case n > 2*manyTries:
		return []Rule{x.tries("try", fewTries, how, draw)}
	}
	return []Rule{
		x.tries("try", fewTries, how, draw),
		x.tries("sweep", n, how, count),
	}
}

// tries adds chains that make at least n tries and gives the jump to the first.
func (x protocol) tries(name string, n int, how natprofiles.Allocation, from numbering) Rule {
	below := x.set(name)
	x.chain(below, x.candidates(below, how, from)...)
	for times := 1; times < n; {
		rules := make([]Rule, min(branches, (n+times-1)/times))
		for i := range rules {
			rules[i] = join(jump(below))
		}
		times *= len(rules)
		below = fmt.Sprintf("%s_%d", x.set(name), times)
		x.chain(below, rules...)
	}
	return join(jump(below))
}

// exhaustedFor is how long a search is not repeated that has found no port for an
// inside host: a fiftieth of what the shortest timers take to free one, which
// are whole seconds. Each costs hundreds of tries, or thousands, and whoever fills a
// block sends many packets more within milliseconds: 320 trials between homes behind a
// carrier took 112 s of processor time without this, and 45 s with it.
const exhaustedFor = 20 * time.Millisecond

// isExhausted ends the search before it begins.
func (x protocol) isExhausted() Rule {
	x.dynamic(Set{Name: x.set("full"), Timeout: exhaustedFor, Key: []nftables.SetDatatype{typeAddress}})
	return join(load(sourceAddress, 0), in(x.set("full"), 0), back())
}

// wasExhausted is reached when all tries have failed.
func (x protocol) wasExhausted() Rule {
	return join(load(sourceAddress, 0), add(x.set("full"), 0, none, exhaustedFor))
}

// ports is how many there are in the intervals.
func ports(intervals []natprofiles.Interval) int {
	n := 0
	for _, i := range intervals {
		n += int(i.Hi) - int(i.Lo) + 1
	}
	return n
}

// numbering puts one of modulus numbers, from offset on, into register n: draw or count.
type numbering func(modulus, offset uint32, n int) []expr.Any

// candidates are the rules of one try, a chain of that name. Those of a random allocation take their ports
// from numbers.
func (x protocol) candidates(chain string, how natprofiles.Allocation, from numbering) []Rule {
	switch {
	case how == natprofiles.Block:
		return x.blocks(chain, from)
	case x.Ports.Parity:
		return x.alike(how, from)
	case how == natprofiles.Random:
		return []Rule{x.claim(x.port(x.Ports.Range, from))}
	default:
		return x.sequence(x.Ports.Range, x.Ports.Step, nil)
	}
}
