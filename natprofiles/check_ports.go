package natprofiles

import (
	"strconv"
	"strings"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// maxRanges is how many pieces a range may have. Each is a rule of the NAT; MAP-E
// with its default offset of six bits has 63 (RFC 7597 section 5.1).
const maxRanges = 64

// checkPorts applies the rules about how external ports are given out.
func checkPorts(s side) {
	if !s.sound("ports", "ports.allocation") {
		return
	}
	if at := s.at("ports", "on-conflict"); at.Given() && s.Ports.Allocation != Preserve {
		at.Errorf("on-conflict: only for allocation: preserve; leave it out, as no other allocation asks for a port that may be taken")
	}
	whole := checkRange(s)
	checkBlock(s, whole)
	if s.sound("ports.on-conflict", "ports.block", "ports.block.inside") {
		checkStep(s, whole)
	}
	if whole && s.Ports.Parity {
		checkParity(s)
	}
}

// checkRange says whether the range is one that other rules can build on.
func checkRange(s side) bool {
	whole := s.sound("ports.range")
	if at := s.at("ports", "range"); at.IsEmpty() && at.IsList() {
		at.Errorf("range: empty; want lo-hi such as 1024-65535, or a list of such ranges")
		return false
	}
	if n := len(s.Ports.Range); n > maxRanges {
		s.at("ports", "range").Errorf("range: %d ranges; want at most %d", n, maxRanges)
		return false
	}
	for i, one := range s.Ports.Range {
		at := s.at("ports", "range", strconv.Itoa(i))
		if at.Given() && !at.Sound() {
			whole = false
			continue
		}
		for _, other := range s.Ports.Range[:i] {
			if one.Lo <= other.Hi && other.Lo <= one.Hi && other != (Interval{}) {
				at.Errorf("range: %s overlaps %s; write them apart, or as one", one, other)
				whole = false
			}
		}
	}
	return whole
}

// checkStep applies the rules about counting.
func checkStep(s side, whole bool) {
	at := s.at("ports", "step")
	if !at.Given() || !at.Sound() {
		return
	}
	step := s.Ports.Step
	switch {
	case !s.Ports.sequential():
		at.Errorf("step: nothing is counted here; leave it out, or write allocation: sequential or on-conflict: sequential")
	case at.Is("0"):
		at.Errorf("step: 0 would give one port again and again; want another whole number, such as 1 or -1")
	case s.Ports.Allocation == Block && step != 1:
		at.Errorf("step: the ports of a block are counted one by one; leave it out")
	case whole && (step >= s.Ports.count() || -step >= s.Ports.count()):
		at.Errorf("step: %d leaps over the whole range, which has %d ports; write a shorter step or a wider range", step, s.Ports.count())
	}
}

// count is how many ports may be given out.
func (p Ports) count() int {
	n := 0
	for _, interval := range p.Range {
		n += interval.ports()
	}
	return n
}

// checkBlock applies the rules about the block of an inside host.
func checkBlock(s side, whole bool) {
	at := s.at("ports", "block")
	if s.Ports.Allocation != Block {
		if at.Given() {
			at.Errorf("block: only for allocation: block; leave it out, or write allocation: block")
		}
		return
	}
	at.Require("{size: N}, the number of ports that an inside host gets")
	if r := s.at("ports", "range"); len(s.Ports.Range) > 1 {
		r.Errorf("range: %s contradicts allocation: block, which divides one range; write lo-hi", s.Ports.rangeText())
	}
	if !s.sound("ports.block") || !at.Given() {
		return
	}
	size := s.at("ports", "block", "size")
	size.Require("the number of ports that an inside host gets")
	if !size.Given() || !size.Sound() {
		return
	}
	switch n := s.Ports.Block.Size; {
	case n < 1:
		size.Errorf("size: %d is not a number of ports; want 1 or more", n)
	case whole && n > s.Ports.count():
		size.Errorf("size: a block of %d ports is larger than the range %s, which has %d; write a smaller block or a wider range",
			n, s.Ports.rangeText(), s.Ports.count())
	}
}

// rangeText writes the range as a file does.
func (p Ports) rangeText() string {
	var texts []string
	for _, interval := range p.Range {
		texts = append(texts, interval.String())
	}
	if len(texts) == 1 {
		return texts[0]
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// checkParity sees to it that there is a port of either parity wherever one may
// be asked for: ports come in pairs, an even one and the odd one above it (RFC
// 4787 section 4.2.2), in the range and in each block.
func checkParity(s side) {
	for i, interval := range s.Ports.Range {
		if interval.Lo%2 == 0 && interval.Hi%2 == 1 {
			continue
		}
		at := s.at("ports", "range")
		if at.IsList() {
			at = s.at("ports", "range", strconv.Itoa(i))
		}
		at.Errorf("range: %s contradicts parity: true, which needs pairs of ports; begin with an even port and end with an odd one", interval)
	}
	if s.Ports.Allocation == Block {
		checkParityOfBlock(s)
		return
	}
	if at := s.at("ports", "step"); s.Ports.sequential() && s.Ports.Step != 1 && at.Given() {
		at.Errorf("step: %d contradicts parity: true, which counts even and odd ports apart, each by two; leave it out", s.Ports.Step)
	}
	if s.Ports.sequential() && len(s.Ports.Range) > 1 {
		s.at("ports", "range").Errorf("range: %s contradicts parity: true where ports are counted, which needs one range; write lo-hi", s.Ports.rangeText())
	}
}

func checkParityOfBlock(s side) {
	size := s.at("ports", "block", "size")
	if size.Given() && size.Sound() && s.Ports.Block.Size%2 != 0 {
		size.Errorf("size: %d contradicts parity: true, which needs pairs of ports; write an even size", s.Ports.Block.Size)
	}
	if s.Ports.Block.Inside == Sequential {
		s.at("ports", "block", "inside").Errorf("inside: sequential contradicts parity: true, which draws a port of the right parity; write random")
	}
}

// checkPooling keeps a block to one address.
func checkPooling(s side, a Addresses) {
	at := s.doc.At("addresses", "pooling")
	if s.sound("ports.allocation") && s.Ports.Allocation == Block && a.Pooling == Arbitrary && at.Sound() {
		at.Errorf("pooling: arbitrary contradicts allocation: block, since a block belongs to one address; write paired")
	}
}

// checkBlocks keeps to one block per inside host for both protocols.
func checkBlocks(doc *strictyaml.Document, p Profile, sides []side) {
	for _, s := range sides {
		if !s.sound("ports", "ports.allocation", "ports.range", "ports.block", "ports.block.size") || s.Ports.Allocation != Block {
			return
		}
	}
	tcp, udp := p.TCP.Ports, p.UDP.Ports
	if tcp.Block.Size == udp.Block.Size && tcp.rangeText() == udp.rangeText() {
		return
	}
	at := doc.At("udp", "ports")
	if !at.Given() {
		at = doc.At("tcp", "ports")
	}
	at.Errorf("ports: an inside host has one block for TCP and UDP, and here they differ (%d of %s and %d of %s); write the same size and range",
		tcp.Block.Size, tcp.rangeText(), udp.Block.Size, udp.rangeText())
}
