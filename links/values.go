package links

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// Share is how many packets of all: 0 is none and 1 is each. Its text is a
// percentage, such as 2%.
type Share float64

func (s Share) sound() bool { return s >= 0 && s <= 1 } // and not NaN

// String gives the percentage. It has as many digits as it takes to be read as
// the same share again.
func (s Share) String() string {
	for digits := 1; ; digits++ {
		text := strconv.FormatFloat(float64(s)*100, 'f', digits-1, 64)
		if percent, _ := strconv.ParseFloat(text, 64); Share(percent/100) == s || digits > 20 {
			return text + "%"
		}
	}
}

// MarshalText gives the percentage.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a percentage from 0% to 100%.
func (s *Share) UnmarshalText(text []byte) error {
	word := string(text)
	number, is := strings.CutSuffix(word, "%")
	percent, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !is || err != nil {
		return fmt.Errorf("%s is not a percentage such as 2%% or 0.1%%", strictyaml.Quote(word))
	}
	if read := Share(percent / 100); read.sound() {
		*s = read
		return nil
	}
	return fmt.Errorf("%s is not from 0%% to 100%%", word)
}

// Jitter is by how much delays vary. Its text is the spread, such as 5ms, with
// normal: before it where the distribution is that one.
type Jitter struct {
	// Spread is by how much a delay is longer or shorter at most; with Normal the
	// standard deviation, of which a delay differs by four at most and by no more
	// than the whole delay.
	Spread time.Duration
	// Normal makes delays normally distributed, not uniformly.
	Normal bool
}

// Deviations is how many standard deviations a normal delay differs by at most, as
// in the table of tc's that netem uses.
const Deviations = 4

// Most is by how much a delay is longer at most.
func (j Jitter) Most() time.Duration {
	if j.Normal {
		return Deviations * j.Spread
	}
	return j.Spread
}

const (
	normal  = "normal:"
	uniform = "uniform:"
)

// String gives the spread, and the distribution where it is not uniform.
func (j Jitter) String() string {
	if j.Normal {
		return normal + j.Spread.String()
	}
	return j.Spread.String()
}

// MarshalText is String.
func (j Jitter) MarshalText() ([]byte, error) { return []byte(j.String()), nil }

// UnmarshalText reads a spread that is not negative.
func (j *Jitter) UnmarshalText(text []byte) error {
	word := string(text)
	spread, isNormal := strings.CutPrefix(word, normal)
	d, err := time.ParseDuration(strings.TrimPrefix(spread, uniform))
	if err != nil {
		return fmt.Errorf("%s is neither a duration, such as 5ms, nor one with its distribution, uniform:5ms or normal:5ms",
			strictyaml.Quote(word))
	}
	if d < 0 {
		return fmt.Errorf("%v is negative; want 0s to the delay", d)
	}
	*j = Jitter{Spread: d, Normal: isNormal && d > 0}
	return nil
}

// Rate is in bits per second. Its text is such as 10mbit.
type Rate uint64

// Size is in bytes. Its text is such as 64kB.
type Size uint64

const (
	// MinRate is what a full packet needs a second and a half for.
	MinRate Rate = 8_000
	// MaxRate is beyond what a lab carries.
	MaxRate Rate = 10_000_000_000
	// MinQueue has room for one full packet.
	MinQueue Size = MaxMTU + EthernetHeader
	// MaxQueue is beyond what a lab can hold.
	MaxQueue Size = 1_000_000_000
)

// DefaultQueue is how much may wait where nobody has said it: what passes in a
// tenth of a second, and ten full packets at least.
func (r Rate) DefaultQueue() Size {
	return max(Size(r/8/10), 10*MinQueue)
}

// unit is what a number can be multiplied by.
type unit struct {
	word   string
	factor float64
}

// The longest words first: each ends with the shortest one.
var (
	rateUnits = []unit{{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}}
	sizeUnits = []unit{{"gb", 1e9}, {"mib", 1 << 20}, {"kib", 1 << 10}, {"mb", 1e6}, {"kb", 1e3}, {"b", 1}}
)

// String gives the rate in its largest whole unit.
func (r Rate) String() string { return inUnits(uint64(r), rateUnits) }

// String gives the size in its largest whole unit.
func (s Size) String() string {
	text := strings.ToUpper(inUnits(uint64(s), []unit{{"gb", 1e9}, {"mb", 1e6}, {"kb", 1e3}, {"b", 1}}))
	return strings.Replace(text, "K", "k", 1)
}

func inUnits(n uint64, units []unit) string {
	for _, u := range units {
		if n >= uint64(u.factor) && n%uint64(u.factor) == 0 {
			return fmt.Sprint(n/uint64(u.factor)) + u.word
		}
	}
	return "0" + units[len(units)-1].word
}

// MarshalText is String.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

var errNoUnit = errors.New("no unit")

// inUnit reads a number with a unit, whatever the case of its letters.
func inUnit(word string, units []unit) (float64, error) {
	lower := strings.ToLower(strings.TrimSpace(word))
	for _, u := range units {
		if number, is := strings.CutSuffix(lower, u.word); is {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			return n * u.factor, err
		}
	}
	return 0, errNoUnit
}

// UnmarshalText reads a rate from [MinRate] to [MaxRate].
func (r *Rate) UnmarshalText(text []byte) error {
	word := string(text)
	bits, err := inUnit(word, rateUnits)
	switch {
	case err != nil:
		return fmt.Errorf("%s is not a rate in bit, kbit, mbit or gbit per second, such as 10mbit", strictyaml.Quote(word))
	case !(bits >= float64(MinRate) && bits <= float64(MaxRate)): // also NaN
		return fmt.Errorf("%s is not from %v to %v", word, MinRate, MaxRate)
	}
	*r = Rate(math.Round(bits))
	return nil
}

// UnmarshalText reads a size from [MinQueue] to [MaxQueue].
func (s *Size) UnmarshalText(text []byte) error {
	word := string(text)
	size, err := inUnit(word, sizeUnits)
	switch {
	case err != nil:
		return fmt.Errorf("%s is not a size in B, kB, MB, KiB or MiB, such as 64kB", strictyaml.Quote(word))
	case !(size >= float64(MinQueue) && size <= float64(MaxQueue)):
		return fmt.Errorf("%s is not from %v, one full packet, to %v", word, MinQueue, MaxQueue)
	}
	*s = Size(math.Round(size))
	return nil
}
