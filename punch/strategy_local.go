package punch

import (
	"context"
	"errors"
	"sync"
	"time"
)

// local dials where the peer sees itself. Two peers that the server saw at one address may be in one network, where
// no NAT is between them (RFC 8445, section 5.1.1.1: host candidates). So may two that it saw at neighbouring addresses,
// which a NAT can have several of (RFC 4787, section 4.1); then nothing is dialled that is not in a network of ours.
//
//	A:x                      B:q = what B told the server that it has itself
//	 |--SYN------------------>|
//	 |<--------------SYN-ACK--|
//	 |--ACK, proof----------->|
//	 |<----------------proof--|
//
// It needs nothing of the NATs, and that the peers are not behind further NATs of their own behind the one that they
// share, as the subscribers of a carrier are: then the address belongs to nobody, or to somebody else, who fails to
// prove himself. It dials nothing that the guard forbids.
//
// At least one round trip until it is established, and two until both proofs are checked; in one network, that is no
// time.
type local struct{}

func init() { register(local{}) }

// localChance is how often peers that share an address share a network: a home, an office. The others share a carrier's
// NAT. It is an assumption that nobody has measured, and less than sure.
const localChance = 0.9

// poolChance is the same for neighbouring addresses: most belong to two homes. That too is assumed.
const poolChance = 0.1

func (local) Name() string    { return "local" }
func (local) Summary() string { return "dial the peer's own address, if both share an external one" }
func (local) relays() bool    { return false }
func (local) needs() part     { return 0 }
func (local) mixes() bool     { return true }

// Forecast: no time passes, as it is counted in round trips between two peers anywhere.
func (local) Forecast(a, b Classification) Forecast {
	switch {
	case !a.External.IsValid() || !b.External.IsValid():
		return never("it is not known whether both peers share an external address")
	case a.External == b.External:
	case neighbouring(a.External, b.External):
		return Forecast{Chance: poolChance, SYNs: 2, Reason: "the external addresses are neighbours, and may be those of one NAT"}
	default:
		return never("the peers have different external addresses, so each other's own ones lead nowhere")
	}
	return Forecast{Chance: localChance, SYNs: 2, Reason: "the peers share an external address and probably a network"}
}

func (local) run(ctx context.Context, a *attempt) error {
	if !a.neighbours() {
		return nil
	}
	trying, end := context.WithCancelCause(ctx)
	defer end(nil)
	var dialling sync.WaitGroup
	for _, at := range a.locals {
		dialling.Go(func() {
			if err := a.reachLocal(trying, shot{from: freshPort, to: at}); err != nil {
				end(err)
			}
		})
	}
	dialling.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(trying)
}

// reachLocal dials one address until ctx ends, or it must not be dialled. What the network refuses now it may let
// through later: a host's own filter, a listener that is not there yet.
func (a *attempt) reachLocal(ctx context.Context, s shot) error {
	for ctx.Err() == nil {
		err := a.fire(ctx, s)
		switch {
		case errors.Is(err, ErrForbidden):
			return nil
		case fatal(err):
			return err
		}
		pause(ctx, time.Now().Add(directPause))
	}
	return nil
}

// neighbours tells that the server saw both peers at one address, or at neighbouring ones.
func (a *attempt) neighbours() bool { return neighbouring(a.observed.Addr(), a.peer.Addr()) }
