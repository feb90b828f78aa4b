package story

import (
	"fmt"
	"testing"
)

// BenchmarkTell tells and draws birthday trials of growing size. Its figure per packet shows how the time grows.
func BenchmarkTell(b *testing.B) {
	for _, each := range []int{100, 400, 1600, 6400} {
		s := birthday(each, true)
		s.tell() // sorts
		b.Run(fmt.Sprintf("packets=%d", len(s.Packets)), func(b *testing.B) {
			for b.Loop() {
				_ = Tell(s.Recording).Text(120)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(s.Packets)), "ns/packet")
		})
	}
}

// BenchmarkEqualPackets joins packets that nothing tells apart, which is the worst that there can be for joining.
func BenchmarkEqualPackets(b *testing.B) {
	for _, n := range []int{250, 1000, 4000} {
		s := twoNATs()
		for i := range n {
			s.syn(float64(i)/100, "alice", aliceAt, bobOut, how{dies: "nat-b", first: Packet{Seq: 9, ID: 1}})
		}
		s.tell()
		b.Run(fmt.Sprintf("packets=%d", len(s.Packets)), func(b *testing.B) {
			for b.Loop() {
				_ = Tell(s.Recording)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(s.Packets)), "ns/packet")
		})
	}
}

// BenchmarkParse reads a SYN.
func BenchmarkParse(b *testing.B) {
	data := segment(opening, "")
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
