package capture

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/recording"
)

// Attributes of conntrack's messages (include/uapi/linux/netfilter/
// nfnetlink_conntrack.h, enum ctattr_type and those that follow it).
const (
	ctaTupleOriginal  = 1
	ctaTupleReply     = 2
	ctaStatus         = 3
	ctaProtoinfo      = 4
	ctaTimeout        = 7
	ctaMark           = 8
	ctaID             = 12
	ctaZone           = 18
	ctaTimestamp      = 20
	ctaTimestampEvent = 27

	ctaTupleIP    = 1
	ctaTupleProto = 2
	ctaTupleZone  = 3

	ctaIPv4Source      = 1
	ctaIPv4Destination = 2

	ctaProtoNumber          = 1
	ctaProtoSourcePort      = 2
	ctaProtoDestinationPort = 3
	ctaProtoICMPID          = 4
	ctaProtoICMPType        = 5
	ctaProtoICMPCode        = 6

	ctaProtoinfoTCP      = 1
	ctaProtoinfoTCPState = 1

	ctaTimestampStop = 2
)

// Messages of conntrack (the same file, enum cntl_msg_types): the subsystem is
// the upper byte.
const (
	messageNew    = unix.NFNL_SUBSYS_CTNETLINK << 8
	messageDelete = unix.NFNL_SUBSYS_CTNETLINK<<8 | 2
)

// tcpStates are conntrack's, in their order (net/netfilter/
// nf_conntrack_proto_tcp.c, tcp_conntrack_names).
var tcpStates = [...]string{
	"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
}

const nfgenSize = 4 // struct nfgenmsg: family, version, resource

// parse reads messages that were read at that time. What is about something
// else than an IPv4 connection is left out.
func parse(b []byte, node string, read time.Time) ([]recording.Flow, error) {
	var flows []recording.Flow
	for len(b) >= unix.SizeofNlMsghdr {
		length := int(binary.NativeEndian.Uint32(b))
		if length < unix.SizeofNlMsghdr || length > len(b) {
			return flows, fmt.Errorf("a message of %d bytes says that it has %d", len(b), length)
		}
		kind, flags := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:])
		body := b[unix.SizeofNlMsghdr:length]
		if event := eventOf(kind, flags); event != "" && len(body) >= nfgenSize && body[0] == unix.AF_INET {
			f := recording.Flow{At: read, Node: node, Event: event}
			if err := parseFlow(body[nfgenSize:], &f); err != nil {
				return flows, fmt.Errorf("a message about a connection: %w", err)
			}
			flows = append(flows, f)
		}
		b = b[min(len(b), length+(-length&3)):]
	}
	return flows, nil
}

// eventOf tells new connections from updates by the flags that only they have
// (net/netfilter/nf_conntrack_netlink.c, ctnetlink_conntrack_event).
func eventOf(kind, flags uint16) recording.Event {
	switch {
	case kind == messageDelete:
		return recording.Destroy
	case kind == messageNew && flags&unix.NLM_F_CREATE != 0:
		return recording.New
	case kind == messageNew:
		return recording.Update
	}
	return ""
}

// parseFlow fills in what the attributes say.
func parseFlow(b []byte, f *recording.Flow) error {
	attributes, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return err
	}
	attributes.ByteOrder = binary.BigEndian
	for attributes.Next() {
		switch attributes.Type() {
		case ctaTupleOriginal:
			attributes.Nested(func(a *netlink.AttributeDecoder) error { return parseTuple(a, f, &f.Original) })
		case ctaTupleReply:
			attributes.Nested(func(a *netlink.AttributeDecoder) error { return parseTuple(a, f, &f.Reply) })
		case ctaStatus:
			f.Status = recording.Status(attributes.Uint32())
		case ctaProtoinfo:
			attributes.Nested(func(a *netlink.AttributeDecoder) error { return parseProtoinfo(a, f) })
		case ctaTimeout:
			f.Timeout = time.Duration(attributes.Uint32()) * time.Second
		case ctaMark:
			f.Mark = attributes.Uint32()
		case ctaID:
			f.ID = attributes.Uint32()
		case ctaZone:
			f.Zone = attributes.Uint16()
		case ctaTimestamp:
			attributes.Nested(func(a *netlink.AttributeDecoder) error { return parseTimestamp(a, f) })
		case ctaTimestampEvent:
			stamp(f, attributes.Uint64())
		}
	}
	return attributes.Err()
}

