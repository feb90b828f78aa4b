package punch

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Event is something that happened in an attempt, as one peer saw it. Fields that an event does not have are zero.
type Event struct {
	At        time.Time
	Kind      EventKind
	Technique string         // the strategy that was at work
	Local     netip.AddrPort // our end; of a SYN its port, at no address
	Remote    netip.AddrPort // the other end
	TTL       int            // of a SYN that is to die on its way
	Err       error          // what it came to, where that is a failure
}

// EventKind is what happened.
type EventKind string

// What happens in an attempt.
const (
	EventRegistered EventKind = "registered" // the server has welcomed us: Local is our end, Remote where it sees that
	EventIntroduced EventKind = "introduced" // Remote is where the server saw the peer; Config.Hold has passed
	EventBegun      EventKind = "begun"      // a technique is at work
	EventMoved      EventKind = "moved"      // what follows begins between fresh endpoints: our port, and the peer's
	EventSent       EventKind = "sent"       // a SYN has left
	EventSilent     EventKind = "silent"     // a SYN was given up since no answer came in its time
	EventRefused    EventKind = "refused"    // the network answered a SYN with an error, or let it not leave: Err
	EventUp         EventKind = "up"         // a connection that we dialled is up
	EventAccepted   EventKind = "accepted"   // a connection has come to our listener
	EventDropped    EventKind = "dropped"    // a connection was closed: no proof came, or another one was agreed on
	EventProven     EventKind = "proven"     // both proofs were checked: the attempt has succeeded here
	EventEnded      EventKind = "ended"      // the attempt has failed here: Err says why
)

// trace tells somebody of events. The nil trace tells nobody.
type trace struct {
	mu sync.Mutex
	to func(Event)
}

func newTrace(to func(Event)) *trace {
	if to == nil {
		return nil
	}
	return &trace{to: to}
}

// tell tells of an event: now, unless it says when.
func (t *trace) tell(e Event) {
	if t == nil {
		return
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.to(e)
}

// sent tells of SYNs that have left.
func (a *attempt) sent(all ...*dialing) {
	if a.trace == nil {
		return
	}
	for _, d := range all {
		if d.local = d.shot.from; d.local == freshPort {
			d.local = d.port()
		}
		e := a.about(d, EventSent, nil)
		e.At = d.born
		a.trace.tell(e)
	}
}

// came tells what has come of a SYN.
func (a *attempt) came(d *dialing, kind EventKind, err error) {
	if a.trace != nil {
		a.trace.tell(a.about(d, kind, err))
	}
}

func (a *attempt) about(d *dialing, kind EventKind, err error) Event {
	return Event{
		Kind: kind, Technique: a.strategy, TTL: d.shot.ttl, Remote: d.shot.to,
		Local: netip.AddrPortFrom(netip.IPv4Unspecified(), d.local), Err: err,
	}
}

// of tells what has happened to a connection.
func (t *trace) of(c *candidate, kind EventKind) {
	if t == nil {
		return
	}
	t.tell(Event{Kind: kind, Technique: c.via, Local: endpoint(c.conn.LocalAddr()), Remote: endpoint(c.conn.RemoteAddr())})
}

// endpoint is a TCP address, or none.
func endpoint(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
