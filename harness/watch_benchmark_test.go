package harness

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/punchlab/punchlab/links"
)

// batch is how many datagrams a recording of the benchmark has.
const batch = 1000

// BenchmarkWatchedPacket sends datagrams over four legs without delay: in a lab
// that was never watched, while it is watched, and while it no longer is. It
// reports the processor time that watching adds to a packet at a leg, in both
// cases, and the share of packets that were lost.
func BenchmarkWatchedPacket(b *testing.B) {
	topo := topology(b, "open")
	for i := range topo.Nodes {
		topo.Nodes[i].Link = links.Link{}
	}
	lab := buildTopology(b, topo, nil)
	m := mailbox(b, lab)
	const legs = 4 // on the way
	var never, watched, resting time.Duration
	sent, lost := 0, uint64(0)
	for b.Loop() {
		sent += batch
		fresh := buildTopology(b, topo, nil)
		other := mailbox(b, fresh)
		never += sending(b, other)
		if err := errors.Join(other.sender.Close(), other.receiver.Close(), fresh.Close()); err != nil {
			b.Fatal(err)
		}
		var r Recording
		watched += processorTime(b, func() {
			w, err := lab.Watch(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			sending(b, m)
			if r, err = w.Stop(); err != nil {
				b.Fatal(err)
			}
		})
		for _, l := range r.Legs {
			lost += l.Lost
		}
		resting += sending(b, m)
	}
	each := float64(sent * legs)
	b.ReportMetric(float64(never)/each, "unwatched-ns")
	b.ReportMetric(float64(watched-never)/each, "watched-ns-more")
	b.ReportMetric(float64(resting-never)/each, "resting-ns-more")
	b.ReportMetric(100*float64(lost)/each, "%lost")
}

// sending sends a batch and returns the processor time that it takes.
func sending(b *testing.B, m mail) time.Duration {
	b.Helper()
	return processorTime(b, func() {
		for range batch {
			if _, err := m.sender.Write([]byte("word")); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// processorTime is what this process uses during f.
func processorTime(b *testing.B, f func()) time.Duration {
	b.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	f()
	return used() - before
}

// BenchmarkWatch opens and closes what a lab's first recording needs, and makes
// empty recordings. It reports the times of both.
func BenchmarkWatch(b *testing.B) {
	topo := topology(b, "two-nats")
	var first, further, closing time.Duration
	for b.Loop() {
		lab := buildTopology(b, topo, everySlot(topo, profile(b, "linux-masquerade")))
		first += empty(b, lab)
		further += empty(b, lab)
		began := time.Now()
		if err := lab.Close(); err != nil {
			b.Fatal(err)
		}
		closing += time.Since(began)
	}
	n := float64(b.N) * float64(time.Millisecond)
	b.ReportMetric(float64(first)/n, "first-ms")
	b.ReportMetric(float64(further)/n, "further-ms")
	b.ReportMetric(float64(closing)/n, "close-ms")
}

// empty makes a recording of nothing and returns how long it took.
func empty(b *testing.B, lab *Lab) time.Duration {
	b.Helper()
	began := time.Now()
	w, err := lab.Watch(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.Stop(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}
