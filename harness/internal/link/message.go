package link

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// The messages of nfnetlink_queue (include/uapi/linux/netfilter/
// nfnetlink_queue.h), written by hand since each held packet costs two of
// them.
const (
	msgPacket       = unix.NFNL_SUBSYS_QUEUE << 8   // NFQNL_MSG_PACKET, which is 0
	msgConfig       = unix.NFNL_SUBSYS_QUEUE<<8 | 2 // NFQNL_MSG_CONFIG
	msgVerdictBatch = unix.NFNL_SUBSYS_QUEUE<<8 | 3 // NFQNL_MSG_VERDICT_BATCH

	attrPacketHeader = 1 // NFQA_PACKET_HDR {id be32, protocol be16, hook u8}
	attrVerdict      = 2 // NFQA_VERDICT_HDR {verdict be32, id be32}
	attrTimestamp    = 4 // NFQA_TIMESTAMP {seconds be64, microseconds be64}

	configCommand    = 1 // NFQA_CFG_CMD {command u8, pad u8, family be16}
	configParams     = 2 // NFQA_CFG_PARAMS {copy range be32, copy mode u8}
	configMaxLen     = 3 // NFQA_CFG_QUEUE_MAXLEN be32
	configMask       = 4 // NFQA_CFG_MASK be32
	configFlags      = 5 // NFQA_CFG_FLAGS be32
	commandBind      = 1 // NFQNL_CFG_CMD_BIND
	copyMetadata     = 1 // NFQNL_COPY_META: no byte of the packet
	flagKeepGSO      = 4 // NFQA_CFG_F_GSO: hand over large packets as they are
	nfDrop, nfAccept = 0, 1

	netlinkHeader   = 16 // struct nlmsghdr
	nfnetlinkHeader = 4  // struct nfgenmsg
	attributeHeader = 4  // struct nlattr
)

// configMessage binds the queue, asks for metadata only, for room, and for
// packets that were not segmented.
func configMessage() []byte {
	m := header(msgConfig, unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	m = attribute(m, configCommand, []byte{commandBind, 0, 0, unix.AF_INET})
	m = attribute(m, configParams, append(word.AppendUint32(nil, 0), copyMetadata))
	m = attribute(m, configMaxLen, word.AppendUint32(nil, queueLength))
	m = attribute(m, configFlags, word.AppendUint32(nil, flagKeepGSO))
	m = attribute(m, configMask, word.AppendUint32(nil, flagKeepGSO))
	return finish(m)
}

func verdictMessage(id, verdict uint32) []byte {
	m := header(msgVerdictBatch, unix.NLM_F_REQUEST)
	return finish(attribute(m, attrVerdict, word.AppendUint32(word.AppendUint32(nil, verdict), id)))
}

func header(kind, flags uint16) []byte {
	m := make([]byte, netlinkHeader, 96)
	binary.NativeEndian.PutUint16(m[4:], kind)
	binary.NativeEndian.PutUint16(m[6:], flags)
	return append(m, unix.AF_UNSPEC, unix.NFNETLINK_V0, queueNumber>>8, queueNumber&0xff)
}

func attribute(m []byte, kind uint16, data []byte) []byte {
	m = binary.NativeEndian.AppendUint16(m, uint16(attributeHeader+len(data)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = append(m, data...)
	for len(m)%unix.NLA_ALIGNTO != 0 {
		m = append(m, 0)
	}
	return m
}

func finish(m []byte) []byte {
	binary.NativeEndian.PutUint32(m, uint32(len(m)))
	return m
}

// parsePacket reads the number and the time of arrival of a packet that the
// kernel hands over. ok is false for every other message.
func parsePacket(m []byte) (id uint32, stamp time.Time, ok bool) {
	if len(m) < netlinkHeader+nfnetlinkHeader || binary.NativeEndian.Uint16(m[4:]) != msgPacket {
		return 0, time.Time{}, false
	}
	for m = m[netlinkHeader+nfnetlinkHeader:]; len(m) >= attributeHeader; {
		length := int(binary.NativeEndian.Uint16(m))
		if length < attributeHeader || length > len(m) {
			break
		}
		data := m[attributeHeader:length]
		switch kind := binary.NativeEndian.Uint16(m[2:]); {
		case kind == attrPacketHeader && len(data) >= 4:
			id, ok = word.Uint32(data), true
		case kind == attrTimestamp && len(data) >= 16:
			micros := int64(word.Uint64(data))*1e6 + int64(word.Uint64(data[8:]))
			stamp = time.UnixMicro(micros)
		}
		m = m[min((length+unix.NLA_ALIGNTO-1)&^(unix.NLA_ALIGNTO-1), len(m)):]
	}
	return id, stamp, ok
}

// errorCode is the errno of a netlink acknowledgement, 0 for success.
func errorCode(m []byte) int {
	if len(m) < netlinkHeader+4 || binary.NativeEndian.Uint16(m[4:]) != unix.NLMSG_ERROR {
		return int(unix.EPROTO)
	}
	return -int(int32(binary.NativeEndian.Uint32(m[netlinkHeader:])))
}
