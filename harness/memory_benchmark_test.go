package harness

import (
	"bufio"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// live is how many mappings the benchmark makes: nearly all ports of an address.
const live = 60000

// BenchmarkNATMappings makes 60,000 mappings in a NAT that is maps, by
// datagrams from as many endpoints, and reports how many it makes in a second
// and what the machine's kernel has grown by for each.
func BenchmarkNATMappings(b *testing.B) {
	for _, name := range []string{"linux-masquerade", "eim-eif", "eim-apdf", "apdm-apdf"} {
		b.Run(name, func(b *testing.B) {
			var bytes, rate float64
			for b.Loop() {
				lab := build(b, "one-nat", NATs{"a": profile(b, name)})
				c, err := lab.gather(b.Context(), lab.node(b, "nat-a"))
				if err != nil {
					b.Fatal(err)
				}
				socket, err := c.socket()
				if err != nil {
					b.Fatal(err)
				}
				before, began := settledMemory(b), time.Now()
				for range live {
					if _, err := socket.Write(c.next(unix.IPPROTO_UDP)); err != nil {
						b.Fatal(err)
					}
				}
				rate += live / time.Since(began).Seconds()
				bytes += float64(settledMemory(b)-before) / live
				if err := socket.Close(); err != nil {
					b.Fatal(err)
				}
				if err := lab.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(rate/float64(b.N), "mappings/s")
			b.ReportMetric(bytes/float64(b.N), "B/mapping")
		})
	}
}

// kernelMemory is what the kernel of the machine uses for itself, in bytes: its
// objects, and the pages of great tables (proc(5), meminfo).
func kernelMemory(b *testing.B) (sum int64) {
	b.Helper()
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var name string
		var kilobytes int64
		if _, err := fmt.Sscan(lines.Text(), &name, &kilobytes); err != nil {
			b.Fatal(err)
		}
		if name == "SUnreclaim:" || name == "VmallocUsed:" {
			sum += kilobytes << 10
		}
	}
	return sum
}

// settledMemory waits until what the kernel frees later is freed.
func settledMemory(b *testing.B) int64 {
	b.Helper()
	const still, pause = 64 << 10, 200 * time.Millisecond
	for last := kernelMemory(b); ; {
		select {
		case <-b.Context().Done():
			b.Fatal(b.Context().Err())
		case <-time.After(pause):
		}
		now := kernelMemory(b)
		if max(now-last, last-now) < still {
			return now
		}
		last = now
	}
}
