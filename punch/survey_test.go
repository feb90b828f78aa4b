package punch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// loopbackServer serves on so many ports of each of the given addresses, and dials back if told to.
func loopbackServer(t *testing.T, dialsBack bool, ports int, addrs ...string) *rendezvous.Server {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux answers on all of 127.0.0.0/8") // punch runs on other systems too
	}
	server := new(rendezvous.Server)
	var listeners []net.Listener
	for _, addr := range addrs {
		for range ports {
			ln, err := Listen(Here, netip.AddrPortFrom(netip.MustParseAddr(addr), 0))
			if err != nil {
				t.Fatal(err)
			}
			listeners = append(listeners, ln)
			server.Endpoints = append(server.Endpoints, ln.Addr().(*net.TCPAddr).AddrPort())
		}
	}
	if dialsBack {
		server.DialPort = closedPort(t).Port()
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listeners...) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return server
}

func surveyOf(server *rendezvous.Server) *survey {
	return &survey{
		network: Here, endpoints: server.Endpoints, dialPort: server.DialPort,
		rtt: time.Millisecond, server: server.Endpoints[0].Addr(),
	}
}

// On loopback there is no NAT, no filter and no router.
func TestClassifyWhereNothingStandsBetween(t *testing.T) {
	server := loopbackServer(t, true, 2, "127.0.0.1", "127.0.0.2")
	got, cost, err := Classify(t.Context(), Here, server.Endpoints)
	if err != nil {
		t.Fatal(err)
	}
	want := Classification{
		Version: ClassificationVersion, External: netip.MustParseAddr("127.0.0.1"),
		Mapping: None, Filtering: EndpointIndependent, Disturbed: No,
	}
	if err := got.Check(); err != nil || got.String() != want.String() || got.External != want.External ||
		got.Disturbed != No || len(got.Doubts) > 0 || got.ArmingTTL != 0 {
		t.Errorf("concluded %+v, %v", got, err)
	}
	// 12 connections and as many lines, 8 SYNs of the walk, 5 with small TTLs, and one connection afterwards.
	if cost.Packets != 39 || cost.Took <= 0 || cost.RoundTrips <= 0 {
		t.Errorf("it cost %+v", cost)
	}
}

