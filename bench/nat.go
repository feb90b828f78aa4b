package bench

import (
	"fmt"
	"strings"

	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/punch"
)

// Classified is what a peer behind one NAT of a profile finds out about it, if
// it measures rightly: the profile's fields for TCP in the words of a
// classification. The NAT is next to the peer, and the Internet next to the NAT.
func Classified(p natprofiles.Profile) punch.Classification {
	c := punch.Classification{Version: punch.ClassificationVersion, PublicHop: 1}
	c.Filtering = filtering(p.TCP)
	if c.Filtering == punch.None {
		c.Mapping = punch.None
		return c
	}
	c.Answer = answer(p.TCP.Unsolicited)
	c.AfterICMP = punch.Found(p.TCP.AfterICMP == natprofiles.Keep)
	if c.AfterICMP == punch.Yes {
		c.ArmingTTL = 2
	}
	if !p.Translate {
		c.Mapping = punch.None
		return c
	}
	c.NATHop, c.PublicHop, c.Nested = 1, 2, punch.No
	c.Mapping = punch.Dependence(p.TCP.Mapping)
	c.Ports = allocation(p.TCP)
	c.Hairpin = punch.Found(p.TCP.Hairpin == natprofiles.HairpinExternal && c.Cone())
	return c
}

func filtering(t natprofiles.Transport) punch.Dependence {
	if t.Filtering == natprofiles.Unfiltered {
		return punch.None
	}
	return punch.Dependence(t.Filtering)
}

// answer is what a single SYN gets: one that comes after six seconds is not
// awaited (RFC 5382 REQ-4).
func answer(a natprofiles.Answer) punch.Answer {
	switch a {
	case natprofiles.Reset:
		return punch.Reset
	case natprofiles.PortUnreachable, natprofiles.AdminProhibited:
		return punch.ICMP
	}
	return punch.Drop
}

// tryable is the largest block that is small enough to be tried as a whole.
const tryable = 2048

// allocation is how ports look to somebody who opens a dozen connections.
func allocation(t natprofiles.Transport) punch.Allocation {
	p := t.Ports
	switch {
	case p.Allocation == natprofiles.Preserve && t.Mapping == natprofiles.EndpointIndependent:
		return punch.Allocation{Rule: punch.Preserve}
	case p.Allocation == natprofiles.Preserve:
		return punch.Allocation{Rule: punch.Random} // the inside port for one destination of many
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
		f.line("ports: {allocation: random, range: %d-%d}", p.Low, p.High)
		f.comment("The range is where the ports of one host were seen, widened to a power of two.")
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
