package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/punchlab/punchlab/bench/expect"
	"github.com/punchlab/punchlab/bench/results"
)

func init() {
	register(Format{Name: "junit", File: "junit.xml", About: "a test case for every cell, for CI services", Write: writeJUnit})
}

// The elements that CI services read: the format has no standard, and these are
// those that Jenkins, GitLab and GitHub's actions agree about.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Suites []*junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitCounts struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"` // always 0
		Skipped  int `xml:"skipped,attr"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	// junitCase is a cell. Its time is the median time to connect, in seconds.
	junitCase struct {
		Name    string         `xml:"name,attr"`
		Class   string         `xml:"classname,attr"`
		Time    string         `xml:"time,attr,omitempty"`
		Failure *junitFailure  `xml:"failure"`
		Skipped *junitSkipped  `xml:"skipped"`
		Output  *junitVerbatim `xml:"system-out"`
	}
	junitFailure struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
	junitVerbatim struct {
		Text string `xml:",chardata"`
	}
)

func writeJUnit(w io.Writer, s Subject) error {
	verdicts := map[results.Cell]expect.Verdict{}
	for _, v := range s.Verdicts {
		verdicts[v.Cell] = v
	}
	all := junitSuites{Name: "punchlab"}
	for _, g := range grids(s.Run) {
		suite := &junitSuite{Name: g.title(), Properties: properties(s.Run.Manifest)}
		for _, a := range g.rows {
			for _, b := range g.columns {
				if cell, known := g.cells[pair{a, b}]; known {
					v, expected := verdicts[cell.Cell]
					suite.add(testCase(cell, v, expected))
				}
			}
		}
		all.count(suite.junitCounts)
		all.Suites = append(all.Suites, suite)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return put(w, xml.Header+string(text)+"\n")
}

func properties(m results.Manifest) []junitProperty {
	return []junitProperty{
		{"version", m.Version}, {"kernel", m.Kernel}, {"seed", strconv.FormatUint(m.Seed, 10)},
	}
}

func testCase(s results.Summary, v expect.Verdict, expected bool) junitCase {
	of := s.Topology
	if slots := s.Slots.String(); slots != "" {
		of += "[" + slots + "]"
	}
	c := junitCase{Name: name(s.Cell), Class: of + "." + s.Strategy, Output: &junitVerbatim{s.String() + "\n" + causeLines(s)}}
	if s.ConnectMedian != nil {
		c.Time = strconv.FormatFloat(*s.ConnectMedian/1000, 'f', 6, 64)
	}
	switch {
	case expected && !v.Held:
		c.Failure = &junitFailure{
			Type: "expectation", Message: fmt.Sprintf("%s expects %s: %s", v.Where, v.Want, v.Found), Text: causeLines(s),
		}
	case s.Trials == 0:
		c.Skipped = &junitSkipped{"no trial that counts"}
	}
	return c
}

// name tells a cell apart from the others of its table.
func name(c results.Cell) string {
	return cmp.Or(placeOf(c), c.Topology)
}

// causeLines tells why trials failed, a line for each cause.
func causeLines(s results.Summary) string {
	var b strings.Builder
	for _, c := range sortedCauses(s.Causes) {
		fmt.Fprintf(&b, "%d: %s\n", c.times, c.cause)
	}
	return b.String()
}

func (s *junitSuite) add(c junitCase) {
	one := junitCounts{Tests: 1}
	if c.Failure != nil {
		one.Failures = 1
	}
	if c.Skipped != nil {
		one.Skipped = 1
	}
	s.count(one)
	s.Cases = append(s.Cases, c)
}

func (c *junitCounts) count(more junitCounts) {
	c.Tests += more.Tests
	c.Failures += more.Failures
	c.Skipped += more.Skipped
}
