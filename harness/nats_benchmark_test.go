package harness_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

// The nine classes of RFC 4787, against which plain masquerade stands.
var classes = []string{
	"eim-eif", "eim-adf", "eim-apdf", "adm-eif", "adm-adf", "adm-apdf", "apdm-eif", "apdm-adf", "apdm-apdf",
}

// path is a lab with one NAT and no delay, and a server behind it.
type path struct {
	lab    *harness.Lab
	client *harness.Host
	server netip.AddrPort
}

// newPath makes a path whose server does with each connection what serve does.
func newPath(b *testing.B, profile string, serve func(net.Conn)) path {
	b.Helper()
	harness.Need(b)
	t, err := topologies.Get("one-nat")
	if err != nil {
		b.Fatal(err)
	}
	for i := range t.Nodes {
		t.Nodes[i].Link = links.Link{}
	}
	p, err := natprofiles.Get(profile)
	if err != nil {
		b.Fatal(err)
	}
	lab, err := harness.New(b.Context(), t, harness.NATs{"a": p})
	if err != nil {
		b.Fatal(err)
	}
	server := lab.Host(topologies.Rendezvous)
	listener, err := server.Listen(b.Context(), ":80")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(listener.Close(), lab.Close()); err != nil {
			b.Error(err)
		}
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return path{lab, lab.Host(topologies.Alice), netip.AddrPortFrom(server.Addrs()[0], 80)}
}

// compare measures a class and plain masquerade in turn, so that a busy moment
// falls on both, and reports the medians and their ratio. measure gives how much
// of unit a path did in a second.
func compare(b *testing.B, unit string, serve func(net.Conn), measure func(b *testing.B, p path) float64) {
	for _, name := range classes {
		b.Run(name, func(b *testing.B) {
			class, plain := newPath(b, name, serve), newPath(b, "linux-masquerade", serve)
			var of, against []float64
			for b.Loop() {
				against = append(against, measure(b, plain))
				of = append(of, measure(b, class))
			}
			b.ReportMetric(median(of), unit)
			b.ReportMetric(median(of)/median(against), "of-masquerade")
		})
	}
}

// streamed is how much one measurement of a stream sends.
const streamed = 256 << 20

// BenchmarkNATStream sends one TCP stream through a NAT of each class.
func BenchmarkNATStream(b *testing.B) {
	buffer := make([]byte, 1<<20)
	receive := func(conn net.Conn) {
		defer conn.Close()
		if _, err := io.CopyN(io.Discard, conn, streamed); err == nil {
			_, _ = conn.Write([]byte{1})
		}
	}
	compare(b, "Mbit/s", receive, func(b *testing.B, p path) float64 {
		conn, err := p.client.Dial(b.Context(), p.server)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		began := time.Now()
		for sent := 0; sent < streamed; sent += len(buffer) {
			if _, err := conn.Write(buffer); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			b.Fatal(err)
		}
		return 8 * streamed / 1e6 / time.Since(began).Seconds()
	})
}

const (
	// dialled is how many connections one measurement makes.
	dialled = 2000
	// dialers is how many at a time.
	dialers = 8
)

// BenchmarkNATConnections opens connections through a NAT of each class, and
// ends each by a reset.
func BenchmarkNATConnections(b *testing.B) {
	abort := func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1)) // until the other end resets
		_ = conn.Close()
	}
	compare(b, "conn/s", abort, func(b *testing.B, p path) float64 {
		began := time.Now()
		if err := p.dialMany(b.Context()); err != nil {
			b.Fatal(err)
		}
		rate := dialled / time.Since(began).Seconds()
		if err := p.lab.Reset(); err != nil { // or ports would run out
			b.Fatal(err)
		}
		return rate
	})
}

func (p path) dialMany(ctx context.Context) error {
	var left atomic.Int64
	left.Store(dialled)
	errs := make([]error, dialers)
	var all sync.WaitGroup
	for i := range dialers {
		all.Go(func() {
			for errs[i] == nil && left.Add(-1) >= 0 {
				conn, err := p.client.Dial(ctx, p.server)
				if err == nil {
					err = errors.Join(conn.(*net.TCPConn).SetLinger(0), conn.Close())
				}
				errs[i] = err
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
