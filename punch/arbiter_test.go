package punch

import (
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/punchlab/punchlab/punch/internal/tcpinfo"
	"github.com/punchlab/punchlab/punch/rendezvous"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// wires makes the two ends of n TCP connections on loopback.
func wires(t *testing.T, n int) (ends [][2]*net.TCPConn) {
	t.Helper()
	ln, err := Listen(Here, netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for range n {
		d, err := dial(Here, freshPort, ln.Addr().(*net.TCPAddr).AddrPort())
		if err != nil {
			t.Fatal(err)
		}
		one, err := d.wait(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		other, err := ln.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = one.Close(), other.Close() })
		for _, end := range []*net.TCPConn{one, other} {
			_ = end.SetDeadline(time.Now().Add(10 * time.Second))
		}
		ends = append(ends, [2]*net.TCPConn{one, other})
	}
	return ends
}

// referee is an arbiter whose victory can be waited for.
type referee struct {
	*arbiter
	done chan struct{}
}

func newReferee(t *testing.T, self, peer party, rtt time.Duration) referee {
	done := make(chan struct{})
	a := newArbiter(self, peer, loopback, []byte("a key of both"), rtt, func() { close(done) })
	t.Cleanup(func() {
		if c := a.finish(); c != nil {
			_ = c.conn.Close()
		}
	})
	return referee{a, done}
}

func (r referee) wait(t *testing.T) *candidate {
	t.Helper()
	select {
	case <-r.done:
		return r.finish()
	case <-time.After(10 * time.Second):
		t.Fatal("nobody has won")
		return nil
	}
}

func parties() (chooser, other party) {
	return party{chooserID, rendezvous.NewNonce()}, party{meekID, rendezvous.NewNonce()}
}

func TestOnlyTheLargerIDChooses(t *testing.T) {
	large, small := parties()
	if a := newArbiter(large, small, loopback, nil, 0, nil); !a.chooser {
		t.Error("the larger id does not choose")
	}
	if a := newArbiter(small, large, loopback, nil, 0, nil); a.chooser {
		t.Error("the smaller id chooses too")
	}
}

// Whatever comes up in whatever order, both ends take the same connection, and every other one is closed.
func TestBothEndsAgree(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 100 {
		large, small := parties()
		sides := [2]referee{newReferee(t, large, small, 0), newReferee(t, small, large, 0)}
		ends := wires(t, 1+random.IntN(5))
		var offering sync.WaitGroup
		for _, wire := range ends {
			how := [][2]origin{{dialled, dialled}, {dialled, accepted}, {accepted, dialled}}[random.IntN(3)]
			for i, side := range sides {
				pause := time.Duration(random.IntN(500)) * time.Microsecond
				offering.Go(func() {
					time.Sleep(pause) // one of many orders in which they may come up
					side.offer(wire[i], how[i], time.Time{}, "test")
				})
			}
		}
		one, other := sides[0].wait(t), sides[1].wait(t)
		offering.Wait()
		for _, wire := range ends {
			if (one.conn == net.Conn(wire[0])) != (other.conn == net.Conn(wire[1])) {
				t.Fatal("the two ends have taken different connections")
			}
		}
		talk(t, one.conn, other.conn)
		talk(t, other.conn, one.conn)
	}
}

// The chooser sends its proof on one connection only, and on the next one when that has died.
func TestOneBetAtATime(t *testing.T) {
	large, small := parties()
	r := newReferee(t, large, small, time.Hour) // no bet is given up for its silence
	ends := wires(t, 2)
	first := r.offer(ends[0][0], dialled, time.Time{}, "test")
	r.offer(ends[1][0], dialled, time.Time{}, "test")
	if err := readProof(ends[0][1], r.mine); err != nil {
		t.Fatalf("no proof on the first: %v", err)
	}
	_ = ends[1][1].SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, _ := ends[1][1].Read(make([]byte, 1)); n > 0 {
		t.Error("the chooser has sent its proof on two connections")
	}
	_ = ends[1][1].SetReadDeadline(time.Now().Add(10 * time.Second))
	_ = ends[0][1].Close()
	<-first.lost
	if err := readProof(ends[1][1], r.mine); err != nil {
		t.Fatalf("no proof on the second: %v", err)
	}
	write(ends[1][1], r.theirs)
	if c := r.wait(t); c.conn != net.Conn(ends[1][0]) {
		t.Error("the other one has won")
	}
}

// A bet without an answer is kept while there is nothing else, and given up once there is.
func TestASilentBetIsGivenUpForAnother(t *testing.T) {
	large, small := parties()
	r := newReferee(t, large, small, 0)
	r.answer = 20 * time.Millisecond
	ends := wires(t, 2)
	silent := r.offer(ends[0][0], dialled, time.Time{}, "test")
	select {
	case <-silent.lost:
		t.Fatal("given up with nothing to gain")
	case <-time.After(2 * r.answer):
	}
	r.offer(ends[1][0], accepted, time.Time{}, "test")
	write(ends[1][1], r.theirs)
	if c := r.wait(t); c.conn != net.Conn(ends[1][0]) {
		t.Error("the silent one has won")
	}
	<-silent.lost
	if got, err := io.ReadAll(ends[0][1]); len(got) != proofSize || err == nil {
		t.Errorf("the silent one got %d bytes, %v; want a proof and a reset", len(got), err)
	}
}

// The peer that does not choose sends its proof on everything that it dialled.
func TestTheOtherProvesItselfAtOnce(t *testing.T) {
	large, small := parties()
	r := newReferee(t, small, large, time.Hour)
	ends := wires(t, 3)
	for _, wire := range ends {
		r.offer(wire[0], dialled, time.Time{}, "test")
	}
	for i, wire := range ends {
		if err := readProof(wire[1], r.mine); err != nil {
			t.Errorf("no proof on connection %d: %v", i, err)
		}
	}
	write(ends[1][1], r.theirs)
	if c := r.wait(t); c.conn != net.Conn(ends[1][0]) {
		t.Error("another one has won")
	}
}

func TestWhatComesAfterTheEndIsClosed(t *testing.T) {
	large, small := parties()
	r := newReferee(t, large, small, 0)
	if r.finish() != nil {
		t.Fatal("somebody has won")
	}
	wire := wires(t, 1)[0]
	r.offer(wire[0], dialled, time.Time{}, "test")
	gotNothing(t, wire[1])
}

// The winner is handed out without a deadline of ours.
func TestTheWinnerHasNoDeadline(t *testing.T) {
	for _, chooses := range []bool{true, false} {
		large, small := parties()
		if !chooses {
			large, small = small, large
		}
		r := newReferee(t, large, small, 0)
		wire := wires(t, 1)[0]
		conn := &deadlines{Conn: wire[0]}
		r.offer(conn, dialled, time.Time{}, "test")
		write(wire[1], r.theirs)
		r.wait(t)
		if !conn.read.IsZero() {
			t.Errorf("the winner's reads end at %s", conn.read)
		}
	}
}

// deadlines remembers what a connection was told.
type deadlines struct {
	net.Conn
	read time.Time
}

func (c *deadlines) SetReadDeadline(t time.Time) error {
	c.read = t
	return c.Conn.SetReadDeadline(t)
}

// stuffed makes a connection whose other end does not take any more for now. What we write stays here.
func stuffed(t *testing.T) (wire [2]*net.TCPConn) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what has been acknowledged, see tcpinfo") // punch runs on other systems too
	}
	wire = wires(t, 1)[0]
	_ = wire[1].SetReadBuffer(32_768)
	_ = wire[0].SetWriteBuffer(200_000)
	write(wire[0], make([]byte, 150_000)) // a new connection takes 64 kB at most
	// What is beyond the other end's buffer is pending from the moment on when it is written.
	if info, _ := tcpinfo.Of(wire[0]); !info.Pending {
		t.Fatal("the other end takes everything")
	}
	return wire
}

