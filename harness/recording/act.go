package recording

import (
	"fmt"
	"time"
)

// Act is what a link did to a packet on purpose, by its conditions or by a rule:
// what the legs on either side of it show without a reason. That a packet is
// delayed, doubled or damaged is told where a rule did it; what chance does so,
// it does to many.
type Act struct {
	// At is when the packet had come to the link, by the clock that packets have.
	At   time.Time
	Link string // with its direction: "transit-a up"
	Did  Deed
	// Why is "loss", "queue full", or the rule: "drop SYN #1 to bob".
	Why string
	// Data is the packet from its IPv4 header on, or the beginning of it, and
	// Length how many bytes it has in truth.
	Data   []byte
	Length int
}

// Deed is what was done to a packet.
type Deed string

// The deeds, in the words of rules.
const (
	Dropped    Deed = "drop"
	Delayed    Deed = "delay"
	Duplicated Deed = "duplicate"
	Corrupted  Deed = "corrupt"
)

// String is the act on one line: "transit-a up: drop SYN #1 to bob".
func (a Act) String() string { return fmt.Sprintf("%s: %s", a.Link, a.Why) }
