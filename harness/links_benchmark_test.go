package harness_test

import (
	"io"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/topologies"
)

// BenchmarkThroughput is what one TCP connection carries between two hosts whose
// links take 100 milliseconds each way, once its window has grown: 400 of round
// trip if both have one, and 200 if one has.
func BenchmarkThroughput(b *testing.B) {
	for name, slow := range map[string][]string{"rtt=200ms": {"transit-a"}, "rtt=400ms": {"transit-a", "transit-b"}} {
		b.Run(name, func(b *testing.B) {
			lab := longLab(b, slow)
			var received atomic.Int64
			bob, alice := lab.Host(topologies.Bob), lab.Host(topologies.Alice)
			listener, err := bob.Listen(b.Context(), ":0")
			if err != nil {
				b.Fatal(err)
			}
			defer listener.Close()
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				buffer := make([]byte, 1<<20)
				for err == nil {
					var n int
					n, err = conn.Read(buffer)
					received.Add(int64(n))
				}
			}()
			port := netip.MustParseAddrPort(listener.Addr().String()).Port()
			conn, err := alice.Dial(b.Context(), netip.AddrPortFrom(bob.Addrs()[0], port))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			go func() { _, _ = io.Copy(conn, endless{}) }() // until it is closed
			time.Sleep(growing)
			for b.Loop() {
				before, began := received.Load(), time.Now()
				time.Sleep(measured)
				megabits := float64(received.Load()-before) * 8 / 1e6 / time.Since(began).Seconds()
				b.ReportMetric(megabits, "Mbit/s")
			}
			stats, err := lab.Links()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(stats.Lost), "lost")
			b.ReportMetric(0, "ns/op") // the time that is measured
		})
	}
}

// growing is how long a connection has for its window, and measured how long its
// rate is looked at.
const growing, measured = 12 * time.Second, 3 * time.Second

// endless is what a connection is filled with.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func longLab(b *testing.B, slow []string) *harness.Lab {
	b.Helper()
	harness.Need(b)
	t, err := topologies.Get("open")
	if err != nil {
		b.Fatal(err)
	}
	lab, err := harness.New(b.Context(), t, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := lab.Close(); err != nil {
			b.Error(err)
		}
	})
	for _, name := range []string{"transit-a", "transit-b"} {
		if err := lab.SetLink(name, links.Link{}); err != nil {
			b.Fatal(err)
		}
	}
	for _, name := range slow {
		if err := lab.SetLink(name, links.Delayed(100*time.Millisecond)); err != nil {
			b.Fatal(err)
		}
	}
	return lab
}
