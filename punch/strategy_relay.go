package punch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// relay sends everything through the server, on the connections that both peers have to it anyway: what hole punching
// is to replace.
//
//	A              server              B
//	|--relay-------->|<---------relay--|
//	|<----relaying---|---relaying----->|
//	|--proof-------->|---------------->|
//	|<---------------|<---------proof--|
//
// It needs nothing of the NATs beyond outgoing connections. The server carries every byte, the proofs among them, and
// may read and change what follows: the proofs only tell that the peer is behind it.
//
// At least one round trip to the server until it is established, and one from peer to peer more until both
// proofs are checked.
type relay struct{}

func init() { register(relay{}) }

func (relay) Name() string    { return "relay" }
func (relay) Summary() string { return "all data through the server: what punching replaces" }
func (relay) relays() bool    { return true }
func (relay) needs() part     { return 0 }
func (relay) mixes() bool     { return false }

func (relay) Forecast(_, _ Classification) Forecast {
	return Forecast{Chance: 1, RoundTrips: 1, ServerTrips: 1, Reason: "both reach the server, and the server passes all on"}
}

func (relay) run(ctx context.Context, a *attempt) error {
	conn, err := a.server.Relay(ctx)
	if err == nil {
		err = a.follow(ctx, conn, time.Time{})
	}
	kind := ErrRendezvous
	if errors.Is(err, rendezvous.ErrPeerLeft) {
		kind = ErrPatience
	}
	if ctx.Err() == nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return nil // it has won, or was told to end
}
