package punch

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/punchlab/punchlab/punch/internal/tcpinfo"
)

const (
	// maxStrangers is how many accepted connections may owe us a proof at once. When one more comes, the oldest of those
	// pays that do not come from the address that the server saw the peer at; only when all do, the oldest. Thus nobody
	// pushes the peer out but who shares its address, or, where its NAT has given it another one for us, who opens that
	// many connections before its proof is here.
	maxStrangers = 16
	// silenceLimit is how long a connection may go without a proof. It covers several bets of the chooser on long paths.
	silenceLimit = 5 * time.Second
	// betSlack is what the answer to a bet may take beyond two round trips: one retransmission by TCP, which comes after
	// 200 ms at the earliest (TCP_RTO_MIN of include/net/tcp.h), and a slow peer.
	betSlack = 300 * time.Millisecond
	// testEvery is how often the kernel is asked whether a proof has arrived. It tells of nothing by itself: a socket is
	// writable all the time. An answer later by that much is no matter where a path is in doubt.
	testEvery = time.Millisecond
	// assumedRTT stands for a round trip that the server could not tell: few paths are longer.
	assumedRTT = 500 * time.Millisecond
)

// arbiter lets several connections become one, the same at both ends. It may be used by several goroutines.
//
// A connection has won at one end when the peer's proof has been read on it and our own has been sent, and, where there is
// reason to doubt that it carries both ways, has arrived. To agree on it, the peer with the larger id is the chooser: it
// sends its proof on one connection at a time, its bet, so that the other peer can read it on one only. That is the first
// connection that it dialled, or on which it has read the peer's proof. It moves to another one when the bet dies, or when
// another is there and two round trips have brought no answer. An answer that is under way at that moment is the one case
// in which the ends disagree: the other has taken a connection that is then reset. betSlack makes it rare; no protocol
// can exclude it.
//
// The peer that does not choose sends its proof at once on what it dialled, and on what it accepted only in answer to
// the chooser's: a stranger who reaches our port gets not a byte. When both have dialled one connection, as crossed
// SYNs make them, both send at once and have won half a round trip later.
type arbiter struct {
	chooser bool
	home    netip.Addr    // where the server saw the peer
	mine    []byte        // the proof that we send
	theirs  []byte        // the one that the peer must send
	answer  time.Duration // how long a bet may go unanswered while another candidate is there
	won     func()        // called once, when there is a winner
	trace   *trace

	mu         sync.Mutex
	running    sync.WaitGroup // one for every candidate's reader, and one for the timer
	candidates []*candidate
	bet        *candidate
	placed     time.Time // when the bet's proof was sent
	second     *time.Timer
	over       bool
	winner     *candidate
	proven     time.Time
	strangers  int
	last       error // what the last stranger's connection died of
}

func newArbiter(self, peer party, home netip.Addr, key []byte, rtt time.Duration, won func()) *arbiter {
	return &arbiter{
		chooser: slices.Compare(self.id[:], peer.id[:]) > 0,
		home:    home,
		mine:    proof(key, self, peer),
		theirs:  proof(key, peer, self),
		answer:  2*cmp.Or(rtt, assumedRTT) + betSlack,
		won:     won,
	}
}

// offer enters a connection that has come up just now by a strategy, its SYN having left at born. The arbiter owns it
// from now on.
func (a *arbiter) offer(conn net.Conn, from origin, born time.Time, via string) *candidate {
	c := &candidate{conn: conn, origin: from, via: via, born: born, up: time.Now(), lost: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		reset(conn)
		return c
	}
	_ = conn.SetReadDeadline(c.up.Add(silenceLimit))
	a.candidates = append(a.candidates, c)
	if from != dialled {
		a.trace.of(c, EventAccepted)
	}
	a.running.Go(func() { a.read(c) })
	a.limit()
	if from == dialled && !a.chooser {
		a.send(c)
	}
	a.choose()
	return c
}

// limit drops one of the accepted connections that owe us a proof if there are too many of them, see maxStrangers.
func (a *arbiter) limit() {
	var owing []*candidate
	for _, c := range a.candidates {
		if c.origin != dialled && !c.proven {
			owing = append(owing, c)
		}
	}
	if len(owing) <= maxStrangers {
		return
	}
	foreign := slices.IndexFunc(owing, func(c *candidate) bool { return !c.from(a.home) })
	a.drop(owing[max(foreign, 0)])
}

// read awaits the peer's proof on c. It ends when c is closed, at the latest.
func (a *arbiter) read(c *candidate) {
	err := readProof(c.conn, a.theirs)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || !slices.Contains(a.candidates, c) {
		return
	}
	if err != nil {
		a.last = err
		a.drop(c)
		a.choose()
		return
	}
	c.proven = true
	_ = c.conn.SetReadDeadline(time.Time{})
	if !a.chooser && !c.sent {
		a.send(c) // or drops it
	}
	if c.sent {
		a.settle(c)
		return
	}
	a.choose()
}

