package bench

import (
	"fmt"
	"strings"

	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
)

// Classified is what a peer behind one NAT of a profile, and behind nothing else,
// finds out about it: the profile's fields for TCP in the words of a
// classification. What it says differently from the profile is argued here.
func Classified(p natprofiles.Profile) punch.Classification {
	t := p.TCP
	c := punch.Classification{
		Version:   punch.ClassificationVersion,
		PublicHop: 2, NATHop: 1, ArmingTTL: 2, Nested: punch.No, Disturbed: punch.No,
		Mapping: punch.Dependence(t.Mapping), Filtering: punch.Dependence(t.Filtering), Answer: answer(t.Unsolicited),
	}
	if !p.Translate { // the first router has a public address, and there is no NAT that has an end
		c.Mapping, c.PublicHop, c.NATHop, c.Nested = punch.None, 1, 0, ""
	} else {
		c.Ports = allocation(t)
	}
	if t.Filtering == natprofiles.Unfiltered { // a server cannot dial a port that does not ask it to
		c.Filtering = punch.EndpointIndependent
	}
	if c.Open() { // nobody is kept out of a port that the server may dial
		c.Answer = ""
	}
	if c.Cone() && !c.Open() { // a SYN that comes back through the hole is one that crosses
		c.AfterICMP = punch.Found(t.AfterICMP == natprofiles.Keep && t.CrossedSYN == natprofiles.CrossedAccept)
	}
	if p.Translate && c.Cone() { // handed round with an inside source, TCP takes the answer for a stranger's
		c.Hairpin = punch.Found(t.Hairpin == natprofiles.HairpinExternal)
	}
	if c.Mapping == punch.AddressAndPortDependent { // another endpoint has another port in any case
		c.Disturbed = ""
	}
	if t.ICMPErrors == natprofiles.Eaten { // no router behind the NAT is heard of
		c.PublicHop, c.Nested = 0, ""
		if c.AfterICMP == "" { // nor has a hole shown where it ends
			c.NATHop, c.ArmingTTL = 0, 0
		}
	}
	return c
}

// answer is to the first SYN: what comes after six seconds is silence to who
// waits for two round trips (RFC 5382 REQ-4).
func answer(a natprofiles.Answer) punch.Answer {
	return map[natprofiles.Answer]punch.Answer{
		natprofiles.Drop: punch.Drop, natprofiles.DelayedUnreachable: punch.Drop, natprofiles.Reset: punch.Reset,
		natprofiles.PortUnreachable: punch.ICMP, natprofiles.AdminProhibited: punch.ICMP,
	}[a]
}

// tryable is the largest block that is small enough to be tried as a whole.
const tryable = 2048

// allocation is how ports look to somebody who opens a dozen connections.
func allocation(t natprofiles.Transport) punch.Allocation {
	p := t.Ports
	switch {
	case p.Allocation == natprofiles.Preserve && t.Mapping != natprofiles.EndpointIndependent &&
		p.OnConflict == natprofiles.Sequential: // the inside port for one destination of many
		return punch.Allocation{Rule: punch.Sequential, Step: 1, Regularity: 1}
	case p.Allocation == natprofiles.Preserve:
		return punch.Allocation{Rule: punch.Preserve}
	case p.Allocation == natprofiles.Sequential, p.Allocation == natprofiles.Block && p.Block.Inside == natprofiles.Sequential:
		return punch.Allocation{Rule: punch.Sequential, Step: p.Step, Regularity: 1}
	}
	low, high, size := bounds(p)
	if size <= tryable {
		return punch.Allocation{Rule: punch.Block, Low: low, High: high}
	}
	return punch.Allocation{Rule: punch.Random}
}

// bounds is the range that random ports of one inside host lie in, and how many
// there are. Which block of a range it is nobody knows beforehand: the first.
func bounds(p natprofiles.Ports) (low, high uint16, size int) {
	low, high = p.Range[0].Lo, p.Range[len(p.Range)-1].Hi
	if p.Allocation == natprofiles.Block {
		high = low + uint16(p.Block.Size) - 1
	}
	return low, high, int(high) - int(low) + 1
}

