package punch

import "errors"

// The ways in which Connect fails; ask with [errors.Is]. When the caller's context ends, its error is returned instead.
var (
	// ErrSecret: the secret is too short.
	ErrSecret = errors.New("the secret is too short")
	// ErrRendezvous: no server could be reached, or it refused, misbehaved or died before the introduction.
	// For the relay, which needs it throughout, also later.
	ErrRendezvous = errors.New("rendezvous")
	// ErrPeerAbsent: the peer did not come to the rendezvous in time.
	ErrPeerAbsent = errors.New("the peer did not come")
	// ErrStrategyMismatch: the peer came with another strategy.
	ErrStrategyMismatch = errors.New("the peer follows another strategy")
	// ErrNoWay: by what is known of both NATs, the strategy cannot connect them. Nothing more was tried.
	ErrNoWay = errors.New("the strategy has no way between these NATs")
	// ErrPatience: the peers were introduced and no connection came about.
	ErrPatience = errors.New("no connection came about")
)
