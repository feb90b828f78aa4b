package punch

import "context"

// deaf lets SYNs cross, with sockets that do not hear the resets of routers. Both peers send with a TTL of 255 and take
// nothing that comes with less than 128: a router's own packets start at 64, so that only the peer's get through (the
// generalized TTL security mechanism, RFC 5082; IP_MINTTL of ip(7); tcp_v4_rcv of net/ipv4/tcp_ipv4.c).
//
//	A:p    NAT A                 NAT B   B:q
//	 |--SYN-->|--------------------->x     |     B has not called yet
//	 |  x<----|<-RST, TTL 64---------|     |     not heard; but it passes NAT A
//	 |        |<---------------------|<-SYN|     comes in if NAT A has kept its hole
//	 |--SYN-ACK--------------------------->|
//	 |<---------------------------ACK, proof
//	 |--proof----------------------------->|
//
// What it needs of both NATs is what crossed SYNs need, see simultaneousOpen. It gains something only where a SYN comes
// too early to a NAT that answers by a reset, and the sender's NAT keeps its hole when that passes (RFC 7857 section
// 2.2). Linux and many others close it, so that the socket lives on without a hole. It says nothing against ICMP, which
// is judged by the TTL that it quotes, nor against resets of hosts whose packets start at 128 or 255.
//
// A listener is not deaf, and what it says has an ordinary TTL: so the sockets are deaf only where the SYNs come from,
// and go to, the endpoints that the server saw, which is where no listener is needed.
//
// At least one round trip until it is established, and one and a half until both proofs are checked.
type deaf struct{}

func init() { register(deaf{}) }

func (deaf) Name() string { return "deaf" }
func (deaf) Summary() string {
	return "crossed SYNs with sockets that do not hear the resets of routers"
}
func (deaf) relays() bool { return false }
func (deaf) needs() part  { return partMapping }
func (deaf) mixes() bool  { return false }

// Forecast takes for granted that a reset closes the hole that it passes: whether it does is not part of a
// classification, and mostly it does. What is left is an early SYN's socket without a hole, no better than a dead one.
func (deaf) Forecast(a, b Classification) Forecast {
	f := timedRedial{}.Forecast(a, b)
	if f.Chance == shunned && deafens(a, b) { // the refusal may be a reset
		f.Chance = (1 + shunned) / 2
	}
	if f.Chance == unforgiven && a.Answer == Reset && b.Answer == Reset {
		f.Reason = "SYNs cross if they leave at once; an early one does not hear its reset, which yet closes its hole"
	}
	return f
}

// deafens tells two NATs between which the sockets may be deaf: every SYN that comes in meets the socket that called
// it. Where that is not known they may not.
func deafens(a, b Classification) bool {
	return a.Known() && b.Known() && a.Cone() && b.Cone() && !a.Open() && !b.Open()
}

func (s deaf) run(ctx context.Context, a *attempt) error {
	us, them, settled := a.nats(ctx)
	if !settled {
		return nil
	}
	if us.Known() && them.Known() && s.Forecast(us, them).Chance == 0 {
		return nil
	}
	one := shot{from: a.port, to: a.peer, deaf: deafens(us, them)}
	if one.deaf && !canArm {
		a.note("this system cannot keep resets from a socket: nothing is sent")
		<-ctx.Done()
		return nil
	}
	return a.sendAgain(ctx, func(int) error {
		one.silence = interval(a.rtt) // both sides' holes may be closed: a fresh SYN opens ours again
		return a.fire(ctx, one)
	})
}
