package rendezvous

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

const (
	// MaxLocals is how many local addresses a peer may name: enough for every interface of an ordinary host.
	MaxLocals = 16
	// MaxEndpoints is how many endpoints of its own a server may name. A full classification of a NAT takes four: two
	// addresses with two ports each (RFC 5780, 4.3).
	MaxEndpoints = 8

	maxName = 64
	// maxRoundTrip bounds what a client believes of the server: TCP itself gives up on paths slower than this.
	maxRoundTrip = time.Minute
)

// Hello is how a client presents itself.
type Hello struct {
	Meeting  ID               `json:"meeting"` // derived from the peers' secret; the same for both
	Peer     ID               `json:"peer"`    // fresh for every attempt
	Nonce    Nonce            `json:"nonce"`   // fresh for every attempt
	Strategy string           `json:"strategy"`
	Locals   []netip.AddrPort `json:"locals,omitempty"` // the client's own view of its endpoint
	Notes    int              `json:"notes,omitempty"`  // how many notes follow at once, at most MaxHeld; set by [Client.Hello]
}

// Welcome is what the server says of the client and of itself.
type Welcome struct {
	Observed  netip.AddrPort   `json:"observed"`            // where the server sees the client come from
	Endpoints []netip.AddrPort `json:"endpoints,omitempty"` // where clients reach the server; none: it cannot tell
	DialPort  uint16           `json:"dial_port,omitempty"` // where its dial-backs come from; zero: it makes none
}

// Peer is one client as the other one is told about it.
type Peer struct {
	ID       ID               `json:"id"`
	Nonce    Nonce            `json:"nonce"`
	Observed netip.AddrPort   `json:"observed"` // where the server saw it come from
	Locals   []netip.AddrPort `json:"locals,omitempty"`
	Strategy string           `json:"strategy"`
	Notes    int              `json:"notes,omitempty"` // how many of its notes are on their way, if it has told or announced any
}

// Introduction is what both clients of a meeting are told at the same moment.
type Introduction struct {
	Peer Peer
	// RTT is the sum of both clients' round trips to the server and so, by the triangle inequality, not less than
	// their own round trip wherever routes obey it. Zero: the server cannot tell.
	RTT time.Duration
}

// Departure is how a peer left.
type Departure string

// The two ways to leave.
const (
	SaidBye  Departure = "bye"      // in order: it is connected, or it has given up
	Vanished Departure = "vanished" // its connection to the server ended without a bye
)

// Event is what a client hears after the introduction. Exactly one field is set.
type Event struct {
	Note json.RawMessage // what the peer told
	Left Departure       // how the peer left; the last event
}

// message is one line of the protocol.
type message interface {
	kind() string
	check() error
}

type (
	hello struct {
		Type    string `json:"type"`
		Version int    `json:"version"`
		Hello
	}
	welcome struct {
		Type string `json:"type"`
		Welcome
	}
	introduction struct {
		Type         string `json:"type"`
		Peer         Peer   `json:"peer"`
		Microseconds int64  `json:"rtt_us"`
	}
	// noted is a note on its way: told to the server, or by it.
	noted struct {
		Type string          `json:"type"`
		Note json.RawMessage `json:"note"`
	}
	peerLeft struct {
		Type string    `json:"type"`
		How  Departure `json:"how"`
	}
	failure struct {
		Type    string `json:"type"`
		Code    Code   `json:"code"`
		Message string `json:"message"`
	}
	// bare is a message that says no more than its type.
	bare struct {
		Type string `json:"type"`
	}
)

const (
	typeHello, typeTell, typeRelay, typeBye               = "hello", "tell", "relay", "bye"
	typeWelcome, typeIntroduction, typeTold, typeRelaying = "welcome", "introduction", "told", "relaying"
	typePeerLeft, typeError                               = "peer-left", "error"
)

func (m *hello) kind() string        { return m.Type }
func (m *welcome) kind() string      { return m.Type }
func (m *introduction) kind() string { return m.Type }
func (m *noted) kind() string        { return m.Type }
func (m *peerLeft) kind() string     { return m.Type }
func (m *failure) kind() string      { return m.Type }
func (m *bare) kind() string         { return m.Type }

func (m *hello) check() error {
	return errors.Join(
		given("meeting", m.Meeting != ID{}), given("peer", m.Peer != ID{}), given("nonce", m.Nonce != Nonce{}),
		name("strategy", m.Strategy), endpoints("locals", m.Locals, MaxLocals), notes("notes", m.Notes))
}

func (m *welcome) check() error {
	return errors.Join(endpoint("observed", m.Observed), endpoints("endpoints", m.Endpoints, MaxEndpoints))
}

func (m *introduction) check() error {
	if m.Microseconds < 0 || m.Microseconds > maxRoundTrip.Microseconds() {
		return fmt.Errorf("rtt_us: %d is not between 0 and %d", m.Microseconds, maxRoundTrip.Microseconds())
	}
	p := m.Peer
	return errors.Join(given("peer.id", p.ID != ID{}), given("peer.nonce", p.Nonce != Nonce{}),
		endpoint("peer.observed", p.Observed), name("peer.strategy", p.Strategy),
		endpoints("locals", p.Locals, MaxLocals), notes("peer.notes", p.Notes))
}

func (m *noted) check() error {
	switch {
	case len(m.Note) == 0:
		return given("note", false)
	case m.Note[0] != '{':
		return errors.New("note: not a JSON object")
	case len(m.Note) > MaxNote:
		return fmt.Errorf("note: %d bytes where at most %d are allowed", len(m.Note), MaxNote)
	}
	return nil
}

func (m *peerLeft) check() error { return oneOf("how", m.How, SaidBye, Vanished) }
func (m *failure) check() error  { return name("code", string(m.Code)) }
func (m *bare) check() error     { return nil }

func given(field string, is bool) error {
	if is {
		return nil
	}
	return fmt.Errorf("%s: missing", field)
}

func oneOf[T ~string](field string, value T, allowed ...T) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	list := ""
	for i, a := range allowed {
		if i > 0 {
			list += ", "
		}
		list += string(a)
	}
	return fmt.Errorf("%s: %q is not one of %s", field, value, list)
}

func name(field, s string) error {
	odd := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
	if s == "" || len(s) > maxName || slices.ContainsFunc([]rune(s), odd) {
		return fmt.Errorf("%s: %q is not a name of 1 to %d letters a-z, digits and hyphens", field, s, maxName)
	}
	return nil
}

func endpoint(field string, a netip.AddrPort) error {
	if !a.IsValid() || a.Port() == 0 || a.Addr().Zone() != "" || a.Addr().IsUnspecified() {
		return fmt.Errorf("%s: %q is not an address and port", field, a)
	}
	return nil
}

func notes(field string, n int) error {
	if n < 0 || n > MaxHeld {
		return fmt.Errorf("%s: %d is not between 0 and %d", field, n, MaxHeld)
	}
	return nil
}

func endpoints(field string, all []netip.AddrPort, most int) error {
	if len(all) > most {
		return fmt.Errorf("%s: %d addresses where at most %d are allowed", field, len(all), most)
	}
	for i, a := range all {
		if err := endpoint(fmt.Sprintf("%s[%d]", field, i), a); err != nil {
			return err
		}
	}
	return nil
}
