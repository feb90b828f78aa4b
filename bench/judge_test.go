package bench

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/punch"
)

var start = time.Now()

// at is a moment of a trial, in milliseconds.
func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

// peer is one side of a trial that connected.
func peer(introduced, established, proven int, rtt time.Duration) party {
	return party{conn: new(net.TCPConn), report: punch.Report{
		Via: "simultaneous-open", Introduced: at(introduced), Established: at(established), Proven: at(proven), RTT: rtt,
	}}
}

func TestTimesCountFromTheLaterIntroductionToTheLaterEnd(t *testing.T) {
	both := &[2]party{peer(0, 50, 75, 41*time.Millisecond), peer(10, 52, 71, 40*time.Millisecond)}
	var got results.Trial
	judge(&got, both, nil)
	if got.Outcome != results.Connected || got.Via != "simultaneous-open" || got.Cause != "" {
		t.Errorf("judged %+v", got)
	}
	if *got.EstablishedMS != 42 || *got.ConnectMS != 65 || *got.RTTMS != 40 {
		t.Errorf("established %v, connected %v, round trip %v", *got.EstablishedMS, *got.ConnectMS, *got.RTTMS)
	}
}

func TestARelayedRoundTripHasTwoHalves(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	both := &[2]party{peer(0, 1, 2, 20*time.Millisecond), peer(0, 1, 2, 22*time.Millisecond)}
	both[0].conn, both[1].conn = near, far
	if got := roundTrip(both); got != 42*time.Millisecond {
		t.Errorf("round trip %s", got)
	}
}

func TestWhatIsNotASuccess(t *testing.T) {
	failed := party{report: punch.Report{Introduced: at(0)}, err: errors.New("no connection came about")}
	for name, c := range map[string]struct {
		both   [2]party
		usable error
		why    string
	}{
		"neither":     {[2]party{failed, failed}, errNotBoth, "alice: no connection came about; bob: no connection came about"},
		"one only":    {[2]party{peer(0, 50, 75, 0), failed}, errNotBoth, "bob: no connection came about"},
		"not the one": {[2]party{peer(0, 50, 75, 0), peer(0, 50, 75, 0)}, errors.New("EOF"), "the peers' connections are not one: EOF"},
	} {
		var got results.Trial
		judge(&got, &c.both, c.usable)
		if got.Outcome != results.Failed || got.Why != c.why || got.Cause == "" || got.ConnectMS != nil {
			t.Errorf("%s: %s, %q, %q", name, got.Outcome, got.Cause, got.Why)
		}
	}
}

// connection is the two ends of one.
func connection(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp4", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
	})
	return near, far
}

func TestConverseFindsConnectionsThatAreNotOne(t *testing.T) {
	a, b := connection(t)
	c, other := connection(t)
	if err := converse(&[2]party{{conn: a}, {conn: b}}, time.Second); err != nil {
		t.Errorf("the two ends of one: %v", err)
	}
	if _, err := other.Write([]byte("somebody else")); err != nil {
		t.Fatal(err)
	}
	if err := converse(&[2]party{{conn: a}, {conn: c}}, 50*time.Millisecond); err == nil {
		t.Error("the ends of two connections passed for one")
	}
	if err := converse(&[2]party{{conn: a}, {}}, time.Second); !errors.Is(err, errNotBoth) {
		t.Errorf("half a connection: %v", err)
	}
}
