package story

import (
	"net/netip"
	"time"
)

// Kind is what an engine tells.
type Kind string

// The kinds of events. Introduced has the peer's own endpoint in Local and in Remote where it was told that the other
// is; Told has in Remote a further endpoint that it was told of later. SYNSent to NotUsable have the endpoints of the
// connection as this peer sees them.
const (
	Introduced     Kind = "introduced"
	Told           Kind = "told"
	TechniqueBegun Kind = "technique begun"
	SYNSent        Kind = "SYN sent"
	SYNRefused     Kind = "refused"         // a RST came
	ICMPHeard      Kind = "ICMP error"      // an ICMP error ended a SYN
	SYNGivenUp     Kind = "given up"        // no answer came, and another one takes its place
	Accepted       Kind = "accepted"        // a connection came to the listener
	Established    Kind = "established"     // a connection is up at this end
	ConnectionLost Kind = "connection lost" // one that was up proved to be nobody's, or died
	Proven         Kind = "proven"          // both proofs have been checked at this end
	NotUsable      Kind = "not usable"      // both ends are proven, and what one says the other does not hear
	GaveUp         Kind = "gave up"
	NothingToDo    Kind = "nothing to do" // by its forecasts the engine has no way
	Noted          Kind = "note"          // anything else worth a line
)

// Event is something that the engine of a peer tells.
type Event struct {
	At            time.Time
	Station       int // a peer; of what is noted, any
	Kind          Kind
	Local, Remote netip.AddrPort // where they matter
	TTL           int            // of a SYN that is meant to die on its way; 0: the ordinary one
	Technique     string
	Err           string // of a refusal, of giving up
	Text          string // in words, for the ladder; may be empty
}
