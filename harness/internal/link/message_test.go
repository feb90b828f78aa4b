package link

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// little says whether netlink's own numbers have the byte order in which the
// texts below are written.
func little() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

// Byte for byte as the structures in include/uapi/linux/netfilter/
// nfnetlink_queue.h have it.
func TestMessagesAreTheKernels(t *testing.T) {
	if !little() {
		t.Skip("written for a little-endian machine") // in CI too: the numbers would be the same, only turned round
	}
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"bind": {bindMessage(1), "" +
			"40000000" + "0203" + "0500" + "00000000" + "00000000" + // length, NFQNL_MSG_CONFIG, REQUEST|ACK
			"00" + "00" + "0001" + // any family, version 0, queue 1
			"0800" + "0100" + "01" + "00" + "0002" + // NFQA_CFG_CMD: bind, IPv4
			"0800" + "0300" + "0000ffff" + // NFQA_CFG_QUEUE_MAXLEN: 65,535
			"0900" + "0200" + "00000000" + "01" + "000000" + // NFQA_CFG_PARAMS: metadata, padding
			"0800" + "0500" + "00000004" + // NFQA_CFG_FLAGS: GSO
			"0800" + "0400" + "00000004"}, // NFQA_CFG_MASK: GSO
		"show": {viewMessage(0, view{bytes: 1500}), "" +
			"30000000" + "0203" + "0100" + "00000000" + "00000000" +
			"00" + "00" + "0000" +
			"0900" + "0200" + "000005dc" + "02" + "000000" + // NFQA_CFG_PARAMS: 1,500 bytes, padding
			"0800" + "0500" + "00000000" + // NFQA_CFG_FLAGS: no GSO
			"0800" + "0400" + "00000004"}, // NFQA_CFG_MASK: GSO
		"accept": {appendVerdicts(nil, 0, 0x01020304, nfAccept), "" +
			"20000000" + "0303" + "0100" + "00000000" + "00000000" + // length, NFQNL_MSG_VERDICT_BATCH, REQUEST
			"00" + "00" + "0000" +
			"0c00" + "0200" + "00000001" + "01020304"}, // NFQA_VERDICT_HDR: accept up to this
		"drop": {appendVerdicts(nil, 1, 7, nfDrop), "" +
			"20000000" + "0303" + "0100" + "00000000" + "00000000" +
			"00" + "00" + "0001" +
			"0c00" + "0200" + "00000000" + "00000007"},
		"accept with another payload, behind another": {appendVerdict([]byte{9, 9, 9, 9}, msgVerdict, 1, 7, nfAccept, []byte{1, 2, 3}), "09090909" +
			"28000000" + "0103" + "0100" + "00000000" + "00000000" + // length, NFQNL_MSG_VERDICT, REQUEST
			"00" + "00" + "0001" +
			"0c00" + "0200" + "00000001" + "00000007" +
			"0700" + "0a00" + "010203" + "00"}, // NFQA_PAYLOAD, padding
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, c.want)
		}
	}
}

// packetMessage is what the kernel says of a packet; no stamp is zero.
func packetMessage(id uint32, stamp time.Time) []byte { return shownPacket(queueUp, id, stamp, nil) }

// shownPacket is a packet with its first bytes.
func shownPacket(queue uint16, id uint32, stamp time.Time, payload []byte) []byte {
	m := header(msgPacket, 0, queue)
	m = attribute(m, 3, []byte{0, 0, 0, 9}) // NFQA_MARK, of no interest
	m = attribute(m, attrPacketHeader, append(word.AppendUint32(nil, id), 8, 0, 2))
	if !stamp.IsZero() {
		data := word.AppendUint64(nil, uint64(stamp.Unix()))
		m = attribute(m, attrTimestamp, word.AppendUint64(data, uint64(stamp.Nanosecond()/1000)))
	}
	if payload != nil {
		m = attribute(m, attrPayload, payload)
	}
	return finish(m)
}

