package rendezvous

import (
	"errors"
	"fmt"
	"net/netip"
)

const (
	// MaxProbes is how often a client may probe on one connection. With every dial-back asked for each time, the server
	// dials a connection's client 8 times at most.
	MaxProbes = 4

	maxDials = 2 // of one probe: one of each kind
	maxWhy   = 256
	maxTTL   = 255 // eight bits (RFC 791, 3.1)
)

// Dial is a dial-back that a client may ask for: a connection to the very endpoint that its probe comes from. What
// becomes of it tells how the client's NAT filters (RFC 5780, 4.4; over TCP the server has to open the connection).
type Dial string

// The dial-backs. Both come from [Server].DialPort, which no client sends to. What other connections of the client's
// port have sent to the same address opens a NAT that filters by address: OtherAddress means something as long as the
// client has not connected from that port to the address that it comes from. Several connections from one port must not
// have the same dial-back under way, which would be one connection twice: the second is impossible (EADDRNOTAVAIL,
// connect(2)).
const (
	OtherPort    Dial = "other-port"    // from the address that the client connected to
	OtherAddress Dial = "other-address" // from another address of the server
)

// Outcome is what became of a dial-back's only SYN.
type Outcome string

// The outcomes.
const (
	Connected   Outcome = "connected"
	Reset       Outcome = "reset"       // answered by a RST
	Unreachable Outcome = "unreachable" // answered by an ICMP error
	Silent      Outcome = "silent"      // not answered in one and a half round trips of the probing connection
	Impossible  Outcome = "impossible"  // not sent, or the server cannot tell
)

// Mapped is where the server sees a probing client.
type Mapped struct {
	Observed netip.AddrPort `json:"observed"`      // where the connection comes from
	TTL      int            `json:"ttl,omitempty"` // with which its SYN arrived; zero: not known
}

// Dialled is what became of one dial-back.
type Dialled struct {
	Which   Dial           `json:"which"`
	From    netip.AddrPort `json:"from,omitzero"` // where it came from; not valid if there is no such place
	Outcome Outcome        `json:"outcome"`
	Why     string         `json:"why,omitempty"` // it was impossible, for people; quote what a server says
}

type (
	probe struct {
		Type    string `json:"type"`
		Version int    `json:"version"`
		Dial    []Dial `json:"dial,omitempty"`
	}
	mapped struct {
		Type string `json:"type"`
		Mapped
	}
	dialled struct {
		Type string `json:"type"`
		Dialled
	}
)

const typeProbe, typeMapped, typeDialled = "probe", "mapped", "dialled"

func (m *probe) kind() string   { return m.Type }
func (m *mapped) kind() string  { return m.Type }
func (m *dialled) kind() string { return m.Type }

func (m *probe) check() error {
	for i, d := range m.Dial {
		if err := oneOf(fmt.Sprintf("dial[%d]", i), d, OtherPort, OtherAddress); err != nil {
			return err
		}
	}
	if len(m.Dial) > maxDials || len(m.Dial) == maxDials && m.Dial[0] == m.Dial[1] {
		return errors.New("dial: a dial-back is asked for twice")
	}
	return nil
}

func (m *mapped) check() error {
	if m.TTL < 0 || m.TTL > maxTTL {
		return fmt.Errorf("ttl: %d is not between 0 and %d", m.TTL, maxTTL)
	}
	return endpoint("observed", m.Observed)
}

func (m *dialled) check() error {
	impossible := m.Outcome == Impossible
	switch {
	case len(m.Why) > maxWhy:
		return fmt.Errorf("why: %d bytes where at most %d are allowed", len(m.Why), maxWhy)
	case impossible && m.Why == "":
		return given("why", false)
	case !impossible && m.Why != "":
		return fmt.Errorf("why: not expected of outcome %q", m.Outcome)
	}
	var from error
	if !impossible || m.From != (netip.AddrPort{}) {
		from = endpoint("from", m.From)
	}
	return errors.Join(oneOf("which", m.Which, OtherPort, OtherAddress), from,
		oneOf("outcome", m.Outcome, Connected, Reset, Unreachable, Silent, Impossible))
}
