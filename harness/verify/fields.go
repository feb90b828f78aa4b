package verify

import (
	"strconv"
	"strings"

	"github.com/punchlab/punchlab/natprofiles"
)

// Field is one field of a profile, as it was declared and as it was measured,
// both in the words of profiles.
type Field struct {
	// Field is the field's path in a profile file, such as ports.allocation.
	Field string `json:"field"`
	// Protocol is tcp or udp, and empty for a field that is the same for both.
	Protocol string `json:"protocol"`
	Declared string `json:"declared"`
	// Measured is what packets show; where they show nothing, it says why.
	Measured string `json:"measured"`
	// OK says whether the two mean the same.
	OK bool `json:"ok"`
}

// key names a field of one protocol; the protocol 0 stands for both.
type key struct {
	field    string
	protocol protocol
}

// text is the key's protocol as a report has it.
func (k key) text() string {
	if k.protocol == 0 {
		return ""
	}
	return k.protocol.String()
}

// claim is what a profile says about a field.
type claim struct {
	key
	says word
}

// claims lists what a profile says about every field that applies to it, those
// of timers if they are asked for.
func claims(p natprofiles.Profile, timers bool) []claim {
	all := []claim{{key{"translate", 0}, strconv.FormatBool(p.Translate)}}
	for _, of := range []protocol{tcp, udp} {
		all = append(all, transportClaims(p, of)...)
		if timers && !forwards(p) {
			all = append(all, timerClaims(p, of)...)
		}
	}
	if forwards(p) {
		return all
	}
	add := func(field string, says word) {
		if says != "" {
			all = append(all, claim{key{field, 0}, says})
		}
	}
	if p.Translate {
		add("addresses.count", strconv.Itoa(p.Addresses.Count))
		add("addresses.pooling", string(p.Addresses.Pooling))
	}
	add("limits.mappings", limit(p.Limits.Mappings))
	add("limits.per-host", limit(p.Limits.PerHost))
	add("input", string(p.Input))
	add("invalid", string(p.Invalid))
	return all
}

// forwards says whether the profile is that of a plain router.
func forwards(p natprofiles.Profile) bool { return !p.Translate && !p.Firewall() }

func transportClaims(p natprofiles.Profile, of protocol) []claim {
	t := transportOf(p, of)
	var all []claim
	add := func(field string, says word) {
		if says != "" {
			all = append(all, claim{key{field, of}, says})
		}
	}
	add("mapping", string(t.Mapping))
	add("filtering", string(t.Filtering))
	if p.Translate {
		portClaims(t.Ports, add)
	}
	add("hairpin", string(t.Hairpin))
	add("unsolicited", string(t.Unsolicited))
	add("icmp-errors", string(t.ICMPErrors))
	add("after-icmp", string(t.AfterICMP))
	add("crossed-syn", string(t.CrossedSYN))
	add("after-reset", string(t.AfterReset))
	add("sequence", string(t.Sequence))
	if enough, _ := exhaustible(p, of); enough || p.Translate {
		add("limits.at-limit", string(p.Limits.AtLimit)) // a firewall without limits never comes to one
	}
	return all
}

func timerClaims(p natprofiles.Profile, of protocol) []claim {
	var all []claim
	t := transportOf(p, of).Timeouts
	for _, st := range states {
		if st.of == of {
			all = append(all, claim{key{st.field, of}, st.timer(&t).String()})
		}
	}
	return append(all, claim{key{"timeouts.refresh", of}, string(t.Refresh)})
}

func portClaims(p natprofiles.Ports, add func(field string, says word)) {
	add("ports.allocation", string(p.Allocation))
	add("ports.on-conflict", string(p.OnConflict))
	add("ports.range", rangesText(p.Range))
	if p.Step != 0 {
		add("ports.step", strconv.Itoa(p.Step))
	}
	if p.Block.Size != 0 {
		add("ports.block.size", strconv.Itoa(p.Block.Size))
		add("ports.block.inside", string(p.Block.Inside))
	}
	if p.OnConflict != natprofiles.Fail {
		add("ports.parity", strconv.FormatBool(p.Parity)) // a port that is preserved has its own
	}
	add("ports.overloading", strconv.FormatBool(p.Overloading))
}

func rangesText(ranges []natprofiles.Interval) word {
	var words []string
	for _, r := range ranges {
		words = append(words, wordf("%d-%d", r.Lo, r.Hi))
	}
	return strings.Join(words, ", ")
}

const unlimited = "none"

func limit(n int) word {
	if n == 0 {
		return unlimited
	}
	return strconv.Itoa(n)
}

// means says whether two words mean the same for a protocol: a datagram cannot
// be reset, and is answered by a port unreachable instead; nor is it sent again
// after six seconds.
func means(of protocol, declared, measured word) bool {
	if of == udp {
		switch natprofiles.Answer(declared) {
		case natprofiles.Reset:
			declared = word(natprofiles.PortUnreachable)
		case natprofiles.DelayedUnreachable:
			declared = word(natprofiles.Drop)
		}
		if natprofiles.Answer(measured) == natprofiles.Reset {
			measured = word(natprofiles.PortUnreachable)
		}
	}
	return declared == measured
}
