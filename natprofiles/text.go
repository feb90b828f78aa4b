package natprofiles

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// The bounds of a timeout. Connection tracking counts whole seconds; a month is
// more than any NAT that we know of waits.
const (
	minTimeout = time.Second
	maxTimeout = 720 * time.Hour
)

// The forms of the texts, which the JSON Schema has as well.
var (
	intervalForm = regexp.MustCompile(`^([0-9]+)-([0-9]+)$`)
	timeoutForm  = regexp.MustCompile(`^([0-9]+h)?([0-9]+m)?([0-9]+s)?$`)
)

// MarshalText gives the interval as lo-hi.
func (i Interval) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// String gives the interval as lo-hi.
func (i Interval) String() string { return fmt.Sprintf("%d-%d", i.Lo, i.Hi) }

// UnmarshalText reads lo-hi, two ports from 1 to 65535, the lower one first.
func (i *Interval) UnmarshalText(text []byte) error {
	bounds := intervalForm.FindSubmatch(text)
	if bounds == nil {
		return fmt.Errorf("%s is not a range of ports such as 1024-65535", strictyaml.Quote(string(text)))
	}
	lo, hi := port(bounds[1]), port(bounds[2])
	switch {
	case lo < 1 || hi < 1 || lo > math.MaxUint16 || hi > math.MaxUint16:
		return fmt.Errorf("%s leaves the ports that there are, which are 1-65535", strictyaml.Quote(string(text)))
	case lo > hi:
		return fmt.Errorf("%s is empty, as its ends are the wrong way round; write %d-%d", strictyaml.Quote(string(text)), hi, lo)
	}
	*i = Interval{uint16(lo), uint16(hi)}
	return nil
}

// port reads digits; too large a number is one that is no port.
func port(digits []byte) int {
	n, err := strconv.Atoi(string(digits))
	if err != nil {
		return math.MaxInt
	}
	return n
}

// ports is how many the interval has.
func (i Interval) ports() int { return int(i.Hi) - int(i.Lo) + 1 }

// MarshalText gives the timeout as [Timeout.String] does.
func (t Timeout) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// String gives the timeout in hours, minutes and seconds, without those of
// which there are none: 2h4m, 10s.
func (t Timeout) String() string {
	if t == 0 {
		return "0s"
	}
	text := time.Duration(t).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// UnmarshalText reads a number of whole seconds from 1s to 720h, such as 2h4m.
func (t *Timeout) UnmarshalText(text []byte) error {
	word := strings.TrimSpace(string(text))
	quoted := strictyaml.Quote(word)
	parsed, err := time.ParseDuration(word)
	switch {
	case err != nil:
		return fmt.Errorf("%s is not a time such as 10s, 2m or 2h4m", quoted)
	case parsed < 0:
		return fmt.Errorf("%s is negative; want 1s to 720h", quoted)
	case parsed%time.Second != 0:
		return fmt.Errorf("%s is not a number of whole seconds, in which connection tracking counts", quoted)
	case parsed < minTimeout || parsed > maxTimeout:
		return fmt.Errorf("%s is not from 1s to 720h", quoted)
	case !timeoutForm.MatchString(word):
		return fmt.Errorf("%s: write it as %s", quoted, Timeout(parsed))
	}
	*t = Timeout(parsed)
	return nil
}