// Where a SYN of ours has died between the same endpoints, what comes in by them must carry our data as well.
func TestADoubtedConnectionWinsOnceItCarriesBothWays(t *testing.T) {
	large, small := parties()
	for _, chooses := range []bool{true, false} {
		if !chooses {
			large, small = small, large
		}
		r := newReferee(t, large, small, time.Hour)
		wire := stuffed(t)
		r.offer(wire[0], doubted, time.Time{}, "test")
		write(wire[1], r.theirs)
		select {
		case <-r.done:
			t.Error("won although nothing of ours arrives")
		case <-time.After(20 * time.Millisecond):
		}
		if _, err := io.CopyN(io.Discard, wire[1], 150_000); err != nil {
			t.Fatal(err)
		}
		if c := r.wait(t); c.conn != net.Conn(wire[0]) {
			t.Error("another one has won")
		}
	}
}

func TestADoubtedConnectionThatCarriesOneWayIsGivenUp(t *testing.T) {
	large, small := parties()
	r := newReferee(t, small, large, 0)
	r.answer = 20 * time.Millisecond
	wire := stuffed(t)
	oneWay := r.offer(wire[0], doubted, time.Time{}, "test")
	write(wire[1], r.theirs)
	<-oneWay.lost
	other := wires(t, 1)[0]
	r.offer(other[0], accepted, time.Time{}, "test")
	write(other[1], r.theirs)
	if c := r.wait(t); c.conn != net.Conn(other[0]) {
		t.Error("what carries one way only has won")
	}
	// One that is reset has nothing pending, and is no better.
	r = newReferee(t, small, large, time.Hour)
	wire = stuffed(t)
	r.offer(wire[0], doubted, time.Time{}, "test")
	write(wire[1], r.theirs)
	pause(t.Context(), time.Now().Add(5*time.Millisecond))
	_ = wire[1].SetLinger(0)
	_ = wire[1].Close()
	select {
	case <-r.done:
		t.Error("a dead connection has won")
	case <-time.After(20 * time.Millisecond):
	}
}

// What is accepted at endpoints that a SYN of ours has gone between cannot be that SYN's, or its socket would have it.
func TestWhichConnectionsAreDoubted(t *testing.T) {
	ln, err := Listen(Here, netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	here := ln.Addr().(*net.TCPAddr).AddrPort()
	conn, err := net.Dial("tcp4", here.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in, err := ln.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	there := conn.LocalAddr().(*net.TCPAddr).AddrPort()
	s := new(state)
	s.aim(shot{from: here.Port() + 1, to: there}, shot{from: here.Port(), to: here}, shot{from: freshPort, to: there})
	if got := s.originOf(in); got != accepted {
		t.Errorf("nothing has gone there, and it is %d", got)
	}
	s.aim(shot{from: here.Port(), to: there})
	if got := s.originOf(in); got != doubted {
		t.Errorf("a SYN has gone there, and it is %d", got)
	}
}
