package punch

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// lowTTL opens one peer's NATs by a SYN that dies before it comes to the other's, so that nothing there can answer it.
// Its socket stays, deaf to the news of its death, and the other peer dials into the hole.
//
//	A:p    NAT A     router    NAT B   B:q
//	 |--SYN-->|---SYN---x         |      |     TTL: one more than A has NATs
//	 |<-time exceeded---|         |<-SYN-|     B dials at once
//	 |<-------|<------------------|<-----|
//	 |--SYN-ACK------------------------->|
//	 |<-----------------------ACK, proof-|
//	 |--proof--------------------------->|
//
// Neither NAT needs to be silent: whichever answers unsolicited SYNs by resets or ICMP, A's never comes to B's NAT, and
// B's, if it comes to A's NAT too early, is followed by a fresh one as soon as it is refused. What B's own NAT makes of
// that does not matter, since every SYN opens it again. A's NAT must keep its endpoint for B, or filter by address
// only, and keep its hole when ICMP tells of the SYN's death, as RFC 5382 (REQ-10) demands.
//
// The small TTL is from STUNT (Guha and Francis, IMC 2005). There the SYN's socket is closed and a listener answers,
// with a sequence number that Linux's connection tracking does not accept. Here the socket stays: Linux ignores an ICMP
// error that quotes a TTL below IP_MINTTL (tcp_v4_err of net/ipv4/tcp_ipv4.c), and the socket answers B's SYN as RFC
// 9293 (section 3.5) has it.
//
// One handshake, whatever the stagger: at least one round trip until B's end is established, and two until both
// proofs are checked.
type lowTTL struct{}

func init() { register(lowTTL{}) }

const (
	// armed is said by the peer whose SYN has left, every time.
	armed = "armed"
	// armedFor is how long an armed socket may wait. The kernel sends its SYN again after a second, with the ordinary
	// TTL (RFC 6298 section 2.1; TCP_TIMEOUT_INIT of include/net/tcp.h): that one the peer's NAT could answer.
	armedFor = 900 * time.Millisecond
	// armedSlack is how long it waits at least, beyond four round trips. That is longer than a peer takes whose first
	// SYN came too early.
	armedSlack = 100 * time.Millisecond
)

func (lowTTL) Name() string { return "low-ttl" }
func (lowTTL) Summary() string {
	return "one peer opens its NAT by a SYN that dies on the way, the other dials into it"
}
func (lowTTL) relays() bool { return false }
func (lowTTL) needs() part  { return partMapping | partArming }
func (lowTTL) mixes() bool  { return false }

func (s lowTTL) Forecast(a, b Classification) Forecast { return oriented(a, b, s.one) }

// one is the forecast where the armer's NAT is opened and the dialler dials.
func (lowTTL) one(armer, dialler Classification) Forecast {
	switch {
	case forks(armer) || !invites(armer, dialler):
		return never("whichever NAT is opened, the other peer's SYN does not come by the hole")
	case !arms(armer):
		return never("the hole would not outlive the SYN that dies on its way")
	}
	f := Forecast{
		Chance: 1, RoundTrips: 2, SYNs: 2,
		Reason: "one NAT is opened by a SYN that no other router answers, and the other peer's SYN comes in",
	}
	if closeBy(armer, dialler) {
		f.RoundTrips = 2.5
	}
	return f
}

// suits tells how well a peer suits for being armed. Where both do, it is rather the one whose NAT answers: what the
// other one sends too early is then refused, and followed at once, where silence would have to be waited for.
func (s lowTTL) suits(own, other Classification) float64 {
	merit := s.one(own, other).merit()
	if refuses(own) {
		merit *= 2
	}
	return merit
}

func (s lowTTL) run(ctx context.Context, a *attempt) error {
	us, them, settled := a.nats(ctx)
	if !settled {
		return nil
	}
	us, them = us.guessed(), them.guessed()
	switch {
	case s.Forecast(us, them).Chance == 0:
		return nil
	case !a.plays(us, them, s.suits):
		if closeBy(us, them) {
			a.awaitWord(ctx, armed, 2*cmp.Or(a.rtt, assumedRTT))
		}
		return a.dialInto(ctx, armed)
	case !canArm:
		a.note("this system cannot keep a SYN that dies on its way: it sends ordinary ones instead")
		return a.dialInto(ctx, armed)
	}
	return s.arm(ctx, a, us.ArmingTTL)
}