// choose places the chooser's next bet if there is none.
func (a *arbiter) choose() {
	if !a.chooser || a.over {
		return
	}
	for a.bet == nil {
		next := a.next()
		if next == nil {
			return
		}
		a.bet, a.placed = next, time.Now()
		if !next.proven {
			_ = next.conn.SetReadDeadline(a.placed.Add(silenceLimit)) // its silence counts from now on
		}
		a.send(next)
	}
	if a.bet.proven {
		a.settle(a.bet)
		return
	}
	if a.second == nil && a.next() != nil {
		a.running.Add(1)
		a.second = time.AfterFunc(time.Until(a.placed.Add(a.answer)), a.reconsider)
	}
}

// next is what the chooser bets on after the present bet: rather what has proven itself than what it has only dialled.
func (a *arbiter) next() *candidate {
	var next *candidate
	for _, c := range a.candidates {
		switch {
		case c == a.bet:
		case c.proven:
			return c
		case c.origin == dialled && next == nil:
			next = c
		}
	}
	return next
}

// reconsider gives up a bet that has not been answered, since another candidate is there.
func (a *arbiter) reconsider() {
	defer a.running.Done()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.second = nil
	if a.over || a.bet == nil {
		return
	}
	if time.Since(a.placed) >= a.answer && a.next() != nil {
		a.drop(a.bet)
	}
	a.choose()
}

// send sends our proof on c, or drops c if that fails. It does not block: the send buffer of a new connection is larger
// than a proof.
func (a *arbiter) send(c *candidate) {
	if _, err := c.conn.Write(a.mine); err != nil {
		a.last = err
		a.drop(c)
		return
	}
	c.sent = true
}

// drop takes c out of the race.
func (a *arbiter) drop(c *candidate) {
	a.candidates = slices.DeleteFunc(a.candidates, func(other *candidate) bool { return other == c })
	if a.bet == c {
		a.bet = nil
	}
	a.strangers++
	a.trace.of(c, EventDropped)
	reset(c.conn)
	close(c.lost)
}

// settle takes c, on which both proofs have been sent and the peer's has been read, for the winner. What was accepted
// where a SYN of ours has died before is tested first: NATs may remember that SYN's sequence numbers, let the peer's
// data in by its own, and take what we answer for invalid (tcp_in_window of net/netfilter/nf_conntrack_proto_tcp.c).
func (a *arbiter) settle(c *candidate) {
	switch {
	case c.origin != doubted:
		a.win(c)
	case !c.tested:
		c.tested = true
		a.running.Go(func() { a.test(c) })
	}
}

// test waits until the peer's host has acknowledged our proof, and drops c if that does not happen in time. On systems
// that do not tell, it counts as acknowledged.
func (a *arbiter) test(c *candidate) {
	for until := time.Now().Add(a.answer); ; time.Sleep(testEvery) {
		there := arrived(c.conn)
		a.mu.Lock()
		switch {
		case a.over || !slices.Contains(a.candidates, c):
		case there:
			a.win(c)
		case time.Now().Before(until):
			a.mu.Unlock()
			continue
		default:
			a.drop(c)
			a.choose()
		}
		a.mu.Unlock()
		return
	}
}

// arrived tells that the other end has acknowledged all that was sent. It asks twice: the kernel looks at the state of a
// connection before it locks it (tcp_get_info of net/ipv4/tcp.c), and one that is reset in between looks alive, with
// nothing left to be acknowledged.
func arrived(conn net.Conn) bool {
	for range 2 {
		if info, _ := tcpinfo.Of(conn); info.Pending {
			return false
		}
	}
	return true
}

func (a *arbiter) win(c *candidate) {
	a.winner, a.proven, a.over = c, time.Now(), true
	a.trace.of(c, EventProven)
	a.clear()
	a.won()
}

// clear closes everything that has not won.
func (a *arbiter) clear() {
	for _, c := range a.candidates {
		if c != a.winner {
			a.trace.of(c, EventDropped)
			reset(c.conn)
		}
	}
	a.candidates = nil
}

// finish ends the race and returns the winner, or nil. When it returns, every other connection is closed and no
// goroutine of the arbiter is left.
func (a *arbiter) finish() *candidate {
	a.mu.Lock()
	a.over = true
	a.clear()
	if a.second != nil && a.second.Stop() {
		a.running.Done() // on behalf of reconsider, which has not begun and never will
	}
	a.mu.Unlock()
	a.running.Wait()
	return a.winner
}

// lost tells what came of the others: how many did not prove themselves, and what the last one died of.
func (a *arbiter) lost() (strangers int, last error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.strangers, a.last
}
