package punch

import (
	"cmp"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// maxStrangers is how many accepted connections may owe us a proof at once. When more come, the oldest pays: a peer
	// that is there proves itself within a round trip, before sixteen strangers can push it out.
	maxStrangers = 16
	// silenceLimit is how long a connection may go without a proof. It covers several bets of the chooser on long paths.
	silenceLimit = 5 * time.Second
	// betSlack is what the answer to a bet may take beyond two round trips: one retransmission by TCP, which comes after
	// 200 ms at the earliest (TCP_RTO_MIN of include/net/tcp.h), and a slow peer.
	betSlack = 300 * time.Millisecond
	// assumedRTT stands for a round trip that the server could not tell: few paths are longer.
	assumedRTT = 500 * time.Millisecond
)

// arbiter lets several connections become one, the same at both ends. It may be used by several goroutines.
//
// A connection has won at one end when the peer's proof has been read on it and our own has been sent. To agree on it,
// the peer with the larger id is the chooser: it sends its proof on one connection at a time, its bet, so that the other
// peer can read it on one only. That is the first connection that it dialled, or on which it has read the peer's proof.
// It moves to another one when the bet dies, or when another is there and two round trips have brought no answer. An
// answer that is under way at that moment is the one case in which the ends disagree: the other has taken a connection
// that is then reset. betSlack makes it rare; no protocol can exclude it.
//
// The peer that does not choose sends its proof at once on what it dialled, and on what it accepted only in answer to
// the chooser's: a stranger who reaches our port gets not a byte. When both have dialled one connection, as crossed
// SYNs make them, both send at once and have won half a round trip later.
type arbiter struct {
	chooser bool
	mine    []byte        // the proof that we send
	theirs  []byte        // the one that the peer must send
	answer  time.Duration // how long a bet may go unanswered while another candidate is there
	won     func()        // called once, when there is a winner

	mu         sync.Mutex
	readers    sync.WaitGroup // one for every candidate
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

func newArbiter(self, peer party, key []byte, rtt time.Duration, won func()) *arbiter {
	return &arbiter{
		chooser: slices.Compare(self.id[:], peer.id[:]) > 0,
		mine:    proof(key, self, peer),
		theirs:  proof(key, peer, self),
		answer:  2*cmp.Or(rtt, assumedRTT) + betSlack,
		won:     won,
	}
}

// offer enters a connection that has come up just now, its SYN having left at born. The arbiter owns it from now on.
func (a *arbiter) offer(conn net.Conn, from origin, born time.Time) *candidate {
	c := &candidate{conn: conn, origin: from, born: born, up: time.Now(), lost: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		reset(conn)
		return c
	}
	if from == accepted {
		a.makeRoom()
	}
	_ = conn.SetReadDeadline(c.up.Add(silenceLimit))
	a.candidates = append(a.candidates, c)
	a.readers.Go(func() { a.read(c) })
	if from == dialled && !a.chooser {
		a.send(c)
	}
	a.choose()
	return c
}

// makeRoom drops the oldest accepted connection that owes us a proof if there are too many of them.
func (a *arbiter) makeRoom() {
	owing := func(c *candidate) bool { return c.origin == accepted && !c.proven }
	n := 0
	for _, c := range a.candidates {
		if owing(c) {
			n++
		}
	}
	if n >= maxStrangers {
		a.drop(a.candidates[slices.IndexFunc(a.candidates, owing)])
	}
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
		a.send(c)
	}
	if c.sent {
		a.win(c)
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
		a.win(a.bet)
		return
	}
	if a.second == nil && a.next() != nil {
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

// send sends our proof on c. It does not block: the send buffer of a new connection is larger than a proof.
func (a *arbiter) send(c *candidate) {
	c.sent = true
	if _, err := c.conn.Write(a.mine); err != nil {
		a.last = err
		a.drop(c)
	}
}

// drop takes c out of the race.
func (a *arbiter) drop(c *candidate) {
	a.candidates = slices.DeleteFunc(a.candidates, func(other *candidate) bool { return other == c })
	if a.bet == c {
		a.bet = nil
	}
	a.strangers++
	reset(c.conn)
	close(c.lost)
}

func (a *arbiter) win(c *candidate) {
	a.winner, a.proven, a.over = c, time.Now(), true
	a.clear()
	a.won()
}

// clear closes everything that has not won.
func (a *arbiter) clear() {
	for _, c := range a.candidates {
		if c != a.winner {
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
	if a.second != nil {
		a.second.Stop()
	}
	a.mu.Unlock()
	a.readers.Wait()
	return a.winner
}

// lost tells what came of the others: how many did not prove themselves, and what the last one died of.
func (a *arbiter) lost() (strangers int, last error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.strangers, a.last
}
