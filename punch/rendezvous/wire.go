package rendezvous

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"
)

const (
	// Version is the protocol's version. A server refuses every other one by name.
	Version = 1
	// MaxLine is the longest line of the protocol in bytes, its newline included. The longest that a peer of ours
	// sends is below 1,500.
	MaxLine = 4096
	// MaxLocals is how many local addresses a peer may name: enough for every interface of an ordinary host.
	MaxLocals = 16

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
}

// Peer is one client as the other one is told about it.
type Peer struct {
	ID       ID               `json:"id"`
	Nonce    Nonce            `json:"nonce"`
	Observed netip.AddrPort   `json:"observed"` // where the server saw it come from
	Locals   []netip.AddrPort `json:"locals,omitempty"`
	Strategy string           `json:"strategy"`
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
		Type     string         `json:"type"`
		Observed netip.AddrPort `json:"observed"`
	}
	introduction struct {
		Type         string `json:"type"`
		Peer         Peer   `json:"peer"`
		Microseconds int64  `json:"rtt_us"`
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
	typeHello, typeRelay, typeBye               = "hello", "relay", "bye"
	typeWelcome, typeIntroduction, typeRelaying = "welcome", "introduction", "relaying"
	typePeerLeft, typeError                     = "peer-left", "error"
)

func (m *hello) kind() string        { return m.Type }
func (m *welcome) kind() string      { return m.Type }
func (m *introduction) kind() string { return m.Type }
func (m *peerLeft) kind() string     { return m.Type }
func (m *failure) kind() string      { return m.Type }
func (m *bare) kind() string         { return m.Type }

func (m *hello) check() error {
	return errors.Join(
		given("meeting", m.Meeting != ID{}), given("peer", m.Peer != ID{}), given("nonce", m.Nonce != Nonce{}),
		name("strategy", m.Strategy), locals(m.Locals))
}

func (m *welcome) check() error { return endpoint("observed", m.Observed) }

func (m *introduction) check() error {
	if m.Microseconds < 0 || m.Microseconds > maxRoundTrip.Microseconds() {
		return fmt.Errorf("rtt_us: %d is not between 0 and %d", m.Microseconds, maxRoundTrip.Microseconds())
	}
	p := m.Peer
	return errors.Join(given("peer.id", p.ID != ID{}), given("peer.nonce", p.Nonce != Nonce{}),
		endpoint("peer.observed", p.Observed), name("peer.strategy", p.Strategy), locals(p.Locals))
}

func (m *peerLeft) check() error {
	if m.How != SaidBye && m.How != Vanished {
		return fmt.Errorf("how: %q is not one of %s, %s", m.How, SaidBye, Vanished)
	}
	return nil
}

func (m *failure) check() error { return name("code", string(m.Code)) }
func (m *bare) check() error    { return nil }

func given(field string, is bool) error {
	if is {
		return nil
	}
	return fmt.Errorf("%s: missing", field)
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

func locals(all []netip.AddrPort) error {
	if len(all) > MaxLocals {
		return fmt.Errorf("locals: %d addresses where at most %d are allowed", len(all), MaxLocals)
	}
	for i, a := range all {
		if err := endpoint(fmt.Sprintf("locals[%d]", i), a); err != nil {
			return err
		}
	}
	return nil
}

// encode writes m as one line.
func encode(m message) []byte {
	line, err := json.Marshal(m)
	if err != nil || len(line) >= MaxLine {
		panic(fmt.Sprintf("rendezvous: a %s of ours does not fit the protocol: %d bytes, %v", m.kind(), len(line), err))
	}
	return append(line, '\n')
}

// decodeFromClient reads a line that a client may send.
func decodeFromClient(line []byte) (message, error) {
	return decode(line, func(kind string) message {
		switch kind {
		case typeHello:
			return new(hello)
		case typeRelay, typeBye:
			return new(bare)
		}
		return nil
	})
}

// decodeFromServer reads a line that a server may send.
func decodeFromServer(line []byte) (message, error) {
	return decode(line, func(kind string) message {
		switch kind {
		case typeWelcome:
			return new(welcome)
		case typeIntroduction:
			return new(introduction)
		case typeRelaying:
			return new(bare)
		case typePeerLeft:
			return new(peerLeft)
		case typeError:
			return new(failure)
		}
		return nil
	})
}

// decode looks at type and version first and leniently, so that a hello of another version is refused for its version,
// not for the fields that version may have brought.
func decode(line []byte, blank func(kind string) message) (message, error) {
	var probe struct {
		Type    string `json:"type"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(line, &probe); err != nil {
		return nil, &Error{CodeProtocol, "not a message: " + err.Error()}
	}
	m := blank(probe.Type)
	if m == nil {
		return nil, &Error{CodeProtocol, fmt.Sprintf("a message of type %q is not expected", probe.Type)}
	}
	if probe.Type == typeHello && probe.Version != Version {
		return nil, &Error{CodeVersion, fmt.Sprintf("version %d is not spoken here, only version %d", probe.Version, Version)}
	}
	strict := json.NewDecoder(bytes.NewReader(line))
	strict.DisallowUnknownFields()
	if err := errors.Join(strict.Decode(m), m.check()); err != nil {
		return nil, &Error{CodeProtocol, probe.Type + ": " + err.Error()}
	}
	return m, nil
}

// readLine returns the next line without its newline. It is valid until the next read; r's buffer is MaxLine long.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, &Error{CodeProtocol, fmt.Sprintf("a line is longer than %d bytes", MaxLine)}
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, io.ErrUnexpectedEOF
	}
	return nil, err
}
