package verify

import (
	"encoding/binary"

	"github.com/punchlab/punchlab/natprofiles"
)

// sequence says whether the sequence numbers of inside hosts are rewritten. If
// they are, whatever speaks of them on the way back must be rewritten too: the
// acknowledgement, selective ones, and ICMP errors.
func (p *prober) sequence() (word, error) {
	local, err := p.local(p.alice)
	if err != nil {
		return "", err
	}
	s, err := p.established(local, p.remote(p.observer, 0))
	if err != nil {
		return "", err
	}
	offset := s.seen.sequence - s.sent.sequence
	how := word(natprofiles.SequenceKept)
	if offset != 0 {
		how = word(natprofiles.SequenceRewritten)
	}
	if s.seen.broken != "" {
		return wordf("%s, but %s", how, s.seen.broken), nil
	}
	for _, check := range []func(session) (word, error){p.acknowledged, p.selectively} {
		if wrong, err := check(s); err != nil || wrong != "" {
			return wordf("%s, but %s", how, wrong), err
		}
	}
	return how, nil
}

// acknowledged says whether an acknowledgement comes back as the inside host
// needs it, and whether what the outside has sent is left as it is.
func (p *prober) acknowledged(s session) (word, error) {
	if out, err := p.send(p.speech(s)); err != nil || !out.delivered {
		return "a segment of an established session does not come out", err
	}
	sent, want := p.data(s), s.sent.sequence+1+uint32(len(said))
	in, err := p.send(sent)
	switch {
	case err != nil:
		return "", err
	case !in.reaches(s.inside):
		return "an answer does not come in", nil
	case in.packet.ack != want:
		return wordf("an acknowledgement of %d arrives as one of %d", want, in.packet.ack), nil
	case in.sequence != sent.sequence:
		return "the numbers of the remote host are rewritten", nil
	}
	return "", nil
}

// selectively is acknowledged for the edges of a selective acknowledgement (RFC
// 2018 section 3). The inside host has sent something before, with a hole in it.
func (p *prober) selectively(s session) (word, error) {
	const hole, size = 100, uint32(len(said))
	data := shot{s.inside.at, p.stamped(packet{
		protocol: tcp, source: s.inside.AddrPort, target: s.remote.AddrPort, flags: ack | psh,
		sequence: s.sent.sequence + 1 + hole, ack: p.replySequence(s) + 1, payload: []byte(said),
	})}
	out, err := p.send(data)
	switch {
	case err != nil:
		return "", err
	case !out.delivered:
		return "a segment of an established session does not come out", nil
	}
	sent := p.data(s)
	sent.payload, sent.flags = nil, ack
	sent.options = blocks(out.sequence, out.sequence+size)
	in, err := p.send(sent)
	switch {
	case err != nil:
		return "", err
	case !in.reaches(s.inside):
		return "a selective acknowledgement does not come in", nil
	case string(in.options) != string(blocks(data.sequence, data.sequence+size)):
		return "selective acknowledgements are of other numbers", nil
	}
	return "", nil
}

// blocks is a selective acknowledgement of one block.
func blocks(left, right uint32) []byte {
	option := []byte{1, 1, 5, 10}
	option = binary.BigEndian.AppendUint32(option, left)
	return binary.BigEndian.AppendUint32(option, right)
}
