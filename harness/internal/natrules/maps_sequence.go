package natrules

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/punchlab/punchlab/natprofiles"
)

// Sequence numbers are rewritten by flipping their highest bit, which is adding
// 2³¹ modulo 2³²: the one addition that a rule can do. Conntrack sees the inside
// numbers in both directions.

// highest flips the highest bit of a sequence number.
var highest = []byte{0x80, 0, 0, 0}

// Fields of TCP (RFC 9293 section 3.1) and of a quoted TCP header.
var (
	sequenceNumber        = place{"tcp sequence", expr.PayloadBaseTransportHeader, 4, 4}
	acknowledgementNumber = place{"tcp ackseq", expr.PayloadBaseTransportHeader, 8, 4}
	innerSequenceNumber   = place{"inner sequence", expr.PayloadBaseTransportHeader, 32, 4}
)

const (
	// afterTranslation is after everything else that touches a packet.
	afterTranslation = 300
	// beforeRaw is before anything looks at it.
	beforeRaw = rawPriority - 10
)

// rewriteSequences changes the numbers of packets that leave.
func (r *router) rewriteSequences() {
	if r.p.TCP.Sequence != natprofiles.SequenceRewritten {
		return
	}
	r.base("sequence", nftables.ChainHookPostrouting, afterTranslation,
		join(leavesBy(r.at.WAN), hasZone(), isTCP(), flipped(sequenceNumber, tcpChecksum)))
}

// rewriteAcknowledgements changes the numbers of packets that come in back to
// what the inside host knows: what is acknowledged, the edges of up to four
// selective acknowledgements (RFC 2018 section 3), and what an ICMP error
// quotes. A block that is missing ends its rule.
func (r *router) rewriteAcknowledgements() {
	if r.p.TCP.Sequence != natprofiles.SequenceRewritten {
		return
	}
	wan := join(comesFrom(r.at.WAN), r.toExternal())
	rules := []Rule{join(wan, isTCP(), flagged(flagACK, flagACK), flipped(acknowledgementNumber, tcpChecksum))}
	for block := range uint32(4) {
		for edge := range uint32(2) {
			rules = append(rules, join(wan, isTCP(), flippedEdge(2+8*block+4*edge)))
		}
	}
	rules = append(rules, join(wan, isICMP(), r.aboutTCP(), flipped(innerSequenceNumber, icmpChecksum)))
	r.base("acknowledgement", nftables.ChainHookPrerouting, beforeRaw, rules...)
}

// asItCame gives a packet that is to be answered the acknowledgement number back
// that it came with, which its answer repeats (RFC 9293 section 3.10.7.1).
func (r *router) asItCame(which []expr.Any) []Rule {
	if r.p.TCP.Sequence != natprofiles.SequenceRewritten {
		return nil
	}
	return []Rule{join(which, isTCP(), flagged(flagACK, flagACK), flipped(acknowledgementNumber, tcpChecksum))}
}

// aboutTCP is met by ICMP errors about TCP.
func (r *router) aboutTCP() []expr.Any {
	return join(load(icmpType, 0), in("icmp_errors", 0), load(innerProtocol, 0), equal(0, []byte{6}))
}

func flipped(p place, checksum uint32) []expr.Any {
	return join(load(p, 0), xor(0, highest), rewrite(p, 0, checksum, 0))
}

// sackOption is the kind of TCP's option of selective acknowledgements (RFC
// 2018 section 3).
const sackOption = 5

func flippedEdge(offset uint32) []expr.Any {
	sack := expr.Exthdr{Type: sackOption, Offset: offset, Len: 4, Op: expr.ExthdrOpTcpopt}
	read, write := sack, sack
	read.DestRegister, write.SourceRegister = register(0), register(0)
	return join([]expr.Any{&read}, xor(0, highest), []expr.Any{&write})
}
