package punch

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"
)

// adfShortcut goes in where a NAT filters by address alone (address-dependent filtering, RFC 4787 section 5; the
// restricted cone of RFC 3489): once its host has sent anything to the peer's address, whatever the port, the peer may
// come in from any port of its own. So it does not matter which port the peer's NAT draws.
//
//	A:q    NAT A                           NAT B    B (any port)
//	 |--SYN-->|--to B's address, port 9 --> x  |        |
//	 |--armed------- server ---------------------------->|
//	 |        |<----------------------------SYN|<--------|
//	 |<--SYN--|  listener on q                 |         |
//	 |--SYN-ACK--------------------------------------->  |
//	 |<-----------------------------------------ACK, proof
//	 |--proof------------------------------------------->|
//
// A needs one endpoint for all, and the listener: what comes in is not what its own SYN went to. The SYN is armed, so
// that nobody at the peer's address hears of it or refuses it; where it cannot be, a refused one is sent again at
// once. B dials from fresh ports: at once, again when it is refused, and again if A has opened the hole later than it
// dialled.
//
// At least one round trip until it is established, and two until both proofs are checked.
type adfShortcut struct{}

func init() { register(adfShortcut{}) }

const (
	// discardPort is where the SYN that opens the filter goes: no NAT gives out this port, and nobody listens there
	// (RFC 863, the discard protocol, is switched off everywhere).
	discardPort = 9
	// armedNote tells that the filter is open from now on.
	armedNote = "armed"
	// leaky is the chance that the hole is open when it is closed by each refusal and opened again at once: for minSYNGap
	// of each round trip it is not.
	leaky = 0.9
)

func (adfShortcut) Name() string { return "adf-shortcut" }
func (adfShortcut) Summary() string {
	return "open a filter that looks at addresses, and dial from any port"
}
func (adfShortcut) relays() bool { return false }
func (adfShortcut) needs() part  { return partMapping | partArming }
func (adfShortcut) mixes() bool  { return true }

// Forecast: one side that is open to an address is enough.
func (s adfShortcut) Forecast(a, b Classification) Forecast {
	if f := oriented(a, b, s.one); f.Chance > 0 {
		return f
	}
	return never("neither side has an endpoint that lets in all that comes from an address it has sent to")
}

// one is the forecast where the first side is dialled. Who lets everybody in does not need to send anything.
func (adfShortcut) one(first, second Classification) Forecast {
	switch {
	case first.Open():
		return Forecast{Chance: 1, RoundTrips: 2, SYNs: 1, Reason: "one side lets in SYNs that nothing called for"}
	case !first.Cone() || first.Filtering != AddressDependent:
		return never("")
	case !refuses(second) || arms(first):
		return Forecast{Chance: 1, RoundTrips: 2, SYNs: 2,
			Reason: "one side has sent to the peer's address, and lets in what comes from there"}
	}
	return Forecast{Chance: leaky, RoundTrips: 2, SYNs: 4,
		Reason: "one side lets in what comes from the peer's address, between two refusals of its own SYNs"}
}

func (s adfShortcut) run(ctx context.Context, a *attempt) error {
	us, them, _ := a.classes(ctx)
	if ctx.Err() != nil {
		return nil
	}
	defer a.forget(armedNote)
	fit := func(own, other Classification) float64 {
		f := s.one(own, other)
		return f.Chance / float64(max(1, f.SYNs))
	}
	switch {
	case fit(us, them) == 0 && fit(them, us) == 0:
		return nil
	case !a.plays(us, them, fit):
		return s.dial(ctx, a)
	case us.Open():
		<-ctx.Done() // our listener takes what comes
		return nil
	}
	return s.open(ctx, a, us)
}

// open keeps the filter open for the peer's address, and tells the peer each time that it has been opened anew.
func (adfShortcut) open(ctx context.Context, a *attempt, us Classification) error {
	s := shot{from: a.port, to: netip.AddrPortFrom(a.peer.Addr(), discardPort), silence: standLife}
	if arms(us) && canArm {
		s.ttl = us.ArmingTTL
	}
	for sent := 1; ctx.Err() == nil; sent++ {
		born := time.Now()
		d, err := a.launch(s)
		if err == nil {
			if sent <= eagerSYNs {
				_ = a.tell(ctx, armedNote, nil) // the peer dials again in any case, later
			}
			err = a.stay(ctx, d)
		}
		switch {
		case errors.Is(err, errSpent):
			<-ctx.Done()
		case fatal(err):
			return err
		}
		pause(ctx, born.Add(synGap(sent)))
	}
	return nil
}

// dial sends a SYN to the peer: at once, when the one before is refused or has been silent for long, and when the
// peer has opened its filter after the last one left. A silent one is left alone, as its answer may be under way.
func (adfShortcut) dial(ctx context.Context, a *attempt) error {
	dialling, end := context.WithCancelCause(ctx)
	defer end(nil)
	var all sync.WaitGroup
	defer all.Wait()
	again, silent := make(chan error, 1), 0
	for sent := 1; dialling.Err() == nil; sent++ {
		born, s := time.Now(), shot{from: freshPort, to: a.peer, silence: silence(a.rtt, silent)}
		all.Go(func() {
			err := a.fire(dialling, s)
			if fatal(err) {
				end(err)
			}
			select {
			case again <- err:
			default:
			}
		})
		for waiting := true; waiting; {
			select {
			case err := <-again:
				waiting = errors.Is(err, errSpent) // until the peer is there, or ctx ends
				if errors.Is(err, errSilence) {
					silent++
				}
			case <-a.heard(armedNote):
				waiting = born.After(time.Now().Add(-a.rtt / 2)) // it left after the peer's did
			case <-dialling.Done():
				waiting = false
			}
		}
		pause(dialling, born.Add(synGap(sent)))
	}
	if ctx.Err() == nil {
		return context.Cause(dialling)
	}
	return nil
}
