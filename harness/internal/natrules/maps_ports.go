package natrules

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/punchlab/punchlab/natprofiles"
)

// port puts a port of the intervals into register 2.
func (x protocol) port(intervals []natprofiles.Interval, from numbering) []expr.Any {
	if len(intervals) == 1 {
		return join(from(uint32(ports(intervals)), uint32(intervals[0].Lo), 2), asPort())
	}
	return join(from(uint32(ports(intervals)), 0, 2), get(x.listed(intervals), 2, 2))
}

// sequence gives the next port to the next mapping that meets the condition.
// Steps up and down by one are a counter; others count several times, on the
// way to the port that they use.
func (x protocol) sequence(intervals []natprofiles.Interval, step int, condition []expr.Any) []Rule {
	n := uint32(ports(intervals))
	if len(intervals) > 1 {
		return x.sequenceListed(intervals, step, condition)
	}
	lo, hi := uint32(intervals[0].Lo), uint32(intervals[0].Hi)
	port := join(count(n, lo, 2), asPort())
	if step < 0 {
		port = join(count(n, 65535-hi, 2), asPort(), xor(2, []byte{0xff, 0xff}))
	}
	if step == 1 || step == -1 {
		return []Rule{x.claim(join(condition, port))}
	}
	return x.strides(lo, hi, step, condition)
}

// strides takes several steps of a counter for one port: the rule that counts is
// jumped to that often and leaves its last number where the claim finds it. The
// counter goes over so many numbers that each of them comes sooner or later,
// which is a few more than there are ports where the step divides these; those
// few are no ports, and the next try takes the next step.
func (x protocol) strides(lo, hi uint32, step int, condition []expr.Any) []Rule {
	n := hi - lo + 1
	for gcd(n, uint32(abs(step))) != 1 {
		n++
	}
	return x.stride(lo, hi, n, step, condition)
}

// stride counts over n numbers, from lo upwards or, with a negative step, from hi
// downwards, which is upwards with all bits of the port flipped. The counter
// starts so far below the first port that the first number that is used is it;
// the numbers below stand for ports at the other end. A number has more bits than
// a port where it would be negative otherwise.
func (x protocol) stride(lo, hi, n uint32, step int, condition []expr.Any) []Rule {
	first, last, ahead, flip := lo, hi, uint32(abs(step)-1), []expr.Any(nil)
	if step < 0 {
		first, last, flip = 65535-hi, 65535-lo, xor(2, []byte{0xff, 0xff})
	}
	begin := 1<<16 + first - ahead
	name := fmt.Sprintf("%s_%d", x.set("count"), first)
	x.chain(name, join(count(n, begin, 0), remember(0)))
	var rules []Rule
	for range abs(step) {
		rules = append(rules, join(condition, jump(name)))
	}
	used := natprofiles.Interval{Lo: uint16(first), Hi: uint16(last)}
	rules = append(rules, x.claim(join(condition, recall(2), asPort(), between(2, used), flip)))
	if wrapped := x.wrapped(name+"_wrapped", begin, n, 1<<16+first, 1<<16+last, step < 0); len(wrapped.Elements) > 0 {
		x.Sets = append(x.Sets, wrapped)
		rules = append(rules, x.claim(join(condition, recall(2), get(wrapped.Name, 2, 2))))
	}
	return rules
}

// wrapped is a constant map from the numbers below the first to the ports that
// they stand for.
func (x protocol) wrapped(name string, begin, n, first, last uint32, flipped bool) Set {
	s := Set{Name: name, Key: []nftables.SetDatatype{typeNumber}, Data: []nftables.SetDatatype{typePort}}
	for number := begin; number < first && number+n <= last; number++ {
		port := uint16(number + n)
		if flipped {
			port = ^port
		}
		s.Elements = append(s.Elements, Element{
			Key: binary.NativeEndian.AppendUint32(nil, number), Data: binary.BigEndian.AppendUint16(nil, port),
		})
	}
	return s
}

func abs(n int) int { return max(n, -n) }