// parseTuple reads one direction of a connection. A zone that is meant for one
// direction alone stands there.
func parseTuple(a *netlink.AttributeDecoder, f *recording.Flow, t *recording.Tuple) error {
	for a.Next() {
		switch a.Type() {
		case ctaTupleIP:
			a.Nested(func(a *netlink.AttributeDecoder) error { return parseAddresses(a, t) })
		case ctaTupleProto:
			a.Nested(func(a *netlink.AttributeDecoder) error { return parsePorts(a, f, t) })
		case ctaTupleZone:
			f.Zone = a.Uint16()
		}
	}
	return nil
}

func parseAddresses(a *netlink.AttributeDecoder, t *recording.Tuple) error {
	for a.Next() {
		var end *netip.AddrPort
		switch a.Type() {
		case ctaIPv4Source:
			end = &t.Source
		case ctaIPv4Destination:
			end = &t.Destination
		default:
			continue
		}
		addr, ok := netip.AddrFromSlice(a.Bytes())
		if !ok || !addr.Is4() {
			return fmt.Errorf("an IPv4 address of %d bytes", len(a.Bytes()))
		}
		*end = netip.AddrPortFrom(addr, end.Port())
	}
	return nil
}

func parsePorts(a *netlink.AttributeDecoder, f *recording.Flow, t *recording.Tuple) error {
	source, destination := t.Source.Port(), t.Destination.Port()
	for a.Next() {
		switch a.Type() {
		case ctaProtoNumber:
			f.Protocol = a.Uint8()
		case ctaProtoSourcePort, ctaProtoICMPID:
			source = a.Uint16()
		case ctaProtoDestinationPort:
			destination = a.Uint16()
		case ctaProtoICMPType:
			destination |= uint16(a.Uint8()) << 8
		case ctaProtoICMPCode:
			destination |= uint16(a.Uint8())
		}
	}
	t.Source = netip.AddrPortFrom(t.Source.Addr(), source)
	t.Destination = netip.AddrPortFrom(t.Destination.Addr(), destination)
	return nil
}

func parseProtoinfo(a *netlink.AttributeDecoder, f *recording.Flow) error {
	for a.Next() {
		if a.Type() != ctaProtoinfoTCP {
			continue
		}
		a.Nested(func(a *netlink.AttributeDecoder) error {
			for a.Next() {
				if a.Type() == ctaProtoinfoTCPState {
					f.State = tcpState(a.Uint8())
				}
			}
			return nil
		})
	}
	return nil
}

func tcpState(n uint8) string {
	if int(n) < len(tcpStates) {
		return tcpStates[n]
	}
	return fmt.Sprintf("state %d", n)
}

// parseTimestamp reads when a connection ended, which messages of its end tell.
// The event's own stamp, which newer kernels send, comes later in a message.
func parseTimestamp(a *netlink.AttributeDecoder, f *recording.Flow) error {
	for a.Next() {
		if a.Type() == ctaTimestampStop {
			stamp(f, a.Uint64())
		}
	}
	return nil
}

// stamp gives an event the kernel's time, in nanoseconds. An event that the
// kernel did not note the time of has zero.
func stamp(f *recording.Flow, nanoseconds uint64) {
	if nanoseconds > 0 {
		f.At, f.Stamped = time.Unix(0, int64(nanoseconds)), true
	}
}
