// Package links describes what links do to packets, as data: delay, jitter,
// loss, duplication, reordering, rate and MTU of each direction, and faults
// that hit single packets. Values are the same on every machine; package
// harness makes them real.
//
// Each value has a text form, which flags and YAML files share. Reading one
// refuses what no link could do, and tells the values that are allowed.
package links

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Link is both directions of a link between a router and the one that is
// nearer to the core. The zero value is a perfect link.
type Link struct {
	Up   Conditions `json:"up,omitzero"`   // towards the core
	Down Conditions `json:"down,omitzero"` // away from it
}

// Conditions are what one direction of a link does to packets. The zero value
// is a perfect link. Every packet is judged by itself, by draws that a seed
// decides, in the order in which packets come.
type Conditions struct {
	// Delay is how long each packet takes.
	Delay time.Duration `json:"delay_ns,omitempty"`
	// Jitter varies the delay. A packet that is faster than the one before it
	// overtakes it.
	Jitter Jitter `json:"jitter,omitzero"`
	// Loss is which packets are lost.
	Loss Loss `json:"loss,omitzero"`
	// Duplicate is how many packets arrive twice.
	Duplicate Share `json:"duplicate,omitzero"`
	// Reorder is how many packets have no delay, and so overtake those before
	// them.
	Reorder Share `json:"reorder,omitzero"`
	// Rate is how many bits pass in a second, Ethernet's header included; 0 is no
	// limit. Packets wait for each other before their delay begins.
	Rate Rate `json:"rate,omitzero"`
	// Queue is how many bytes may wait for the rate, the packet that is being sent
	// included; a packet that finds no room is dropped. 0 is [DefaultQueue].
	Queue Size `json:"queue,omitzero"`
	// MTU is the size of the largest packet, in bytes; 0 is that of the network,
	// 1500. The router in front answers larger ones by an ICMP error, or cuts
	// them where that is allowed.
	MTU int `json:"mtu,omitempty"`
}

const (
	// MaxDelay bounds a delay: TCP's own patience with an unanswered SYN is of
	// this order.
	MaxDelay = 10 * time.Second
	// MinMTU is what every link must carry (RFC 791, section 3.2).
	MinMTU = 68
	// MaxMTU is that of Ethernet, and of all interfaces of a lab.
	MaxMTU = 1500
	// EthernetHeader is what a packet is longer by where rates are counted, as
	// in the kernel's own queueing disciplines.
	EthernetHeader = 14
)

// Both is a link that is the same in both directions.
func Both(c Conditions) Link { return Link{Up: c, Down: c} }

// Delayed is a link that only delays, by d each way.
func Delayed(d time.Duration) Link { return Both(Conditions{Delay: d}) }

// Lossless is the link without what it does to single packets: its delays,
// rates and MTUs are left.
func (l Link) Lossless() Link { return Link{Up: l.Up.lossless(), Down: l.Down.lossless()} }

func (c Conditions) lossless() Conditions {
	return Conditions{Delay: c.Delay, Rate: c.Rate, Queue: c.Queue, MTU: c.MTU}
}

// Constant says whether every packet takes equally long and arrives once, so
// that none needs a look.
func (c Conditions) Constant() bool { return c == Conditions{Delay: c.Delay, MTU: c.MTU} }

// Draws says whether chance decides about packets.
func (c Conditions) Draws() bool { return c.lossless() != c }

// Or gives what c does, and where it does nothing of a kind, what other does.
// Jitter and reordering are about a delay, and stay away from a link without.
func (c Conditions) Or(other Conditions) Conditions {
	if c.Delay == 0 {
		c.Delay = other.Delay
	}
	if c.Jitter == (Jitter{}) && c.Delay > 0 {
		c.Jitter = other.Jitter
	}
	if c.Loss == (Loss{}) {
		c.Loss = other.Loss
	}
	if c.Duplicate == 0 {
		c.Duplicate = other.Duplicate
	}
	if c.Reorder == 0 && c.Delay > 0 {
		c.Reorder = other.Reorder
	}
	if c.Rate == 0 {
		c.Rate, c.Queue = other.Rate, other.Queue
	}
	if c.MTU == 0 {
		c.MTU = other.MTU
	}
	return c
}