func gcd(a, b uint32) uint32 {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// sequenceListed goes through several intervals by a list of their ports.
func (x protocol) sequenceListed(intervals []natprofiles.Interval, step int, condition []expr.Any) []Rule {
	n := uint32(ports(intervals))
	index := count(n, 0, 2)
	if step != 1 {
		return x.listedStrides(intervals, step, condition)
	}
	return []Rule{x.claim(join(condition, index, get(x.listed(intervals), 2, 2)))}
}

// listedStrides goes through the list in the order that the step makes.
func (x protocol) listedStrides(intervals []natprofiles.Interval, step int, condition []expr.Any) []Rule {
	all := list(intervals)
	n := len(all)
	var order [][]byte
	for first := range gcd(uint32(n), uint32(abs(step))) {
		for i := range n / int(gcd(uint32(n), uint32(abs(step)))) {
			at := (int(first) + i*abs(step)) % n
			if step < 0 {
				at = n - 1 - at
			}
			order = append(order, all[at])
		}
	}
	name := x.set("order")
	x.numbered(name, typePort, order...)
	return []Rule{x.claim(join(condition, count(uint32(n), 0, 2), get(name, 2, 2)))}
}

// listed is a constant map from 0, 1, 2 … to the ports of the intervals.
func (x protocol) listed(intervals []natprofiles.Interval) string {
	name := x.set("ports")
	x.once(name, func() { x.numbered(name, typePort, list(intervals)...) })
	return name
}

func list(intervals []natprofiles.Interval) [][]byte {
	var all [][]byte
	for _, i := range intervals {
		for p := int(i.Lo); p <= int(i.Hi); p++ {
			all = append(all, binary.BigEndian.AppendUint16(nil, uint16(p)))
		}
	}
	return all
}

// alike gives even inside ports even external ones, and odd ones odd ones. The
// ranges begin with an even port and end with an odd one.
func (x protocol) alike(how natprofiles.Allocation, from numbering) []Rule {
	var rules []Rule
	for _, odd := range []byte{0, 1} {
		condition := join(load(sourcePort, 0), lowBit(0, odd))
		switch {
		case how == natprofiles.Random:
			rules = append(rules, x.claim(join(condition, x.port(x.Ports.Range, from), setLowBit(2, odd))))
		default:
			i := x.Ports.Range[0]
			lo := uint32(i.Lo) + (uint32(i.Lo)+uint32(odd))%2
			n := uint32(i.Hi) - lo + 1
			rules = append(rules, x.stride(lo, uint32(i.Hi), n+n%2, 2, condition)...)
		}
	}
	return rules
}

// lowBit ends the rule unless the port in register n is odd, or even.
func lowBit(n int, odd byte) []expr.Any {
	return join(
		[]expr.Any{&expr.Bitwise{SourceRegister: register(n), DestRegister: register(n), Len: 2, Mask: []byte{0, 1}, Xor: []byte{0, 0}}},
		equal(n, []byte{0, odd}))
}

// setLowBit makes the port in register n odd, or even.
func setLowBit(n int, odd byte) []expr.Any {
	return []expr.Any{&expr.Bitwise{SourceRegister: register(n), DestRegister: register(n), Len: 2, Mask: []byte{0xff, 0xfe}, Xor: []byte{0, odd}}}
}

// hosts is how many inside hosts have a block.
func (x protocol) hosts() int {
	return min(servedHosts, ports(x.Ports.Range)/x.Ports.Block.Size)
}

// blocks tries for a port of the inside host's own block.
func (x protocol) blocks(chain string, from numbering) []Rule {
	chains := make([]string, x.hosts())
	for i := range chains {
		chains[i] = fmt.Sprintf("%s_block_%d", chain, i)
		lo := x.Ports.Range[0].Lo + uint16(i*x.Ports.Block.Size)
		block := []natprofiles.Interval{{Lo: lo, Hi: lo + uint16(x.Ports.Block.Size-1)}}
		if x.Ports.Block.Inside == natprofiles.Sequential {
			x.chain(chains[i], x.sequence(block, 1, nil)...)
			continue
		}
		x.chain(chains[i], x.portIn(block, from)...)
	}
	name := chain + "_block"
	x.jumps(name, chains)
	return []Rule{join(load(sourceAddress, 0), get("host_block", 0, 1), branch(name, 1))}
}

// portIn tries for a port of a block, alike where parity is kept.
func (x protocol) portIn(block []natprofiles.Interval, from numbering) []Rule {
	if !x.Ports.Parity {
		return []Rule{x.claim(x.port(block, from))}
	}
	var rules []Rule
	for _, odd := range []byte{0, 1} {
		rules = append(rules, x.claim(join(load(sourcePort, 0), lowBit(0, odd), x.port(block, from), setLowBit(2, odd))))
	}
	return rules
}

// jumps adds a verdict map from 0, 1, 2 … to the chains.
func (r *router) jumps(name string, chains []string) {
	s := Set{Name: name, Key: []nftables.SetDatatype{typeNumber}, Data: []nftables.SetDatatype{nftables.TypeVerdict}}
	for i, c := range chains {
		s.Elements = append(s.Elements, Element{
			Key:     binary.NativeEndian.AppendUint32(nil, uint32(i)),
			Verdict: &expr.Verdict{Kind: expr.VerdictJump, Chain: c},
		})
	}
	r.Sets = append(r.Sets, s)
}
