package harness

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/harness/recording"
)

// told lists what a NAT told of its connections of a protocol, in words.
func told(r Recording, nat string, protocol uint8) []string {
	var all []string
	for _, f := range r.Flows {
		if f.Node == nat && f.Protocol == protocol {
			all = append(all, fmt.Sprintf("%s %s", f.Event, f.State))
		}
	}
	return all
}

// translating are kinds of NATs that tell of connections with two faces.
var translating = []string{"linux", "linux-random", "cone", "pool", "symmetric"}

// A NAT tells of a connection from its first packet on, with both faces of it,
// and of its end.
func TestWatchHearsOfAConnectionsLife(t *testing.T) {
	for _, name := range translating {
		t.Run(name, func(t *testing.T) {
			lab := build(t, "one-nat", NATs{"a": kind(t, name)})
			server := lab.Host("rendezvous")
			var local, external netip.AddrPort
			r := watched(t, lab, func() {
				local, external = dial(t, lab.Host("alice"), server)
				if err := lab.Reset(); err != nil {
					t.Fatal(err)
				}
			})
			if got, want := told(r, "nat-a", unix.IPPROTO_TCP), []string{"new SYN_SENT", "update SYN_RECV", "update ESTABLISHED"}; len(got) != 4 ||
				!slices.Equal(got[:3], want) || got[3][:7] != string(recording.Destroy) {
				t.Errorf("the NAT told of %q, want %q and the end", got, want)
			}
			remote := netip.AddrPortFrom(server.Addrs()[0], port)
			for _, f := range r.Flows {
				if f.Original != (recording.Tuple{Source: local, Destination: remote}) ||
					f.Reply != (recording.Tuple{Source: remote, Destination: external}) || !f.Translated() {
					t.Errorf("%s; want %s as %s", f, local, external)
				}
				if f.ID != r.Flows[0].ID || f.Zone != r.Flows[0].Zone {
					t.Errorf("%s is another connection than %s", f, r.Flows[0])
				}
			}
			if owns := !lab.Router("nat-a").Profile().Overloads(); (r.Flows[0].Zone != 0) != owns {
				t.Errorf("a mapping of its own: %v, and the zone is %d", owns, r.Flows[0].Zone)
			}
			checkBetween(t, r)
		})
	}
}

// checkBetween fails the test unless a connection begins between the arrival
// and the departure of its first packet, if the kernel says when.
func checkBetween(t *testing.T, r Recording) {
	t.Helper()
	f := r.Flows[0]
	var arrived, left recording.Packet
	for _, p := range slices.Backward(r.Packets) {
		switch name := r.Legs[p.Leg].Name(); {
		case !flagged(isSYN)(p):
		case name == "nat-a inside" && !p.Out:
			arrived = p
		case name == "nat-a outside" && p.Out:
			left = p
		}
	}
	if f.At.Before(arrived.At) || f.Stamped && f.At.After(left.At) {
		t.Errorf("the SYN arrived at %v and left at %v, and the connection began at %v (stamped: %v)", arrived.At, left.At, f.At, f.Stamped)
	}
}

func TestWatchHearsOfDatagramsAndPings(t *testing.T) {
	lab := build(t, "one-nat", NATs{"a": profile(t, "linux-masquerade")})
	m := mailbox(t, lab)
	const identifier = 0x1234
	server := lab.Host("rendezvous").Addrs()[0]
	r := watched(t, lab, func() {
		m.send(t, "word")
		m.receive(t)
		in := listenIn(t, lab.Host("alice").ns, hostDevice)
		ping(t, lab.Host("alice"), server, identifier)
		in.next(t, unix.IPPROTO_ICMP, lab.Host("alice").Addrs()[0])
	})
	for protocol, want := range map[uint8][]string{unix.IPPROTO_UDP: {"new "}, unix.IPPROTO_ICMP: {"new ", "update "}} {
		if got := told(r, "nat-a", protocol); !slices.Equal(got, want) {
			t.Errorf("protocol %d: %q, want %q", protocol, got, want)
		}
	}
	const echoRequest = 8 << 8 // type and code (RFC 792)
	for _, f := range r.Flows {
		if f.Protocol == unix.IPPROTO_ICMP && (f.Original.Source.Port() != identifier ||
			f.Original.Destination != netip.AddrPortFrom(server, echoRequest) || f.Reply.Destination.Port() != 0 || !f.Translated()) {
			t.Errorf("of a ping the NAT told %s", f)
		}
	}
}

// ping sends an echo request.
func ping(t *testing.T, from *Host, to netip.Addr, identifier uint16) {
	t.Helper()
	request := binary.BigEndian.AppendUint16([]byte{8, 0, 0, 0}, identifier)
	request = append(request, 0, 1)
	binary.BigEndian.PutUint16(request[2:], internetChecksum(0, request))
	err := from.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		if err != nil {
			return err
		}
		return errors.Join(unix.Sendto(fd, request, 0, &unix.SockaddrInet4{Addr: to.As4()}), unix.Close(fd))
	})
	if err != nil {
		t.Fatal(err)
	}
}
