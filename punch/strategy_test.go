package punch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

func TestStrategiesAreNamedAndSorted(t *testing.T) {
	var names []string
	for _, s := range Strategies() {
		names = append(names, s.Name())
		if got, err := StrategyNamed(s.Name()); err != nil || got != s {
			t.Errorf("StrategyNamed(%q) = %v, %v", s.Name(), got, err)
		}
		if s.Summary() == "" || strings.Contains(s.Summary(), "\n") {
			t.Errorf("%s: its summary is not one line: %q", s.Name(), s.Summary())
		}
	}
	if !slices.IsSorted(names) || !slices.Contains(names, "simultaneous-open") {
		t.Errorf("strategies are %v", names)
	}
}

func TestAnUnknownStrategyIsToldFromThoseThatThereAre(t *testing.T) {
	var names []string
	for _, s := range Strategies() {
		names = append(names, s.Name())
	}
	for name, hint := range map[string]string{
		"simultaneous":         "; did you mean simultaneous-open?",
		"rel":                  "; did you mean relay?",
		"directly":             "; did you mean direct?",
		"open":                 "; did you mean open-filter?",
		"filter":               "",
		"":                     "",
		"simultaneous-closing": "",
	} {
		s, err := StrategyNamed(name)
		want := fmt.Sprintf("strategy %q is not one of %s%s", name, strings.Join(names, ", "), hint)
		if s != nil || err == nil || err.Error() != want {
			t.Errorf("StrategyNamed(%q): got %v, %v; want %s", name, s, err, want)
		}
	}
}

func TestSilenceIsLeftAloneForARoundTripAndAHalf(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		rtt      time.Duration
		replaced int
		want     time.Duration
	}{
		{40 * ms, 0, 110 * ms},
		{40 * ms, 1, 220 * ms},
		{40 * ms, 2, 440 * ms},
		{400 * ms, 0, 800 * ms},
		{ms, 0, 51*ms + ms/2},
		{0, 0, untilAnswered},
		{0, 5, untilAnswered},
	} {
		if got := silence(c.rtt, c.replaced); got != c.want {
			t.Errorf("silence(%s, %d) = %s, want %s", c.rtt, c.replaced, got, c.want)
		}
	}
	for rtt := ms; rtt < 10*time.Second; rtt *= 2 {
		for replaced := range maxSYNs {
			if got := silence(rtt, replaced); got < rtt+rtt/2+silenceSlack {
				t.Fatalf("a SYN is replaced after %s of silence at a round trip of %s", got, rtt)
			}
		}
	}
}

func TestSYNsAreNeverCloserThanTheyMayBeAndOutlastAnyPatience(t *testing.T) {
	var all time.Duration
	for sent := 1; sent <= maxSYNs; sent++ {
		gap := synGap(sent)
		if gap < minSYNGap || gap < synGap(max(1, sent-1)) {
			t.Errorf("SYN %d may be followed after %s", sent, gap)
		}
		all += gap
	}
	if all < 16*time.Second {
		t.Errorf("all SYNs may be gone after %s", all)
	}
	if got := synGap(eagerSYNs); got != minSYNGap {
		t.Errorf("eager SYNs wait for %s", got)
	}
}

// bareAttempt is an attempt at the given endpoint, with nobody at the other end.
func bareAttempt(t *testing.T, peer netip.AddrPort) *attempt {
	a := newArbiter(party{id: rendezvous.NewID()}, party{id: rendezvous.NewID()}, peer.Addr(), []byte("key"), 0, func() {})
	t.Cleanup(func() { a.finish() })
	return &attempt{path: path{peer: peer}, state: &state{network: Here, arbiter: a, guard: &guard{server: peer.Addr()}}}
}

