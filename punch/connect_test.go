package punch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// result is what one Connect returned.
type result struct {
	conn   net.Conn
	report Report
	err    error
}

// serve runs a rendezvous on loopback for the length of the test.
func serve(t testing.TB) (*rendezvous.Server, netip.AddrPort) {
	t.Helper()
	server := new(rendezvous.Server)
	at, _ := serveOn(t, server, netip.MustParseAddrPort("127.0.0.1:0"))
	return server, at
}

// serveOn runs the given server; stop ends it before the test does.
func serveOn(t testing.TB, server *rendezvous.Server, at netip.AddrPort) (netip.AddrPort, func()) {
	t.Helper()
	ln, err := Listen(Here, at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, ln) }()
	stop := func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return ln.Addr().(*net.TCPAddr).AddrPort(), stop
}

// start connects in the background.
func start(ctx context.Context, cfg Config) <-chan result {
	done := make(chan result, 1)
	go func() {
		conn, report, err := Connect(ctx, cfg)
		done <- result{conn, report, err}
	}()
	return done
}

func config(t testing.TB, strategy string, secret Secret, at netip.AddrPort) Config {
	t.Helper()
	s, err := StrategyNamed(strategy)
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Rendezvous: []netip.AddrPort{at}, Secret: secret, Strategy: s,
		Patience: 5 * time.Second, Wait: 5 * time.Second, Classification: &unhindered,
	}
}

// connected fails the test unless both ends are connected to each other.
func connected(t testing.TB, a, b result) {
	t.Helper()
	for _, r := range []result{a, b} {
		if r.err != nil {
			t.Fatalf("Connect: %v (%+v)", r.err, r.report)
		}
		t.Cleanup(func() { _ = r.conn.Close() })
	}
	talk(t, a.conn, b.conn)
	talk(t, b.conn, a.conn)
}

func talk(t testing.TB, from, to net.Conn) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	_ = to.SetReadDeadline(deadline)
	if _, err := io.WriteString(from, "hello"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(to, got); err != nil || string(got) != "hello" {
		t.Fatalf("read %q, %v", got, err)
	}
	_ = to.SetReadDeadline(time.Time{})
}

// unhindered is what a host is that nothing stands in front of.
var unhindered = Classification{
	Version: ClassificationVersion, Mapping: None, Filtering: None, External: netip.MustParseAddr("127.0.0.1"),
}

// ways are the strategies that connect two such hosts, which config's peers take themselves for; all others are for NATs.
func ways() []Strategy {
	return slices.DeleteFunc(Strategies(), func(s Strategy) bool { return Predict(unhindered, unhindered, s).Verdict == Cannot })
}

// unmeasured are the strategies that do not ask what NATs there are, and so work with a peer that does not tell
// anything, its own addresses included.
func unmeasured() []Strategy {
	return slices.DeleteFunc(Strategies(), func(s Strategy) bool { return s.needs() != 0 || s == Strategy(local{}) })
}

func TestStrategiesConnectOnLoopback(t *testing.T) {
	for _, s := range ways() {
		t.Run(s.Name(), func(t *testing.T) {
			_, at := serve(t)
			cfg := config(t, s.Name(), NewSecret(), at)
			begun := time.Now()
			first, second := start(t.Context(), cfg), start(t.Context(), cfg)
			a, b := <-first, <-second
			connected(t, a, b)
			t.Logf("%v\n%+v\n%+v", time.Since(begun), a.report, b.report)
		})
	}
}

// A strategy that has no way between two NATs says so at both ends, and does not spend the patience.
func TestStrategiesWithoutAWaySaySo(t *testing.T) {
	for _, s := range Strategies() {
		if Predict(unhindered, unhindered, s).Verdict != Cannot {
			continue
		}
		t.Run(s.Name(), func(t *testing.T) {
			_, at := serve(t)
			cfg := config(t, s.Name(), NewSecret(), at)
			cfg.Patience = time.Hour
			first, second := start(t.Context(), cfg), start(t.Context(), cfg)
			if a, b := <-first, <-second; !errors.Is(a.err, ErrNoWay) || !errors.Is(b.err, ErrNoWay) {
				t.Errorf("%v; %v", a.err, b.err)
			}
		})
	}
}