// Profile writes a classification as the file of a profile, so that a NAT that
// was met somewhere can be had in a lab. Ref says where it was met. What was
// not measured is left to the defaults; a comment says so. The text is one that
// natprofiles.Parse reads. An error tells what a profile cannot say.
func Profile(c punch.Classification, ref string) (string, error) {
	if !c.Known() {
		return "", fmt.Errorf("mapping and filtering were not measured, and a profile needs both")
	}
	if err := c.Check(); err != nil {
		return "", err
	}
	f := &file{}
	f.measured("filtering")
	if c.Mapping == punch.None {
		f.line("translate: false")
	} else {
		f.line("mapping: %s", c.Mapping)
		f.measured("mapping")
	}
	f.line("filtering: %s", c.Filtering)
	if c.Filtering != punch.None {
		f.ports(c)
		f.answers(c)
	}
	return f.text(c, ref), nil
}

// file is a profile's file being written.
type file struct {
	lines    []string
	fields   []string // measured
	comments []string
}

func (f *file) line(format string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
}
func (f *file) measured(field string) { f.fields = append(f.fields, field) }
func (f *file) comment(format string, args ...any) {
	f.comments = append(f.comments, "# "+fmt.Sprintf(format, args...))
}

func (f *file) ports(c punch.Classification) {
	if c.Mapping == punch.None {
		return
	}
	switch p := c.Ports; p.Rule {
	case punch.Preserve:
		f.line("ports: {allocation: preserve}")
	case punch.Sequential:
		f.line("ports: {allocation: sequential, step: %d}", p.Step)
	case punch.Random:
		f.line("ports: {allocation: random}")
	case punch.Block:
		f.line("ports: {allocation: block, range: %d-65535, block: {size: %d}}", p.Low, p.Size())
		f.comment("The ports of one host lie close together: a block of its own. Its bounds are estimated from a few of them.")
	default:
		f.comment("How ports are chosen was not measured.")
		return
	}
	f.measured("ports.allocation")
}

func (f *file) answers(c punch.Classification) {
	answers := map[punch.Answer]string{
		punch.Drop: "drop", punch.Reset: "reset", punch.ICMP: "icmp-port-unreachable",
	}
	switch answer, known := answers[c.Answer]; {
	case known:
		f.line("unsolicited: %s", answer)
		f.measured("unsolicited")
	default:
		f.line("unsolicited: drop")
		f.comment("What an unsolicited SYN gets was not measured: whoever sent one came in.")
	}
	if c.Mapping != punch.None {
		switch c.Hairpin {
		case punch.Yes:
			f.line("hairpin: external-source")
			f.measured("hairpin")
		case punch.No:
			f.line("hairpin: none")
			f.measured("hairpin")
		}
	}
	switch c.AfterICMP {
	case punch.Yes:
		f.line("after-icmp: keep")
		f.measured("after-icmp")
	case punch.No:
		f.line("after-icmp: close")
		f.measured("after-icmp")
	}
}

func (f *file) text(c punch.Classification, ref string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s.\n# TCP was measured; timers and UDP were not, and have their defaults.\n", c)
	if c.Nested == punch.Yes {
		b.WriteString("# There are several NATs in a row. This profile is one that looks like all of them together.\n")
	}
	for _, doubt := range c.Doubts {
		fmt.Fprintf(&b, "# Doubtful: %s\n", doubt)
	}
	for _, comment := range f.comments {
		b.WriteString(comment + "\n")
	}
	fmt.Fprintf(&b, "summary: A NAT as it was measured\nsources:\n  - {ref: %q, says: measured, fields: [%s]}\n",
		ref, strings.Join(f.fields, ", "))
	for _, line := range f.lines {
		b.WriteString(line + "\n")
	}
	return b.String()
}
