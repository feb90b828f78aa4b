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
// It needs nothing of the NATs beyond outgoing connections. The server sees and carries every byte; the proofs keep it
// from putting somebody else at the other end unnoticed, not from reading along.
//
// At least one round trip to the server until it is established, and one from peer to peer more until both
// proofs are checked.
type relay struct{}

var _ = register(relay{})

func (relay) Name() string    { return "relay" }
func (relay) Summary() string { return "all data through the server: what punching replaces" }
func (relay) relays() bool    { return true }

func (relay) run(ctx context.Context, a *attempt) error {
	conn, err := a.server.Relay(ctx)
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, rendezvous.ErrPeerLeft):
		return fmt.Errorf("%w: %w", ErrPatience, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrRendezvous, err)
	}
	if err := a.follow(ctx, conn, time.Time{}); ctx.Err() == nil {
		return fmt.Errorf("%w: %w", ErrRendezvous, err)
	}
	return nil
}
