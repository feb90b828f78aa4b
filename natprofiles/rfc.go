package natprofiles

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Level is how much a requirement asks for, in the words of RFC 2119.
type Level string

const (
	// Must is for MUST and MUST NOT.
	Must Level = "must"
	// Should is for SHOULD, SHOULD NOT and RECOMMENDED.
	Should Level = "should"
)

// Standing is how a profile stands to a requirement.
type Standing string

const (
	// Meets means that the fields of the profile fulfil the requirement.
	Meets Standing = "meets"
	// Breaks means that they contradict a must.
	Breaks Standing = "breaks"
	// Departs means that they do not follow a should.
	Departs Standing = "departs"
	// Untold means that no field of a profile says anything about it.
	Untold Standing = "cannot tell"
	// NotApplicable means that the requirement is about something that this
	// NAT has not.
	NotApplicable Standing = "not applicable"
)

// Requirement is a requirement of an RFC for NATs.
type Requirement struct {
	// RFC is 4787 (UDP), 5382 (TCP) or 6888 (carriers' NATs).
	RFC int
	// Number is that of the requirement in its RFC, such as REQ-9a.
	Number string
	// Level is how much it asks for.
	Level Level
	// Text is what it asks for, in our words.
	Text string

	// judge finds the standing of a NAT and what decided it; nil if no field
	// says anything about it.
	judge func(Profile) (Standing, string)
}

// MarshalJSON gives all that the requirement says.
func (r Requirement) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		RFC    int    `json:"rfc"`
		Number string `json:"number"`
		Level  Level  `json:"level"`
		Text   string `json:"text"`
	}{r.RFC, r.Number, r.Level, r.Text})
}

// Verdict is how a profile stands to one requirement.
type Verdict struct {
	Requirement Requirement `json:"requirement"`
	Standing    Standing    `json:"standing"`
	// Because names the fields that decided it, such as "hairpin: none"; empty
	// if none did.
	Because string `json:"because,omitempty"`
}

// Verdicts judges the profile by the requirements of RFC 4787 for UDP, RFC 5382
// for TCP and RFC 6888 for carriers, in their order, from its fields alone. A
// router that translates nothing is no NAT and gets none.
func (p Profile) Verdicts() []Verdict {
	if !p.Translate {
		return nil
	}
	var all []Verdict
	for _, r := range slices.Concat(rfc4787, rfc5382, rfc6888) {
		v := Verdict{Requirement: r, Standing: Untold}
		if r.judge != nil {
			v.Standing, v.Because = r.judge(p)
		}
		if v.Standing == Breaks && r.Level == Should {
			v.Standing = Departs
		}
		all = append(all, v)
	}
	return all
}

// meets turns a condition and what it was decided by into a standing. A should
// that is not met becomes Departs in [Profile.Verdicts].
func meets(ok bool, because string, args ...any) (Standing, string) {
	because = fmt.Sprintf(because, args...)
	if ok {
		return Meets, because
	}
	return Breaks, because
}

// atLeast judges times of which none may be shorter than least. It names the
// shortest.
func atLeast(least time.Duration, times ...named) (Standing, string) {
	shortest := slices.MinFunc(times, func(a, b named) int { return cmp.Compare(a.Timeout, b.Timeout) })
	return meets(shortest.Timeout >= Timeout(least), "timeouts: {%s: %s}", shortest.name, shortest.Timeout)
}

type named struct {
	name string
	Timeout
}

func hairpinning(t Transport) (Standing, string) {
	return meets(t.Hairpin != HairpinNone, "hairpin: %s", t.Hairpin)
}

func asExternal(t Transport) (Standing, string) {
	if t.Hairpin == HairpinNone {
		return NotApplicable, "hairpin: none"
	}
	return meets(t.Hairpin == HairpinExternal, "hairpin: %s", t.Hairpin)
}

func noOverloading(t Transport) (Standing, string) {
	return meets(!t.Ports.Overloading, "ports: {overloading: %t}", t.Ports.Overloading)
}

func independentMapping(t Transport) (Standing, string) {
	return meets(t.Mapping == EndpointIndependent, "mapping: %s", t.Mapping)
}

func openFiltering(t Transport) (Standing, string) {
	return meets(t.Filtering == EndpointIndependent || t.Filtering == AddressDependent, "filtering: %s", t.Filtering)
}

func survivesICMP(t Transport) (Standing, string) {
	return meets(t.AfterICMP == Keep, "after-icmp: %s", t.AfterICMP)
}

func forwardsErrors(t Transport) (Standing, string) {
	return meets(t.ICMPErrors == Forwarded, "icmp-errors: %s", t.ICMPErrors)
}

// broken lists the musts of an RFC that a profile breaks.
func broken(p Profile, requirements []Requirement) []string {
	var numbers []string
	for _, r := range requirements {
		if r.Level != Must || r.judge == nil {
			continue
		}
		if standing, _ := r.judge(p); standing == Breaks {
			numbers = append(numbers, fmt.Sprintf("RFC %d %s", r.RFC, r.Number))
		}
	}
	return numbers
}

// both joins the standings of a requirement for TCP and UDP.
func both(p Profile, judge func(Transport) (Standing, string)) (Standing, string) {
	tcp, because := judge(p.TCP)
	udp, becauseUDP := judge(p.UDP)
	switch {
	case tcp == udp && because == becauseUDP:
		return tcp, because
	case tcp == Meets && udp == Meets:
		return Meets, strings.Join([]string{because, becauseUDP}, "; ")
	case tcp == Breaks:
		return Breaks, "tcp: " + because
	default:
		return udp, "udp: " + becauseUDP
	}
}
