package link_test

import (
	"encoding/binary"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/links"
)

// BenchmarkDelay sends a packet each millisecond over a link of ten, and tells
// by how much they came later than they should: the median and the 99th
// percentile. The times are those of sending and, by the kernel's stamp, of
// arrival, so that the error holds what the way costs without a delay too.
func BenchmarkDelay(b *testing.B) {
	const delay = 10 * time.Millisecond
	b.Run("queue", func(b *testing.B) {
		street := newStreet(b)
		e := street.hold(b, delay)
		benchmarkDelay(b, street, delay)
		if stats, err := e.Stats(); err != nil || stats.Lost > 0 {
			b.Errorf("%+v, %v", stats, err)
		}
	})
	b.Run("netem", func(b *testing.B) {
		street := newStreet(b)
		if err := street.router.SetNetem("right", links.Conditions{Delay: delay}, 0); err != nil {
			b.Skip(err) // in CI too: not every kernel has netem
		}
		benchmarkDelay(b, street, delay)
	})
}

func benchmarkDelay(b *testing.B, street street, delay time.Duration) {
	b.Helper()
	const interval = time.Millisecond
	left, right := street.sockets(b)
	arrivals := make(chan []time.Duration)
	go func() { arrivals <- travels(b, right) }()
	start := time.Now()
	for i := range b.N {
		// The pace of the load, from the start so that no lateness adds up.
		time.Sleep(time.Until(start.Add(time.Duration(i) * interval)))
		if _, err := left.Write(binary.NativeEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))); err != nil {
			b.Fatal(err)
		}
	}
	all := <-arrivals
	if len(all) != b.N {
		b.Errorf("%d of %d packets arrived", len(all), b.N)
	}
	slices.Sort(all)
	late := func(percent int) float64 { return micros(all[(len(all)-1)*percent/100] - delay) }
	b.ReportMetric(late(50), "median-µs")
	b.ReportMetric(late(99), "p99-µs")
	b.ReportMetric(0, "ns/op") // the interval
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// travels receives b.N packets that hold the time of their sending, and tells
// how long they were under way.
func travels(b *testing.B, socket *net.UDPConn) (all []time.Duration) {
	raw, err := socket.SyscallConn()
	if err != nil {
		b.Error(err)
		return nil
	}
	if err := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	}); err != nil {
		b.Error(err)
		return nil
	}
	data, control := make([]byte, 8), make([]byte, 100)
	for len(all) < b.N {
		if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
			b.Error(err)
			return all
		}
		_, n, _, _, err := socket.ReadMsgUDP(data, control)
		if err != nil {
			b.Error(err)
			return all
		}
		messages, err := unix.ParseSocketControlMessage(control[:n])
		if err != nil || len(messages) != 1 {
			b.Errorf("no stamp: %v, %v", messages, err)
			return all
		}
		// struct timespec of a 64-bit machine.
		stamp := messages[0].Data
		arrived := time.Unix(int64(binary.NativeEndian.Uint64(stamp)), int64(binary.NativeEndian.Uint64(stamp[8:])))
		all = append(all, arrived.Sub(time.Unix(0, int64(binary.NativeEndian.Uint64(data)))))
	}
	return all
}

// BenchmarkBurden sends 20,000 packets a second over one link, and tells how
// many of them the link lost and by how much the latest was late: over a link
// that only delays, and over one that decides about every packet by itself.
func BenchmarkBurden(b *testing.B) {
	const delay = 10 * time.Millisecond
	b.Run("delay", func(b *testing.B) { benchmarkBurden(b, links.Delayed(delay)) })
	b.Run("everything", func(b *testing.B) {
		benchmarkBurden(b, links.Both(links.Conditions{
			Delay: delay, Jitter: links.Jitter{Spread: delay / 2}, Loss: links.Loss{P: 0.01, R: 0.25, Bad: 1}, Duplicate: 0.01,
			Reorder: 0.01, Rate: links.MaxRate,
		}))
	})
}

func benchmarkBurden(b *testing.B, l links.Link) {
	b.Helper()
	const perMillisecond = 20
	street := newStreet(b)
	e := emulator(b)
	street.wire(b, e, l)
	left, right := street.sockets(b)
	arrived := make(chan int)
	go func() { arrived <- count(b, right) }()
	start := time.Now()
	for i := range b.N {
		if i%perMillisecond == 0 {
			// The pace of the load, from the start so that no lateness adds up.
			time.Sleep(time.Until(start.Add(time.Duration(i/perMillisecond) * time.Millisecond)))
		}
		if _, err := left.Write([]byte{0}); err != nil {
			b.Fatal(err)
		}
	}
	sending := time.Since(start)
	got := <-arrived // of copies, those that come in time
	stats, err := e.Stats()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/sending.Seconds(), "packets/s")
	b.ReportMetric(float64(stats.Lost), "lost")
	b.ReportMetric(float64(b.N+int(stats.Duplicated)-int(stats.Dropped)-got), "missing")
	b.ReportMetric(micros(stats.Lateness), "latest-µs")
}

// count counts the packets that arrive, until b.N have or no more come.
func count(b *testing.B, socket *net.UDPConn) (n int) {
	data := make([]byte, 8)
	for n < b.N {
		if err := socket.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			b.Error(err)
			return n
		}
		if _, err := socket.Read(data); err != nil {
			return n
		}
		n++
	}
	return n
}