// aStranger is an endpoint that accepts every connection and closes it.
func aStranger(t *testing.T) netip.AddrPort {
	t.Helper()
	ln, err := Listen(Here, netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

func TestWhatBecomesOfASYN(t *testing.T) {
	for _, c := range []struct {
		name    string
		peer    netip.AddrPort
		silence time.Duration
		want    error
		tally   tally
	}{
		{"refused", closedPort(t), untilAnswered, errRefused, tally{syns: 1, refusals: 1, answered: 1}},
		{"silence", blackHole(t), 20 * time.Millisecond, errSilence, tally{syns: 1, silences: 1}},
		{"somebody else", aStranger(t), untilAnswered, errLost, tally{syns: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := bareAttempt(t, c.peer)
			if err := a.syn(t.Context(), freshPort, c.silence); !errors.Is(err, c.want) || fatal(err) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			a.tally.last = nil
			if !reflect.DeepEqual(a.tally, c.tally) {
				t.Errorf("counted %+v, want %+v", a.tally, c.tally)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := bareAttempt(t, blackHole(t)).syn(ctx, freshPort, untilAnswered)
	if !errors.Is(err, context.DeadlineExceeded) || fatal(err) {
		t.Errorf("the context ends: %v", err)
	}
}

func TestJudgement(t *testing.T) {
	const ours = 4000
	for _, c := range []struct {
		from      uint16
		err, want error
		fatal     bool
		told      bool // as the last error
	}{
		{ours, syscall.ECONNREFUSED, errRefused, false, true},
		{ours, syscall.EHOSTUNREACH, errRefused, false, true},
		{ours, syscall.ENETUNREACH, errRefused, false, true},
		{freshPort, syscall.ECONNRESET, errRefused, false, true},
		{ours, syscall.EADDRNOTAVAIL, errInUse, false, false},
		{freshPort, syscall.EADDRNOTAVAIL, errNoPort, false, true},
		{ours, context.Canceled, context.Canceled, false, false},
		{ours, syscall.EMFILE, syscall.EMFILE, true, false},
		{ours, errors.New("no such network"), nil, true, false},
	} {
		a := &attempt{state: new(state)}
		got := a.judge(c.from, c.err)
		if c.want != nil && !errors.Is(got, c.want) || fatal(got) != c.fatal || errors.Is(a.tally.last, c.err) != c.told {
			t.Errorf("%v from port %d: judged %v, fatal %t, last %v", c.err, c.from, got, fatal(got), a.tally.last)
		}
	}
}

// A peer that is not there yet refuses. It finds a SYN of ours soon after it has come, and is not flooded before.
func TestARefusedSYNIsSentAgain(t *testing.T) {
	_, at := serve(t)
	cfg, events := traced(config(t, "simultaneous-open", NewSecret(), at))
	p := newPuppet(t, at, "simultaneous-open", meekID)
	_ = p.listener.Close()
	begun := time.Now()
	engine := start(t.Context(), cfg)
	p.hello(cfg.Secret.meeting())
	p.introduced()
	pause(t.Context(), begun.Add(50*time.Millisecond))
	var err error
	if p.listener, err = listen(Here, p.conn.LocalAddr().(*net.TCPAddr).AddrPort()); err != nil {
		t.Fatal(err)
	}
	defer p.listener.Close()
	got := p.finish(cfg.Secret, engine)
	took := time.Since(begun)
	if r := got.report; r.Refusals < 1 || r.SYNs != r.Refusals+1 || !errors.Is(r.LastError, syscall.ECONNREFUSED) {
		t.Errorf("%+v", r)
	}
	told := 0
	for _, e := range *events {
		if e.Kind == EventRefused && e.Remote == got.report.Peer && errors.Is(e.Err, syscall.ECONNREFUSED) {
			told++
		}
	}
	if told != got.report.Refusals {
		t.Errorf("%d refusals were told of, want %d", told, got.report.Refusals)
	}
	if most := int(took/minSYNGap) + 1; got.report.SYNs > most {
		t.Errorf("%d SYNs in %s", got.report.SYNs, took)
	}
}

// The peer starts late and finds our connection waiting for it: the port has been listened on all the time.
func TestALatePeerIsMetByItsListener(t *testing.T) {
	_, at := serve(t)
	prompt := config(t, "simultaneous-open", NewSecret(), at)
	late := prompt
	late.Hold = 50 * time.Millisecond
	first, second := start(t.Context(), prompt), start(t.Context(), late)
	a, b := <-first, <-second
	connected(t, a, b)
	if lateness := b.report.Introduced.Sub(a.report.Introduced); lateness < late.Hold/2 {
		t.Errorf("the late peer was introduced %s after the other", lateness)
	}
	if !b.report.Accepted || b.report.SYNs != 0 || a.report.SYNs != 1 {
		t.Errorf("\n%+v\n%+v", a.report, b.report)
	}
}
