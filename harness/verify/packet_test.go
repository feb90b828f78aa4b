package verify

import (
	"net/netip"
	"reflect"
	"testing"
)

var (
	here  = netip.MustParseAddrPort("192.168.1.2:4000")
	there = netip.MustParseAddrPort("203.0.113.9:80")
)

// TestPacketsComeBack encodes packets and reads them again.
func TestPacketsComeBack(t *testing.T) {
	segment := packet{
		source: here, target: there, protocol: tcp, ttl: 8, id: 7, flags: syn | ack,
		sequence: 0xfffffff0, ack: 12, options: synOptions, payload: []byte("odd"),
	}
	datagram := packet{source: here, target: there, protocol: udp, ttl: 8, id: 8, options: []byte(nil), payload: []byte("probe")}
	told := packet{
		source: netip.AddrPortFrom(there.Addr(), 0), target: netip.AddrPortFrom(here.Addr(), 0),
		protocol: icmp, ttl: 64, kind: unreachable, code: portUnreachable, about: segment.encode(),
	}
	for _, p := range []packet{segment, datagram, told} {
		got, ok := decode(p.encode(), false)
		if !ok || !reflect.DeepEqual(got, p) {
			t.Errorf("got %+v\nwant %+v", got, p)
		}
	}
	inner, ok := told.quoted()
	if !ok || inner.source != here || inner.target != there || inner.sequence != segment.sequence || inner.broken != "" {
		t.Errorf("the error is about %+v", inner)
	}
}

// TestChecksum computes the example of RFC 1071 section 3.
func TestChecksum(t *testing.T) {
	if got := checksum([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, 0); got != ^uint16(0xddf2) {
		t.Errorf("got %#x", got)
	}
}

// TestWrongChecksums are noticed wherever a bit has changed, but for the bytes
// that routers change.
func TestWrongChecksums(t *testing.T) {
	p := packet{source: here, target: there, protocol: tcp, ttl: 8, flags: syn, payload: []byte("odd")}
	for at := 8; at < len(p.encode()); at++ {
		b := p.encode()
		b[at] ^= 0x10
		if got, ok := decode(b, false); ok && got.broken == "" {
			t.Errorf("byte %d is not covered", at)
		}
	}
	b := p.encode()
	b[len(b)-1]++
	if got, _ := decode(b, true); got.broken != "" {
		t.Errorf("a checksum that is left to hardware is called wrong: %s", got.broken)
	}
}

// TestNoPackets are refused without a panic.
func TestNoPackets(t *testing.T) {
	whole := packet{source: here, target: there, protocol: tcp, options: synOptions}.encode()
	for n := range whole {
		if _, ok := decode(whole[:n], false); ok {
			t.Errorf("%d bytes of %d are a packet", n, len(whole))
		}
	}
	whole[9] = 47
	if _, ok := decode(whole, false); ok {
		t.Error("GRE is a packet")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(packet{source: here, target: there, protocol: tcp, options: synOptions}.encode())
	f.Add(packet{source: here, target: there, protocol: udp, payload: []byte("probe")}.encode())
	f.Add(packet{source: here, target: there, protocol: icmp, about: make([]byte, 40)}.encode())
	f.Fuzz(func(_ *testing.T, b []byte) {
		if p, ok := decode(b, false); ok {
			p.quoted()
		}
	})
}