// awaitWord waits for the peer to say a word, but not longer than it may take: the note may be lost, or the peer late,
// and its NAT be open all the same.
func (a *attempt) awaitWord(ctx context.Context, word string, most time.Duration) {
	waiting, stop := context.WithTimeout(ctx, most)
	defer stop()
	select {
	case <-a.heard(word):
	case <-waiting.Done():
	}
}

// arm opens our NATs again and again, every second time by an ordinary SYN. Where a handshake has come half way and
// died, connection tracking still waits for its end and ignores a fresh SYN of ours, until it sees that one answered
// (Linux, nf_conntrack_tcp_packet of net/netfilter/nf_conntrack_proto_tcp.c, TCP_CONNTRACK_IGNORE); and the peer, who
// has been dialling, has its NAT open by then.
//
// Two peers that both arm have understood each other's NATs differently: the younger one then dials.
func (s lowTTL) arm(ctx context.Context, a *attempt, ttl int) error {
	arming, yield := context.WithCancel(ctx)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer yield()
	if !a.elder {
		listening.Go(func() {
			select {
			case <-a.heard(armed):
				yield()
			case <-arming.Done():
			}
		})
	}
	sent := 0
	err := a.sendAgain(arming, func(int) error {
		if sent++; sent%2 == 0 {
			return a.syn(arming, a.port, redialSilence(cmp.Or(a.rtt, assumedRTT), 0))
		}
		return s.hold(arming, a, ttl)
	})
	if err != nil || ctx.Err() != nil {
		return err
	}
	return a.dialInto(ctx, armed)
}

// hold opens our NATs once and keeps the socket for a while. It is given up even if an answer has come, but no
// connection since: a reset may have closed the hole and missed the socket, which would wait for the peer for ever.
func (lowTTL) hold(ctx context.Context, a *attempt, ttl int) error {
	s := shot{from: a.port, to: a.peer, silence: min(armedFor, 4*cmp.Or(a.rtt, assumedRTT)+armedSlack), ttl: ttl}
	d, err := a.launch(s)
	if err != nil {
		return err
	}
	_ = a.tell(ctx, armed, nil) // without the server the peer dials again somewhat later
	waiting, stop := context.WithTimeout(ctx, s.silence+redialSilence(cmp.Or(a.rtt, assumedRTT), 0))
	defer stop()
	conn, err := a.await(ctx, waiting, d)
	if err != nil {
		return err
	}
	return a.follow(ctx, conn, d.born)
}

const (
	// redialSlack is for jitter and slow hosts, beyond the round trip and a half after which a SYN that found a hole
	// has been answered.
	redialSlack = 5 * time.Millisecond
	// redialBriskly is how many silent SYNs are followed as soon as they may be. A peer that is later than that is
	// awaited in longer and longer steps, and its note.
	redialBriskly = 8
)

// redialSilence is how long a SYN may be silent that is meant for a hole which the peer may only be about to make.
func redialSilence(rtt time.Duration, replaced int) time.Duration {
	if rtt <= 0 {
		return untilAnswered
	}
	return (rtt + rtt/2 + redialSlack) << min(max(0, replaced-redialBriskly), 8)
}

// dialInto dials the hole that the peer has made or is about to make, until ctx ends. The peer says a word each time
// that it has made one.
func (a *attempt) dialInto(ctx context.Context, word string) error {
	return a.sendAgain(ctx, func(replaced int) error {
		d, err := a.launch(shot{from: a.port, to: a.peer, silence: redialSilence(a.rtt, replaced)})
		if err != nil {
			return err
		}
		return a.stayUnlessTold(ctx, d, word)
	})
}

// stayUnlessTold stays with a SYN as stay does. It counts as silent earlier if the peer says the word and the SYN left
// before that was said: it came too early, and no answer is under way once a round trip and a half have passed.
func (a *attempt) stayUnlessTold(ctx context.Context, d *dialing, word string) error {
	waiting, giveUp := context.WithCancel(ctx)
	var listening sync.WaitGroup
	listening.Go(func() {
		if a.toldAfter(waiting, d.born, word) {
			pause(waiting, d.born.Add(redialSilence(a.rtt, 0)))
			giveUp()
		}
	})
	conn, err := a.await(ctx, waiting, d)
	giveUp()
	listening.Wait()
	if err != nil {
		return err
	}
	return a.follow(ctx, conn, d.born)
}

// toldAfter waits until the peer says a word that left it after born, half a round trip before it is heard. It returns
// false if ctx ends, and where the round trip is not known.
func (a *attempt) toldAfter(ctx context.Context, born time.Time, word string) bool {
	for a.rtt > 0 {
		select {
		case <-a.heard(word):
			if time.Since(born) > a.rtt/2 {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
	return false
}
