package story

import "slices"

// Cause is why a trial went as it did, in a word for machines.
//
// A trial makes many attempts, and all but one may fail in one that succeeds. The cause of a failure is what ended the
// attempt that came closest to a connection, since that is what to work on: what ended the others would have come to
// nothing anyway. So the causes exclude each other by an order, which is that of the constants below from the closest
// to the farthest: a connection that came up and was no use; a SYN that came to the host, answered or refused; a SYN
// that came to the right door, which did not open, opened too late, or was never reached; a door that is somewhere
// else; none at all, since the SYN that would have made it did not get out; none, since nobody asked.
//
// A SYN that a NAT drops in silence before its peer's own has left is no failure: it has opened the way for that one,
// which is then looked at in its stead. Nor is one whose TTL was to run out on the way. What peers send after one of
// them has given up counts only where there is nothing else.
//
// Three causes are outside of that order. Where nobody tried there are no attempts. And where the closest attempt's end
// is argued from something that was not seen, at a place where observation has lost packets, the cause is that.
type Cause string

// The causes.
const (
	// Connected: both peers have checked the other's proof.
	Connected Cause = "connected"

	// PeerAbsent: a peer was never introduced, or neither has tried.
	PeerAbsent Cause = "peer-absent"
	// NoWay: by their forecasts the engines had none, and sent nothing.
	NoWay Cause = "no-way"
	// ObservationLost: packets were lost by the capture where it matters.
	ObservationLost Cause = "observation-lost"

	// NotOne: a connection came up at one end or at both, and no single one carried both proofs.
	NotOne Cause = "not-one-connection"
	// AnswerRefused: a SYN came through and a NAT did not let its answer pass, mostly since connection tracking
	// remembers another sequence number than a listener answers with.
	AnswerRefused Cause = "answer-refused"
	// ResetByHost: a packet came through, and the host answered RST, or an ICMP error: the socket that it was meant for
	// was gone.
	ResetByHost Cause = "reset-by-host"
	// HoleRefused: a SYN came to a hole that was made for it and not seen to be closed, and was refused. The NAT takes
	// no SYN in answer to a SYN (RFC 5382, REQ-2), or its timer had run out.
	HoleRefused Cause = "hole-refused"
	// CrossedTooLate: a SYN reached the other NAT before that peer's own SYN had left it and was answered by a RST or an
	// ICMP error, which ends its socket and, in most NATs, the hole that it made.
	CrossedTooLate Cause = "crossed-too-late"
	// Lost: a link lost the packet that would have done it.
	Lost Cause = "lost"
	// TTLRanOut: it ran out where it should not: in the sender's own NATs, or that of a SYN with an ordinary one.
	TTLRanOut Cause = "ttl-ran-out"
	// OutOfTime: the packet that would have done it was still under way when watching ended, or came to a peer that had
	// given up.
	OutOfTime Cause = "out-of-time"
	// Remapped: a NAT gave a SYN another endpoint than the other peer had been told of.
	Remapped Cause = "remapped"
	// WrongPort: SYNs went to a port that was predicted or guessed, and is not the one that the NAT gave.
	WrongPort Cause = "wrong-port"
	// HairpinRefused: the NAT that both peers are behind did not turn a SYN round, or not so that TCP understands it.
	HairpinRefused Cause = "hairpin-refused"
	// PortsExhausted: a SYN came to the inside of a NAT and never left it: it got no mapping.
	PortsExhausted Cause = "ports-exhausted"
	// ResetByNAT, ICMPByNAT, Filtered: a SYN came to a NAT that nothing had left towards it, which answered RST, an ICMP
	// error, or nothing.
	ResetByNAT Cause = "reset-by-nat"
	ICMPByNAT  Cause = "icmp-by-nat"
	Filtered   Cause = "filtered"
	// Unknown: none of these fits what was seen.
	Unknown Cause = "unknown"
)

// sentences say what a cause means in general; a story has its own.
var sentences = []struct {
	cause Cause
	words string
}{
	{Connected, "both peers have checked the other's proof"},
	{PeerAbsent, "a peer was never introduced, or neither has tried"},
	{NoWay, "the engines had no way by their forecasts, and sent nothing"},
	{ObservationLost, "it cannot be told, since the capture lost packets"},
	{NotOne, "connections came up, and no single one carried both proofs"},
	{AnswerRefused, "a SYN came through, and a NAT did not let its answer pass"},
	{ResetByHost, "a packet came through to a socket that was gone"},
	{HoleRefused, "a SYN came to the hole that was made for it, and was refused"},
	{CrossedTooLate, "a SYN was answered before the other peer's own had left"},
	{Lost, "a link lost the packet that would have done it"},
	{TTLRanOut, "the TTL ran out where it should not"},
	{OutOfTime, "the packet that would have done it was still under way, or came to a peer that had given up"},
	{Remapped, "a NAT gave another endpoint than the peer had been told of"},
	{WrongPort, "a predicted or guessed port was not the one that the NAT gave"},
	{HairpinRefused, "the NAT of both peers did not turn their SYNs round"},
	{PortsExhausted, "a NAT gave a SYN no mapping"},
	{ResetByNAT, "a NAT answered RST to a SYN that nobody inside had asked for"},
	{ICMPByNAT, "a NAT answered an ICMP error to a SYN that nobody inside had asked for"},
	{Filtered, "a NAT dropped a SYN that nobody inside had asked for"},
	{Unknown, "what was seen does not tell"},
}

// Causes lists all causes, in their order of precedence.
func Causes() []Cause {
	all := make([]Cause, len(sentences))
	for i, s := range sentences {
		all[i] = s.cause
	}
	return all
}

// Meaning is the cause in a sentence without names, for the heads of tables; empty for what is no cause.
func (c Cause) Meaning() string {
	for _, s := range sentences {
		if s.cause == c {
			return s.words
		}
	}
	return ""
}

// Known tells one of the causes above from other words.
func (c Cause) Known() bool { return slices.Contains(Causes(), c) }