func TestParsePacket(t *testing.T) {
	stamp := time.Unix(1_700_000_000, 123_456_000)
	whole := packetMessage(77, stamp)
	other := packetMessage(77, stamp)
	binary.NativeEndian.PutUint16(other[4:], unix.NLMSG_ERROR)
	// The first attribute claims to be longer than the message, or shorter than
	// its own head.
	long, short := packetMessage(77, stamp), packetMessage(77, stamp)
	first := netlinkHeader + nfnetlinkHeader
	binary.NativeEndian.PutUint16(long[first:], 1000)
	binary.NativeEndian.PutUint16(short[first:], 3)
	for name, c := range map[string]struct {
		message []byte
		id      uint32
		stamp   time.Time
		ok      bool
	}{
		"stamped":            {whole, 77, stamp, true},
		"without a stamp":    {packetMessage(77, time.Time{}), 77, time.Time{}, true},
		"greatest number":    {packetMessage(1<<32-1, stamp), 1<<32 - 1, stamp, true},
		"cut off stamp":      {whole[:len(whole)-1], 77, time.Time{}, true},
		"another message":    {other, 0, time.Time{}, false},
		"head only":          {whole[:first], 0, time.Time{}, false},
		"half a head":        {whole[:first-1], 0, time.Time{}, false},
		"nothing":            {nil, 0, time.Time{}, false},
		"attribute too long": {long, 0, time.Time{}, false},
		"attribute too short": {
			short, 0, time.Time{}, false,
		},
		"number cut off": {
			finish(attribute(header(msgPacket, 0, 0), attrPacketHeader, []byte{1, 2, 3})), 0, time.Time{}, false,
		},
		"last attribute without padding": {
			attribute(header(msgPacket, 0, 0), attrPacketHeader, []byte{0, 0, 0, 5, 8, 0, 2})[:first+attributeHeader+7], 5, time.Time{}, true,
		},
	} {
		p, ok := parsePacket(c.message)
		if p.id != c.id || !p.stamp.Equal(c.stamp) || ok != c.ok || p.payload != nil {
			t.Errorf("%s: %+v, %v; want %d, %v, %v", name, p, ok, c.id, c.stamp, c.ok)
		}
	}
	p, ok := parsePacket(shownPacket(queueDown, 77, stamp, []byte("payload")))
	if !ok || p.queue != queueDown || p.id != 77 || string(p.payload) != "payload" {
		t.Errorf("with a payload, on the way down: %+v, %v", p, ok)
	}
}

func TestErrorCode(t *testing.T) {
	answer := func(kind uint16, code int32) []byte {
		m := make([]byte, netlinkHeader, netlinkHeader+4)
		binary.NativeEndian.PutUint16(m[4:], kind)
		return finish(binary.NativeEndian.AppendUint32(m, uint32(code)))
	}
	for name, c := range map[string]struct {
		message []byte
		want    unix.Errno
	}{
		"success":         {answer(unix.NLMSG_ERROR, 0), 0},
		"failure":         {answer(unix.NLMSG_ERROR, -int32(unix.EBUSY)), unix.EBUSY},
		"another message": {answer(unix.NLMSG_DONE, 0), unix.EPROTO},
		"too short":       {answer(unix.NLMSG_ERROR, 0)[:netlinkHeader+3], unix.EPROTO},
		"nothing":         {nil, unix.EPROTO},
	} {
		if got := unix.Errno(errorCode(c.message)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// What the kernel refuses is an error, unless it is a verdict about a packet
// that is gone.
func TestRefusal(t *testing.T) {
	message := func(code unix.Errno) []byte {
		return finish(binary.NativeEndian.AppendUint32(make([]byte, netlinkHeader), uint32(-int32(code))))
	}
	for code, want := range map[unix.Errno]error{0: nil, unix.ENOENT: nil, unix.EPERM: unix.EPERM} {
		m := message(code)
		binary.NativeEndian.PutUint16(m[4:], unix.NLMSG_ERROR)
		if err := refusal(m); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", code, err, want)
		}
		if err := refusal(message(code)); err != nil {
			t.Errorf("another message with %v: %v", code, err)
		}
	}
}

// Whatever comes, it is read without a fault, and what is taken for a packet
// begins as one.
func FuzzParsePacket(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(packetMessage(1, time.Unix(1, 0)))
	f.Add(packetMessage(1<<32-1, time.Time{}))
	f.Add(appendVerdicts(nil, 0, 1, nfAccept))
	f.Fuzz(func(t *testing.T, m []byte) {
		p, ok := parsePacket(m)
		if ok && (len(m) < netlinkHeader+nfnetlinkHeader || binary.NativeEndian.Uint16(m[4:]) != msgPacket) {
			t.Errorf("%x was taken for packet %d", m, p.id)
		}
		if !ok && p.id != 0 {
			t.Errorf("%x is no packet: %+v", m, p)
		}
		_, _ = errorCode(m), refusal(m)
	})
}
