package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Trial is one attempt of two hosts with one strategy, and what came of it: a
// line of the file.
//
// Times count from the moment that the later peer has read the introduction.
// They are pointers because a time that was not reached is not zero.
type Trial struct {
	Cell

	// Via is the technique that won; it differs from the cell's strategy
	// where that is a choice among several, and is empty where none won.
	Via string `json:"via"`

	// Number tells the trials of a cell apart. Trials that are repeated
	// because they were invalid have numbers of their own.
	Number int `json:"trial"`

	// Seed decides what links do: the n-th packet of a direction has the same luck
	// in every trial with this seed. Ports, sequence numbers and nonces are drawn
	// elsewhere. Readers that hold numbers as floats keep it exactly only below
	// 2^53.
	Seed uint64 `json:"seed"`

	// At is the wall clock when the trial began.
	At time.Time `json:"at"`

	// StaggerMS is how much later b started than a; negative where a was the
	// later one.
	StaggerMS float64 `json:"stagger_ms"`

	Outcome Outcome `json:"outcome"`

	// Cause says in a word why a trial failed or is invalid, one of a closed list:
	// those of package story, [CauseLate] and [CauseLabLost]. Empty where it
	// connected. Why says it in a sentence.
	Cause string `json:"cause"`
	Why   string `json:"why,omitempty"`

	// EstablishedMS is the time until TCP was established at both ends, and
	// ConnectMS the time until both proofs were checked. The first is there
	// only if each end had a winner, a connection that proved itself. A failed
	// trial has it where the two winners were not one connection that works.
	EstablishedMS *float64 `json:"established_ms"`
	ConnectMS     *float64 `json:"connect_ms"`

	// RTTMS is the round trip between the peers as it was measured, not as
	// it was asked for.
	RTTMS *float64 `json:"rtt_ms"`

	// LatenessMS is how much later than due the latest of the packets that
	// were held for delay was released. Packets is how many packets the hosts
	// of both peers sent during the trial, those to the rendezvous included.
	LatenessMS float64 `json:"lateness_ms"`
	Packets    int64   `json:"packets"`

	// HostLatenessMS is how long the hosts of the lab, which are parts of one
	// program, were kept from the processors at worst.
	HostLatenessMS float64 `json:"host_lateness_ms"`

	// SYNs is how many connections both peers began towards each other. Each is
	// a packet, or two where it was sent again.
	SYNs int `json:"syns"`

	// Links is what the links did to packets by their conditions.
	Links Links `json:"links,omitzero"`
	// Faults are those of the trial, and how often each met its packets.
	Faults []Fault `json:"faults,omitempty"`

	// Story tells what happened, for people: a ladder of all packets that matter,
	// where they were watched. The first success and the first failure of each cell
	// have one.
	Story string `json:"story,omitempty"`

	// Unknown are the fields of the line that this version does not know, as they
	// were written. A Writer writes them again.
	Unknown map[string]json.RawMessage `json:"-"`
}

// Links is what links did to packets because they were told to. What the lab
// itself lost is not in it: that makes a trial invalid.
type Links struct {
	// Dropped counts packets that chance or a fault took, and Overflowed those that
	// found the queue of a link's rate full.
	Dropped    uint64 `json:"dropped,omitempty"`
	Overflowed uint64 `json:"overflowed,omitempty"`
	// Duplicated counts packets that arrived twice, Reordered those that overtook
	// others for want of a delay, and Corrupted those that were damaged.
	Duplicated uint64 `json:"duplicated,omitempty"`
	Reordered  uint64 `json:"reordered,omitempty"`
	Corrupted  uint64 `json:"corrupted,omitempty"`
}

// Fault is a rule about single packets of a link: how many packets matched it,
// and on how many of them it acted.
type Fault struct {
	Rule    string `json:"rule"`
	Matched uint64 `json:"matched"`
	Acted   uint64 `json:"acted"`
}

// String tells the rule and its counts.
func (f Fault) String() string {
	if f.Matched == 0 {
		return f.Rule + ": no packet matched"
	}
	return fmt.Sprintf("%s: matched %d, acted on %d", f.Rule, f.Matched, f.Acted)
}

// String tells a trial in one line, with its seed unless it connected.
func (t Trial) String() string {
	line := fmt.Sprintf("%s, trial %d: %s", t.Cell, t.Number, t.Outcome)
	if t.ConnectMS != nil {
		line += fmt.Sprintf(" after %.1f ms", *t.ConnectMS)
	}
	if t.Cause != "" {
		line += ": " + t.Cause
	}
	if t.Why != "" {
		line += ": " + t.Why
	}
	if t.Outcome != Connected {
		line += fmt.Sprintf(" (seed %d)", t.Seed)
	}
	return line
}

// Rounds is the time to connect in round trips between the peers; nil where it was
// not reached or the round trip not measured.
func (t Trial) Rounds() *float64 {
	if t.ConnectMS == nil || t.RTTMS == nil || *t.RTTMS <= 0 {
		return nil
	}
	return new(*t.ConnectMS / *t.RTTMS)
}

// Outcome is what came of a trial.
type Outcome string

// The outcomes. Connected means that both peers checked the other's proof. An
// invalid trial is one that the lab spoiled, by holding packets for too long
// for instance: it says nothing about the NATs and counts for neither side.
const (
	Connected Outcome = "connected"
	Failed    Outcome = "failed"
	Invalid   Outcome = "invalid"
)

// Why a trial is invalid.
const (
	CauseLate    = "late"     // a packet was held too long, or the hosts were kept from the processors
	CauseLabLost = "lab-lost" // a packet was lost by the lab itself
)

// UnmarshalText accepts the three outcomes only.
func (o *Outcome) UnmarshalText(text []byte) error {
	read := Outcome(text)
	if err := read.check(); err != nil {
		return err
	}
	*o = read
	return nil
}

func (o Outcome) check() error {
	switch o {
	case Connected, Failed, Invalid:
		return nil
	}
	return fmt.Errorf("outcome: %q is not one of %s, %s, %s", string(o), Connected, Failed, Invalid)
}

// check tells everything that a line must have and this trial has not.
func (t Trial) check() error {
	var errs []error
	if t.Topology == "" {
		errs = append(errs, errors.New("topology: missing"))
	}
	if t.Strategy == "" {
		errs = append(errs, errors.New("strategy: missing"))
	}
	errs = append(errs, t.Outcome.check())
	if t.Outcome == Connected && t.ConnectMS == nil {
		errs = append(errs, errors.New("connect_ms: a connected trial has one"))
	}
	return errors.Join(errs...)
}

// Milliseconds is a duration as the file holds it: milliseconds, to the
// microsecond.
func Milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}
