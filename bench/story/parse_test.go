package story

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ipv4 puts a header before a body.
func ipv4(p Packet, body []byte) []byte {
	data := make([]byte, 20, 20+len(body))
	data[0], data[8], data[9] = 0x45, p.TTL, byte(p.Protocol)
	binary.BigEndian.PutUint16(data[2:], uint16(20+len(body)))
	binary.BigEndian.PutUint16(data[4:], p.ID)
	source, destination := p.Source.Addr().As4(), p.Destination.Addr().As4()
	copy(data[12:], source[:])
	copy(data[16:], destination[:])
	return append(data, body...)
}

// segment is a packet of TCP with a timestamp, as Linux lays it out.
func segment(p Packet, payload string) []byte {
	body := make([]byte, 32, 32+len(payload))
	binary.BigEndian.PutUint16(body, p.Source.Port())
	binary.BigEndian.PutUint16(body[2:], p.Destination.Port())
	binary.BigEndian.PutUint32(body[4:], p.Seq)
	binary.BigEndian.PutUint32(body[8:], p.Ack)
	body[12], body[13] = 8<<4, byte(p.Flags)
	copy(body[20:], []byte{1, 1, 8, 10})
	binary.BigEndian.PutUint32(body[24:], p.Timestamp)
	return ipv4(p, append(body, payload...))
}

// opening is a SYN as Parse should read it.
var opening = Packet{
	Protocol: TCP, Source: aliceAt, Destination: bobOut, ID: 4711, TTL: 64, Flags: SYN, Seq: 0xfedcba98,
	Stamped: true, Timestamp: 0x01020304, Digest: digest(nil),
}

// failure is the ICMP error that quotes as many bytes of a packet.
func failure(quoted []byte, n int) []byte {
	body := append([]byte{timeExceeded, 0, 0, 0, 0, 0, 0, 0}, quoted[:n]...)
	return ipv4(Packet{Protocol: ICMP, TTL: 63, ID: 9, Source: bobOut, Destination: aliceAt}, body)
}

func TestParse(t *testing.T) {
	saying := opening
	saying.Flags, saying.Payload, saying.Digest = ACK|PSH, 5, digest([]byte("hello"))
	whole := segment(opening, "")
	quote := &Quote{Protocol: TCP, Source: aliceAt, Destination: bobOut, ID: 4711, TTL: 64, Seq: 0xfedcba98}
	short := *quote
	short.Seq = 0
	expired := Packet{
		Protocol: ICMP, TTL: 63, ID: 9, Type: timeExceeded,
		Source: netip.AddrPortFrom(bobOut.Addr(), 0), Destination: netip.AddrPortFrom(aliceAt.Addr(), 0), Quoted: quote,
	}
	cut := func(q *Quote, n int) Packet {
		p := expired
		p.Quoted, p.Payload = q, n
		return p
	}
	datagram := ipv4(Packet{Protocol: UDP, TTL: 64, Source: aliceAt, Destination: bobOut},
		[]byte{0x0f, 0xa0, 0x13, 0x88, 0, 12, 0, 0, 'h', 'o', 'l', 'a'})
	tests := []struct {
		name string
		data []byte
		want Packet
	}{
		{"a SYN", whole, opening},
		{"data", segment(saying, "hello"), saying},
		{"padded by Ethernet", append(segment(saying, "hello"), 0, 0, 0, 0), saying},
		{"a datagram", datagram, Packet{Protocol: UDP, TTL: 64, Source: aliceAt, Destination: bobOut, Payload: 4, Digest: digest([]byte("hola"))}},
		{"an error that quotes all", failure(whole, len(whole)), cut(quote, len(whole))},
		{"an error that quotes what it must", failure(whole, 28), cut(quote, 28)},
		{"an error that quotes less", failure(whole, 24), cut(&short, 24)},
		{"an error that quotes hardly anything", failure(whole, 10), cut(&Quote{}, 10)},
		{"a ping", ipv4(Packet{Protocol: ICMP, TTL: 1, Source: aliceAt, Destination: bobOut}, []byte{8, 0, 0, 0, 0, 7, 0, 1}), Packet{
			Protocol: ICMP, TTL: 1, Source: netip.AddrPortFrom(aliceAt.Addr(), 0), Destination: netip.AddrPortFrom(bobOut.Addr(), 0),
			Type: 8, Digest: digest([]byte{0, 7, 0, 1}),
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse(test.data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	whole := segment(opening, "")
	changed := func(at int, to byte) []byte {
		data := append([]byte(nil), whole...)
		data[at] = to
		return data
	}
	tests := []struct {
		name, want string
		data       []byte
	}{
		{"nothing", "packet of 0 bytes: cut off", nil},
		{"half a header", "packet of 39 bytes, protocol 6: cut off", whole[:39]},
		{"half the options", "packet of 50 bytes, protocol 6: cut off", whole[:50]},
		{"IPv6", "packet of 52 bytes: IP version 6, not 4", changed(0, 0x65)},
		{"a short header", "packet of 52 bytes: a header of 16 bytes in a packet of 52", changed(0, 0x44)},
		{"a fragment", "packet of 52 bytes: a fragment that is not the first, which has no ports", changed(7, 1)},
		{"another protocol", "packet of 52 bytes, protocol 47: neither TCP, UDP nor ICMP", changed(9, 47)},
		{"an offset beyond its end", "packet of 52 bytes, protocol 6: a TCP header of 60 bytes in 32", changed(32, 0xf0)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Parse(test.data); err == nil || err.Error() != test.want {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// FuzzParse: garbage is refused or read, and what is read can be told.
func FuzzParse(f *testing.F) {
	whole := segment(opening, "hello")
	f.Add(whole)
	for _, n := range []int{0, 10, 24, 28} {
		f.Add(failure(whole, n))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			if p != (Packet{}) {
				t.Errorf("with an error came %v", p)
			}
			return
		}
		if p.Payload < 0 || p.Payload > 65535 {
			t.Errorf("a payload of %d bytes", p.Payload)
		}
		s := twoNATs()
		for leg := range s.Legs {
			p.Leg, p.Out = leg, leg%2 == 0
			s.Packets = append(s.Packets, p)
		}
		_ = s.tell().Text(80)
	})
}
