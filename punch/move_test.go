package punch

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// introducedPair are two attempts that have been introduced, of peers that listen to each other.
func introducedPair(t *testing.T, at netip.AddrPort) (both [2]*attempt) {
	t.Helper()
	secret := NewSecret()
	var greeting sync.WaitGroup
	for i := range both {
		greeting.Go(func() {
			cfg := config(t, "auto", secret, at).complete()
			b, err := reach(t.Context(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(b.close)
			self := party{rendezvous.NewID(), rendezvous.NewNonce()}
			welcome, err := greet(t.Context(), cfg, b, self)
			if err != nil {
				t.Error(err)
				return
			}
			a, report := prepare(cfg, b, welcome), new(Report)
			t.Cleanup(a.survey.close)
			met, err := meet(t.Context(), cfg, b, self, report)
			if err != nil {
				t.Error(err)
				return
			}
			a.introduce(cfg, b, self, met, report)
			t.Cleanup(func() { a.arbiter.finish() })
			go a.watch(t.Context(), func(error) {})
			both[i] = a
		})
	}
	greeting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return both
}

func TestPeersMoveToFreshEndpointsAndTheSameTurn(t *testing.T) {
	_, at := serve(t)
	both := introducedPair(t, at)
	var next [2]*attempt
	var turn [2]int
	var kept [2]footholds
	var moving sync.WaitGroup
	for i, a := range both {
		moving.Go(func() { next[i], turn[i] = a.moveOn(t.Context(), i+1, &kept[i]) })
	}
	moving.Wait()
	defer kept[0].close()
	defer kept[1].close()
	if turn != [2]int{2, 2} {
		t.Errorf("the turns are %v: the one that is ahead counts", turn)
	}
	for i, a := range next {
		if other := next[1-i]; a.path.port == both[i].port || a.peer != other.observed || a.peer.Port() != other.port {
			t.Errorf("peer %d has gone from %+v to %+v, the other one to %+v", i, both[i].path, a.path, other.path)
		}
	}
	// What comes to the fresh port is taken, as what came to the first one: the peers know each other.
	won := make(chan struct{})
	both[1].arbiter.won = func() { close(won) }
	go func() { _ = next[0].syn(t.Context(), next[0].port, untilAnswered) }()
	select {
	case <-won:
	case <-time.After(5 * time.Second):
		t.Error("the fresh port is not listened on")
	}
}

func TestAPeerThatSaysNothingIsNotFollowed(t *testing.T) {
	_, at := serve(t)
	both := introducedPair(t, at)
	var kept footholds
	defer func() { kept.close() }()
	if stayed, turn := both[0].moveOn(t.Context(), 1, &kept); stayed.path != both[0].path || turn != 1 {
		t.Errorf("turn %d, from %+v to %+v", turn, both[0].path, stayed.path)
	}
	// A word of an earlier turn, and one that nobody sends, are passed over; of an address only the port is believed.
	liar := both[1].as(auto{})
	for _, m := range []move{
		{0, netip.MustParseAddrPort("127.0.0.1:7")}, {maxTurn, netip.MustParseAddrPort("127.0.0.1:8")}, {4, netip.AddrPort{}},
		{3, netip.MustParseAddrPort("198.51.100.1:9")},
	} {
		if err := liar.tell(t.Context(), moved, m); err != nil {
			t.Fatal(err)
		}
	}
	moved, turn := both[0].moveOn(t.Context(), 2, &kept)
	if want := netip.AddrPortFrom(both[0].peer.Addr(), 9); turn != 3 || moved.peer != want {
		t.Errorf("turn %d towards %s, want 3 towards %s", turn, moved.peer, want)
	}
}

// The SYN of one peer is let pass before the other one's, of the elder in odd turns.
func TestPeersGoFirstByTurns(t *testing.T) {
	for _, elder := range []bool{false, true} {
		for turn := 1; turn < 5; turn++ {
			a := &attempt{state: &state{elder: elder, rtt: time.Hour}}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			a.letPass(ctx, turn)
			if waited, first := ctx.Err() != nil, elder == (turn%2 == 1); waited == first {
				t.Errorf("elder %v, turn %d: waited %v", elder, turn, waited)
			}
			cancel()
		}
	}
}

// What has failed is followed by what depends on something else.
func TestTurnsVary(t *testing.T) {
	as := func(name string, crosses bool) choice {
		s, err := StrategyNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		return choice{s, Forecast{Crosses: crosses}}
	}
	order := varied([]choice{
		as("simultaneous-open", true), as("timed-redial", true), as("deaf", true), as("low-ttl", false), as("kept-syn", false),
	})
	got := ""
	for n := range 8 {
		got += turns{choices: order}.choice(n).Name() + " "
	}
	want := "simultaneous-open low-ttl simultaneous-open timed-redial simultaneous-open kept-syn simultaneous-open deaf "
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
