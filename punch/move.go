package punch

import (
	"cmp"
	"context"
	"net/netip"
	"time"
)

// move is what a peer tells of the endpoint that it goes on from.
type move struct {
	Turn int            `json:"turn"` // of those that auto takes
	At   netip.AddrPort `json:"at"`   // where the server sees it
}

// moved is said with a move.
const moved = "moved"

// maxTurn is more turns than any attempt takes.
const maxTurn = 1 << 10

// moveSlack is for a busy host, beyond the round trips that a peer may be late by and that its word takes.
const moveSlack = 100 * time.Millisecond

// footholds are the ports that an attempt has moved to.
type footholds []*foothold

func (all footholds) close() {
	for _, f := range all {
		f.close()
	}
}

// moveOn takes both peers to a pair of endpoints between which nothing has been sent. What has failed between two
// endpoints leaves its state in the NATs: connection tracking on Linux ignores a fresh SYN where those of both sides
// have met, or where one of them has been answered, for as long as it waits for the rest of that handshake, which is
// minutes (nf_conntrack_tcp_packet and tcp_conntracks of net/netfilter/nf_conntrack_proto_tcp.c). And a host whose own
// SYN is gone answers the peer's by its listener, with a sequence number that no NAT knows, and cannot dial meanwhile.
//
// The server sees the fresh port of each, in two round trips, and passes the word on. Both peers begin the same turn
// then, the one that is ahead: that brings them together in time as well. One that has no fresh port stays where it is,
// which makes a fresh pair all the same; one whose peer says nothing does, too.
//
// The peer's word is trusted for its port alone, never for another address than the server has seen.
func (a *attempt) moveOn(ctx context.Context, turn int, kept *footholds) (*attempt, int) {
	next := *a
	if own, at := a.freshFoothold(ctx); own != nil {
		*kept = append(*kept, own)
		next.port, next.observed = own.port, at
	}
	if ctx.Err() != nil || a.tell(ctx, moved, move{turn, next.observed}) != nil {
		return a, turn
	}
	theirs := a.hearMove(ctx, turn)
	if theirs.Turn < turn {
		return a, turn
	}
	if theirs.Turn > turn { // they wait for one who comes along
		_ = a.tell(ctx, moved, move{theirs.Turn, next.observed})
	}
	next.peer = netip.AddrPortFrom(a.peer.Addr(), theirs.At.Port())
	a.trace.tell(Event{Kind: EventMoved, Technique: a.strategy, Local: next.own(), Remote: next.peer})
	return &next, theirs.Turn
}

// freshFoothold takes a fresh port, if our NATs show it at the address that the peer knows.
func (a *attempt) freshFoothold(ctx context.Context) (*foothold, netip.AddrPort) {
	server := a.survey.reachable()
	if len(server) == 0 {
		return nil, netip.AddrPort{}
	}
	own, err := a.foothold(ctx)
	if err != nil {
		return nil, netip.AddrPort{}
	}
	seen, err := a.survey.look(ctx, own.port, server[:1])
	if err != nil || seen[0].Addr() != a.observed.Addr() {
		own.close()
		return nil, netip.AddrPort{}
	}
	return own, seen[0]
}

// hearMove waits for the peer's move to a turn, or to a later one. Its turn is less if none comes.
func (a *attempt) hearMove(ctx context.Context, turn int) move {
	soon, cancel := context.WithTimeout(ctx, 4*cmp.Or(a.rtt, assumedRTT)+moveSlack)
	defer cancel()
	for soon.Err() == nil {
		theirs, err := hear[move](soon, a, moved)
		if err == nil && theirs.Turn >= turn && theirs.Turn < maxTurn && theirs.At.Port() != 0 {
			return theirs
		}
	}
	return move{Turn: -1}
}
