package punch

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// stub is a connection from a given address, on which the peer says so much and no more.
type stub struct {
	net.Conn
	at     netip.Addr
	says   []byte
	broken error // what writing ends with
	closed chan struct{}
	close  func()
}

func newStub(at string, says []byte) *stub {
	s := &stub{at: netip.MustParseAddr(at), says: says, closed: make(chan struct{})}
	s.close = sync.OnceFunc(func() { close(s.closed) })
	return s
}

func (s *stub) Read(b []byte) (int, error) {
	if len(s.says) == 0 {
		<-s.closed
		return 0, net.ErrClosed
	}
	n := copy(b, s.says)
	s.says = s.says[n:]
	return n, nil
}

func (s *stub) Write(b []byte) (int, error)     { return len(b), s.broken }
func (s *stub) Close() error                    { s.close(); return nil }
func (s *stub) SetReadDeadline(time.Time) error { return nil }
func (s *stub) RemoteAddr() net.Addr            { return net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.at, 1)) }

// A connection may be reset right behind the peer's proof, before ours is written.
func TestWhatCannotTakeOurProofDoesNotWin(t *testing.T) {
	large, small := parties()
	reset := errors.New("reset")
	for name, side := range map[string][2]party{"chooser": {large, small}, "other": {small, large}} {
		for _, from := range []origin{accepted, dialled} {
			r := newReferee(t, side[0], side[1], 0)
			broken := newStub("127.0.0.1", r.theirs)
			broken.broken = reset
			<-r.offer(broken, from, time.Time{}, "test").lost
			<-broken.closed
			sound := newStub("127.0.0.1", r.theirs)
			r.offer(sound, from, time.Time{}, "test")
			if c := r.wait(t); c.conn != net.Conn(sound) {
				t.Errorf("%s: what was closed has won", name)
			}
			if strangers, last := r.lost(); strangers != 1 || !errors.Is(last, reset) {
				t.Errorf("%s: %d strangers, %v", name, strangers, last)
			}
		}
	}
}

// Of too many connections that owe a proof, those from elsewhere go first, then the oldest.
func TestStrangersFromElsewherePayFirst(t *testing.T) {
	const home, elsewhere = "127.0.0.1", "203.0.113.7"
	for name, c := range map[string]struct {
		from string // the oldest first; h is home and e is elsewhere
		lost int
	}{
		"the peer is the oldest":       {"heeeeeeeeeeeeeeee", 1},
		"one from elsewhere":           {"hhhhhhhhehhhhhhhh", 8},
		"one from elsewhere, the last": {"hhhhhhhhhhhhhhhhe", 16},
		"all from elsewhere":           {"eeeeeeeeeeeeeeeee", 0},
		"none from elsewhere":          {"hhhhhhhhhhhhhhhhh", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if len(c.from) != maxStrangers+1 {
				t.Fatalf("%d connections are not one too many", len(c.from))
			}
			large, small := parties()
			r := newReferee(t, small, large, 0)
			var all []*candidate
			for _, where := range c.from {
				at := map[rune]string{'h': home, 'e': elsewhere}[where]
				all = append(all, r.offer(newStub(at, nil), accepted, time.Time{}, "test"))
			}
			for i, candidate := range all {
				select {
				case <-candidate.lost:
					if i != c.lost {
						t.Errorf("connection %d has paid, not %d", i, c.lost)
					}
				default:
					if i == c.lost {
						t.Errorf("connection %d has not paid", i)
					}
				}
			}
		})
	}
}

// The timer of a bet may fire at the moment at which the race ends. What it set off has ended before finish returns.
func TestNothingRunsOnAfterTheEnd(t *testing.T) {
	large, small := parties()
	type end struct {
		*arbiter
		second *time.Timer
	}
	var ends []end
	for i := range 2000 {
		r := newReferee(t, large, small, 0)
		r.answer = time.Duration(i%50) * time.Microsecond
		r.offer(newStub("127.0.0.1", nil), dialled, time.Time{}, "test")
		r.offer(newStub("127.0.0.1", nil), dialled, time.Time{}, "test")
		r.finish()
		ends = append(ends, end{r.arbiter, r.second}) // nobody else may touch it any more
	}
	for _, e := range ends {
		if e.second != e.arbiter.second {
			t.Fatal("the timer's function ran after the end")
		}
	}
}
