package link

import (
	"encoding/binary"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// The messages of nfnetlink_queue (include/uapi/linux/netfilter/
// nfnetlink_queue.h), written by hand since each held packet costs two of
// them.
const (
	msgPacket       = unix.NFNL_SUBSYS_QUEUE << 8   // NFQNL_MSG_PACKET, which is 0
	msgVerdict      = unix.NFNL_SUBSYS_QUEUE<<8 | 1 // NFQNL_MSG_VERDICT
	msgConfig       = unix.NFNL_SUBSYS_QUEUE<<8 | 2 // NFQNL_MSG_CONFIG
	msgVerdictBatch = unix.NFNL_SUBSYS_QUEUE<<8 | 3 // NFQNL_MSG_VERDICT_BATCH

	attrPacketHeader = 1  // NFQA_PACKET_HDR {id be32, protocol be16, hook u8}
	attrVerdict      = 2  // NFQA_VERDICT_HDR {verdict be32, id be32}
	attrTimestamp    = 4  // NFQA_TIMESTAMP {seconds be64, microseconds be64}
	attrPayload      = 10 // NFQA_PAYLOAD

	configCommand    = 1 // NFQA_CFG_CMD {command u8, pad u8, family be16}
	configParams     = 2 // NFQA_CFG_PARAMS {copy range be32, copy mode u8}
	configMaxLen     = 3 // NFQA_CFG_QUEUE_MAXLEN be32
	configMask       = 4 // NFQA_CFG_MASK be32
	configFlags      = 5 // NFQA_CFG_FLAGS be32
	commandBind      = 1 // NFQNL_CFG_CMD_BIND
	copyMetadata     = 1 // NFQNL_COPY_META: no byte of the packet
	copyPacket       = 2 // NFQNL_COPY_PACKET: as many bytes as the range says
	flagKeepGSO      = 4 // NFQA_CFG_F_GSO: hand over large packets as they are
	nfDrop, nfAccept = 0, 1

	netlinkHeader   = 16 // struct nlmsghdr
	nfnetlinkHeader = 4  // struct nfgenmsg
	attributeHeader = 4  // struct nlattr
)

// view is how much of its packets a queue shows.
type view struct {
	// bytes of each packet; 0 is its metadata alone.
	bytes uint32
	// whole leaves large packets of TCP as they are (GSO), which are cut up where
	// they leave the lab's last cable. Where they are not left whole, the kernel
	// cuts them up before it hands them over, and finishes the checksums of those
	// that it shows (net/netfilter/nfnetlink_queue.c, nfqnl_enqueue_packet and
	// nfqnl_build_packet_message).
	whole bool
}

// bindMessage binds a queue and gives it room.
func bindMessage(queue uint16) []byte {
	m := header(msgConfig, unix.NLM_F_REQUEST|unix.NLM_F_ACK, queue)
	m = attribute(m, configCommand, []byte{commandBind, 0, 0, unix.AF_INET})
	m = attribute(m, configMaxLen, word.AppendUint32(nil, queueLength))
	return finish(viewAttributes(m, view{whole: true}))
}

// viewMessage changes how much a queue shows.
func viewMessage(queue uint16, v view) []byte {
	return finish(viewAttributes(header(msgConfig, unix.NLM_F_REQUEST, queue), v))
}

func viewAttributes(m []byte, v view) []byte {
	mode, flags := byte(copyMetadata), uint32(0)
	if v.bytes > 0 {
		mode = copyPacket
	}
	if v.whole {
		flags = flagKeepGSO
	}
	m = attribute(m, configParams, append(word.AppendUint32(nil, v.bytes), mode))
	m = attribute(m, configFlags, word.AppendUint32(nil, flags))
	return attribute(m, configMask, word.AppendUint32(nil, flagKeepGSO))
}

// appendVerdicts decides about all packets up to and including id.
func appendVerdicts(to []byte, queue uint16, id, verdict uint32) []byte {
	return appendVerdict(to, msgVerdictBatch, queue, id, verdict, nil)
}

// appendVerdict decides about packets by the given kind of message. A payload
// replaces that of the packet.
func appendVerdict(to []byte, kind, queue uint16, id, verdict uint32, payload []byte) []byte {
	start := len(to)
	m := appendHeader(to, kind, unix.NLM_F_REQUEST, queue)
	m = appendAttribute(m, attrVerdict, 8)
	m = word.AppendUint32(word.AppendUint32(m, verdict), id)
	if payload != nil {
		m = pad(append(appendAttribute(m, attrPayload, len(payload)), payload...))
	}
	finish(m[start:])
	return m
}

func header(kind, flags, queue uint16) []byte {
	return appendHeader(make([]byte, 0, 96), kind, flags, queue)
}

func appendHeader(to []byte, kind, flags, queue uint16) []byte {
	to = append(to, 0, 0, 0, 0) // the length
	to = binary.NativeEndian.AppendUint16(to, kind)
	to = binary.NativeEndian.AppendUint16(to, flags)
	to = append(to, 0, 0, 0, 0, 0, 0, 0, 0) // sequence and port
	return append(to, unix.AF_UNSPEC, unix.NFNETLINK_V0, byte(queue>>8), byte(queue))
}

func appendAttribute(m []byte, kind uint16, length int) []byte {
	m = binary.NativeEndian.AppendUint16(m, uint16(attributeHeader+length))
	return binary.NativeEndian.AppendUint16(m, kind)
}

func attribute(m []byte, kind uint16, data []byte) []byte {
	return pad(append(appendAttribute(m, kind, len(data)), data...))
}

func pad(m []byte) []byte {
	for len(m)%unix.NLA_ALIGNTO != 0 {
		m = append(m, 0)
	}
	return m
}

func finish(m []byte) []byte {
	binary.NativeEndian.PutUint32(m, uint32(len(m)))
	return m
}

// handed is a packet that the kernel hands over.
type handed struct {
	queue   uint16
	id      uint32
	stamp   time.Time // of its arrival; zero where the kernel has none
	payload []byte    // as much as is shown; valid until the next message is read
}

// parsePacket reads a packet that the kernel hands over. ok is false for every
// other message.
func parsePacket(m []byte) (p handed, ok bool) {
	if len(m) < netlinkHeader+nfnetlinkHeader || binary.NativeEndian.Uint16(m[4:]) != msgPacket {
		return p, false
	}
	p.queue = word.Uint16(m[netlinkHeader+2:])
	for m = m[netlinkHeader+nfnetlinkHeader:]; len(m) >= attributeHeader; {
		length := int(binary.NativeEndian.Uint16(m))
		if length < attributeHeader || length > len(m) {
			break
		}
		data := m[attributeHeader:length]
		switch kind := binary.NativeEndian.Uint16(m[2:]); {
		case kind == attrPacketHeader && len(data) >= 4:
			p.id, ok = word.Uint32(data), true
		case kind == attrTimestamp && len(data) >= 16:
			micros := int64(word.Uint64(data))*1e6 + int64(word.Uint64(data[8:]))
			p.stamp = time.UnixMicro(micros)
		case kind == attrPayload:
			p.payload = data
		}
		m = m[min((length+unix.NLA_ALIGNTO-1)&^(unix.NLA_ALIGNTO-1), len(m)):]
	}
	return p, ok
}

// refusal is what the kernel has refused, if that is what the message says. A
// verdict about a packet that is gone, with its interface for instance, is none.
func refusal(m []byte) error {
	if len(m) < netlinkHeader || binary.NativeEndian.Uint16(m[4:]) != unix.NLMSG_ERROR {
		return nil
	}
	if code := unix.Errno(errorCode(m)); code != 0 && code != unix.ENOENT {
		return os.NewSyscallError("NFQUEUE", code)
	}
	return nil
}

// errorCode is the errno of a netlink acknowledgement, 0 for success.
func errorCode(m []byte) int {
	if len(m) < netlinkHeader+4 || binary.NativeEndian.Uint16(m[4:]) != unix.NLMSG_ERROR {
		return int(unix.EPROTO)
	}
	return -int(int32(binary.NativeEndian.Uint32(m[netlinkHeader:])))
}