// What a server does not help with stays open.
func TestClassifyWithLess(t *testing.T) {
	for _, c := range []struct {
		name      string
		server    *rendezvous.Server
		filtering Dependence
	}{
		{"no dial-backs", loopbackServer(t, false, 2, "127.0.0.1", "127.0.0.2"), ""},
		{"one address", loopbackServer(t, true, 2, "127.0.0.1"), ""},
		{"one port", loopbackServer(t, true, 1, "127.0.0.1", "127.0.0.2"), EndpointIndependent},
		{"one endpoint", loopbackServer(t, false, 1, "127.0.0.1"), ""},
	} {
		got, _, err := Classify(t.Context(), nil, c.server.Endpoints)
		if err != nil || got.Mapping != None || got.Filtering != c.filtering || len(got.Doubts) > 0 {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

// An endpoint of the server that is silent is waited for, and not for ever; the others tell what they tell.
func TestClassifyWithAnEndpointThatIsSilent(t *testing.T) {
	server := loopbackServer(t, true, 2, "127.0.0.1", "127.0.0.2")
	s := surveyOf(server)
	s.endpoints = []netip.AddrPort{server.Endpoints[0], blackHole(t), server.Endpoints[2]}
	got, err := s.classify(t.Context(), everything, nil)
	if err != nil || got.Mapping != None || got.Filtering != EndpointIndependent {
		t.Errorf("concluded %+v, %v", got, err)
	}
}

func TestClassifyFails(t *testing.T) {
	server := loopbackServer(t, true, 1, "127.0.0.1")
	silent := surveyOf(server)
	silent.endpoints = []netip.AddrPort{blackHole(t)}
	abroad := surveyOf(server)
	abroad.server = netip.MustParseAddr("192.0.2.2") // whence nobody has to have us dial our own loopback
	none := &survey{network: Here}
	short := surveyOf(server)
	short.network = broken{syscall.EMFILE}
	for _, c := range []struct {
		name string
		s    *survey
		want error
		says string
	}{
		{"nobody answers", silent, errUnseen, "connecting to 127.0.0.1"},
		{"the server sends us to ourselves", abroad, errUnseen, "no endpoint"},
		{"the server names no endpoint", none, errUnseen, "no endpoint"},
		{"no socket can be had", short, syscall.EMFILE, "opening some 40 sockets"},
	} {
		got, err := c.s.classify(t.Context(), everything, nil)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || got.Known() || c.s.sent > 60 {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := surveyOf(server).classify(gone, everything, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	_, _, err := Classify(t.Context(), Here, nil)
	if err == nil || !strings.Contains(err.Error(), "no rendezvous is given") {
		t.Errorf("no server at all: %v", err)
	}
	if _, _, err := Classify(t.Context(), Here, []netip.AddrPort{closedPort(t)}); !errors.Is(err, ErrRendezvous) {
		t.Errorf("no server: %v", err)
	}
}

// broken is a network in which nothing works.
type broken struct{ err error }

func (b broken) Do(func() error) error { return b.err }

// Every endpoint is looked at once from one port; what is connected already is passed over, and nothing is closed
// before close.
func TestLook(t *testing.T) {
	server := loopbackServer(t, false, 2, "127.0.0.1", "127.0.0.2")
	b, err := open(t.Context(), Here, server.Endpoints[0], true)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	s := surveyOf(server)
	defer s.close()
	seen, err := s.look(t.Context(), b.local().Port(), s.reachable())
	if err != nil || len(seen) != 3 {
		t.Fatalf("seen at %v, %v", seen, err)
	}
	for i, at := range seen {
		if at != netip.AddrPortFrom(s.kept[i].from.Addr(), b.local().Port()) || s.kept[i].to != server.Endpoints[i+1] {
			t.Errorf("connection %d, to %s, was seen at %s", i, s.kept[i].to, at)
		}
	}
	if _, err := s.look(t.Context(), b.local().Port(), s.reachable()); !errors.Is(err, errUnseen) {
		t.Errorf("a second look from one port: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.look(gone, freshPort, s.reachable()); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	s.close()
	if seen, err := s.look(t.Context(), b.local().Port(), s.reachable()); err != nil || len(seen) != 3 {
		t.Errorf("after close: %v, %v", seen, err)
	}
}

// After many surveys, some of them cut short, the process holds what it held before.
func TestSurveysLeakNothing(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the garbage collector closes what was forgotten
	survey := func() {
		t.Run("", func(t *testing.T) {
			server := loopbackServer(t, true, 2, "127.0.0.1", "127.0.0.2")
			if _, _, err := Classify(t.Context(), Here, server.Endpoints); err != nil {
				t.Fatal(err)
			}
			for _, after := range []time.Duration{100 * time.Microsecond, time.Millisecond, 3 * time.Millisecond} {
				soon, cancel := context.WithTimeout(t.Context(), after)
				_, _, _ = Classify(soon, Here, server.Endpoints) // it may be done by then
				cancel()
			}
			s := surveyOf(server)
			if _, err := s.look(t.Context(), freshPort, s.reachable()); err != nil {
				t.Error(err)
			}
			s.close()
		})
	}
	survey()
	goroutines, descriptors := held(t)
	for range 20 {
		survey()
	}
	var g, d int
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if g, d = held(t); g <= goroutines && d <= descriptors {
			return // context's own goroutines end a moment after what they served
		}
	}
	open, _ := os.ReadDir("/proc/self/fd")
	t.Errorf("%d goroutines, were %d; %d descriptors, were %d: %v", g, goroutines, d, descriptors, open)
}

func TestChoose(t *testing.T) {
	at := func(all ...string) (parsed []netip.AddrPort) {
		for _, a := range all {
			parsed = append(parsed, netip.MustParseAddrPort(a))
		}
		return parsed
	}
	for _, c := range []struct{ all, want []netip.AddrPort }{
		{nil, nil},
		{at("192.0.2.1:1"), at("192.0.2.1:1")},
		{at("192.0.2.1:1", "192.0.2.2:1"), at("192.0.2.1:1", "192.0.2.2:1")},
		{at("192.0.2.1:1", "192.0.2.1:2"), at("192.0.2.1:1", "192.0.2.1:2")},
		{at("192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "192.0.2.2:2", "192.0.2.1:2", "192.0.2.1:3"),
			at("192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1", "192.0.2.2:2")},
		{at("192.0.2.1:1", "192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:2"), at("192.0.2.1:1", "192.0.2.2:1")},
	} {
		if got := choose(c.all); !slices.Equal(got, c.want) {
			t.Errorf("of %v: %v, want %v", c.all, got, c.want)
		}
	}
}