// Problem is something that is wrong with a field of Conditions.
type Problem struct {
	Field string // as files and flags name it
	Text  string
}

// Problems tells everything that is wrong, with the allowed values.
func (c Conditions) Problems() (all []Problem) {
	wrong := func(is bool, field, format string, args ...any) {
		if is {
			all = append(all, Problem{field, fmt.Sprintf(format, args...)})
		}
	}
	wrong(c.Delay < 0 || c.Delay > MaxDelay, "delay", "%v is not from 0s to %v", c.Delay, MaxDelay)
	switch spread := c.Jitter.Spread; {
	case spread < 0:
		wrong(true, "jitter", "%v is negative; want 0s to the delay, %v", spread, c.Delay)
	case spread > c.Delay && c.Delay >= 0:
		wrong(true, "jitter", "%v is larger than the delay, %v; want 0s to %v", spread, c.Delay, c.Delay)
	}
	if err := c.Loss.check(); err != nil {
		wrong(true, "loss", "%v", err)
	}
	wrong(!c.Duplicate.sound(), "duplicate", "%v is not from 0%% to 100%%", c.Duplicate)
	wrong(!c.Reorder.sound(), "reorder", "%v is not from 0%% to 100%%", c.Reorder)
	wrong(c.Reorder > 0 && c.Delay == 0, "reorder",
		"a packet without delay overtakes nothing on a link that has none; give the link a delay, or leave reorder out")
	wrong(c.Rate != 0 && (c.Rate < MinRate || c.Rate > MaxRate), "rate", "%v is not from %v to %v", c.Rate, MinRate, MaxRate)
	wrong(c.Queue != 0 && (c.Queue < MinQueue || c.Queue > MaxQueue), "queue", "%v is not from %v to %v", c.Queue, MinQueue, MaxQueue)
	wrong(c.Queue != 0 && c.Rate == 0, "queue", "nothing waits on a link without a rate; give it one, or leave queue out")
	wrong(c.MTU != 0 && (c.MTU < MinMTU || c.MTU > MaxMTU), "mtu",
		"%d is not from %d, which IPv4 needs (RFC 791), to %d", c.MTU, MinMTU, MaxMTU)
	return all
}

// Check tells everything that is wrong with either direction.
func (l Link) Check() error {
	var errs []error
	for _, way := range Directions {
		for _, p := range l.Way(way).Problems() {
			errs = append(errs, fmt.Errorf("%s: %s: %s", way, p.Field, p.Text))
		}
	}
	return errors.Join(errs...)
}

// Way gives one direction.
func (l Link) Way(d Direction) Conditions {
	if d == Up {
		return l.Up
	}
	return l.Down
}

// String says in words what the link does, and nothing of a perfect one.
func (l Link) String() string {
	if l.Up == l.Down {
		return l.Up.String()
	}
	return strings.TrimSuffix("up "+l.Up.orPerfect()+"; down "+l.Down.orPerfect(), "; ")
}

func (c Conditions) orPerfect() string {
	if text := c.String(); text != "" {
		return text
	}
	return "perfect"
}

// String says in words what the conditions are, and nothing of perfect ones.
func (c Conditions) String() string {
	var words []string
	add := func(is bool, format string, args ...any) {
		if is {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(c.Delay > 0, "%v one way", c.Delay)
	add(c.Jitter.Spread > 0, "jitter %v", c.Jitter)
	add(c.Loss != Loss{}, "loss %v", c.Loss)
	add(c.Duplicate > 0, "duplicate %v", c.Duplicate)
	add(c.Reorder > 0, "reorder %v", c.Reorder)
	add(c.Rate > 0, "rate %v", c.Rate)
	add(c.Queue > 0, "queue %v", c.Queue)
	add(c.MTU > 0, "MTU %d", c.MTU)
	return strings.Join(words, ", ")
}
