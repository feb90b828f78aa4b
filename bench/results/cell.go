package results

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Cell is what trials are repeated of. It is comparable, and so serves as the
// key of a map.
type Cell struct {
	Topology string `json:"topology"`
	NATA     Name   `json:"nat_a"`
	NATB     Name   `json:"nat_b"`
	Slots    Slots  `json:"slots"`
	Strategy string `json:"strategy"`
	// Point is where on its sweep the cell is, in a run that has one.
	Point Point `json:"point,omitzero"`
}

// String names a cell in one line, as messages do: "two-nats openwrt x none
// by direct", with what fills further slots in brackets and the point of a sweep at
// the end.
func (c Cell) String() string {
	var b strings.Builder
	b.WriteString(c.Topology)
	if c.NATA != "" {
		b.WriteString(" " + string(c.NATA))
	}
	if c.NATB != "" {
		b.WriteString(" x " + string(c.NATB))
	}
	if slots := c.Slots.String(); slots != "" {
		b.WriteString(" [" + slots + "]")
	}
	b.WriteString(" by " + c.Strategy)
	if c.Point.Swept() {
		b.WriteString(" at " + c.Point.String())
	}
	return b.String()
}

// Lab is the cell without what trials in one lab may differ in: the strategy, and the
// point of a sweep.
func (c Cell) Lab() Cell {
	c.Strategy, c.Point = "", Point{}
	return c
}

// compare is the order of cells that no plan orders.
func (c Cell) compare(o Cell) int {
	return cmp.Or(
		cmp.Compare(c.Topology, o.Topology),
		cmp.Compare(c.Slots, o.Slots),
		cmp.Compare(c.Strategy, o.Strategy),
		cmp.Compare(c.NATA, o.NATA),
		cmp.Compare(c.NATB, o.NATB),
		cmp.Compare(c.Point.Parameter, o.Point.Parameter),
		cmp.Compare(c.Point.Value, o.Point.Value),
	)
}

// Name is the name of the profile in a slot. It is empty where the topology
// has no such slot, and then null in the file.
type Name string

// MarshalJSON writes the empty name as null.
func (n Name) MarshalJSON() ([]byte, error) {
	if n == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(n))
}

// Slots tells which profiles fill the slots of a topology beyond a and b: the
// carrier's NAT, say. It is an object in the file, {} where there are no such
// slots, and a string here so that a Cell is comparable: two Slots made of the
// same profiles are equal. [SlotsOf] makes one.
type Slots string

// SlotsOf makes Slots of slot names and the names of the profiles in them.
func SlotsOf(profiles map[string]string) Slots {
	if len(profiles) == 0 {
		return ""
	}
	text, err := json.Marshal(profiles) // sorts the keys, which makes equal maps equal text
	if err != nil {
		panic(fmt.Sprintf("a map of strings has a JSON form: %v", err))
	}
	return Slots(text)
}

// Map gives the names of the profiles by slot; it is never nil.
func (s Slots) Map() map[string]string {
	profiles := map[string]string{}
	if s != "" {
		// Only SlotsOf and UnmarshalJSON make Slots, and both make objects.
		_ = json.Unmarshal([]byte(s), &profiles)
	}
	return profiles
}

// String is for people: "carrier=linux-random, exit=none", sorted by slot.
func (s Slots) String() string {
	profiles := s.Map()
	var parts []string
	for _, slot := range slices.Sorted(maps.Keys(profiles)) {
		parts = append(parts, slot+"="+profiles[slot])
	}
	return strings.Join(parts, ", ")
}

// MarshalJSON writes an object, also where there is nothing in it.
func (s Slots) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte("{}"), nil
	}
	return []byte(s), nil
}

// UnmarshalJSON reads an object of strings, or null.
func (s *Slots) UnmarshalJSON(text []byte) error {
	var profiles map[string]string
	if err := json.Unmarshal(text, &profiles); err != nil {
		return fmt.Errorf("slots: %w", err)
	}
	*s = SlotsOf(profiles)
	return nil
}
