package story

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/punchlab/punchlab/internal/goldentest"
)

// conversation has both peers register, measure their NATs and be introduced.
func (s *situation) conversation() *situation {
	for i, p := range []struct {
		who string
		at  netip.AddrPort
	}{{"alice", aliceAt}, {"bob", bobAt}} {
		for probe := range 5 {
			from := netip.AddrPortFrom(p.at.Addr(), p.at.Port()+uint16(probe))
			ms := -200 + 10*float64(i) + float64(probe)
			s.accept(s.syn(ms, p.who, from, server, how{}), how{})
			s.send(ms+41, p.who, from, server, how{first: Packet{Flags: ACK, Seq: 7}})
		}
	}
	return s
}

// birthday: bob sends many SYNs from ports that nat-b draws, alice as many to ports that she guesses. One of hers goes
// to where one of his comes from, or none.
func birthday(each int, meets bool) *situation {
	s := twoNATs().conversation()
	for _, p := range []string{"alice", "bob"} {
		s.event(0.1, p, Event{Kind: TechniqueBegun, Technique: "birthday"})
	}
	for i := range each {
		ms := 0.2 + float64(i)/50
		from := netip.AddrPortFrom(bobAt.Addr(), uint16(20000+i))
		drawn := netip.AddrPortFrom(bobOut.Addr(), uint16(30000+i))
		s.syn(ms, "bob", from, aliceOut, how{dies: "nat-a", as: map[string]netip.AddrPort{"nat-b": drawn}})
	}
	for i := range each {
		ms := 60 + float64(i)/10
		guess, h := netip.AddrPortFrom(bobOut.Addr(), uint16(2000+i)), how{dies: "nat-b"}
		if meets && i == each*2/3 {
			guess, h.dies = netip.AddrPortFrom(bobOut.Addr(), uint16(30000+each/2)), ""
			s.last = s.accept(s.syn(ms, "alice", aliceAt, guess, h), how{})
			s.proven(ms + 60)
			continue
		}
		s.syn(ms, "alice", aliceAt, guess, h)
	}
	return s
}

// ladders are the situations whose drawings are kept.
var ladders = []struct {
	name    string
	compose func() *situation
}{
	{"too-late", func() *situation { return refused(23.4, "nat-a").conversation() }},
	{"crossing", func() *situation {
		s := crossing().conversation()
		s.event(41, "alice", Event{Kind: Established, Local: aliceAt, Remote: bobOut})
		s.event(43, "bob", Event{Kind: Established, Local: bobAt, Remote: aliceOut})
		s.send(41.1, "alice", aliceAt, bobOut, how{first: Packet{Flags: PSH | ACK, Seq: 1001, Payload: 39}})
		s.send(43.1, "bob", bobAt, aliceOut, how{first: Packet{Flags: PSH | ACK, Seq: 5001, Payload: 39}})
		return s
	}},
	{"double-nat", func() *situation {
		s := doubleNAT()
		s.syn(5, "bob", bobAt, aliceOut, how{dies: "carrier"})
		delete(s.maps["carrier"], carrierIn)
		s.syn(25, "alice", aliceAt, bobOut, how{dies: "nat-b", as: map[string]netip.AddrPort{"carrier": aliceElsewhere}})
		s.LostPackets = map[int]int{s.on("rendezvous", "internet"): 12}
		s.LostFlows = map[int]int{s.station("carrier"): 1}
		return s
	}},
	{"hairpin", func() *situation {
		s := sameNAT()
		s.turned(0.2, "")
		s.proven(60)
		return s
	}},
	{"lost", func() *situation {
		s := twoNATs()
		s.syn(0.2, "alice", aliceAt, bobOut, how{dies: "nat-b"})
		l := s.syn(25, "bob", bobAt, aliceOut, how{lost: "nat-b"})
		s.Dropped = append(s.Dropped, Drop{At: at(l.ms + 0.01), Packet: l.seen, Link: "transit-b", Why: "the first SYN of bob"})
		return s
	}},
	{"birthday", func() *situation { return birthday(800, true) }},
	{"birthday-in-vain", func() *situation { return birthday(800, false) }},
}

func TestLadders(t *testing.T) {
	for _, l := range ladders {
		t.Run(l.name, func(t *testing.T) {
			s := l.compose().tell()
			for _, width := range []int{80, 120} {
				goldentest.Compare(t, filepath.Join("testdata", fmt.Sprintf("%s-%d.txt", l.name, width)), s.Text(width))
			}
			goldentest.Compare(t, filepath.Join("testdata", l.name+"-ascii.txt"), s.ASCII(80))
		})
	}
	s := ladders[0].compose().tell()
	goldentest.Compare(t, filepath.Join("testdata", "too-late-everything.txt"), s.Everything().Text(120))
	goldentest.Compare(t, filepath.Join("testdata", "too-late.svg"), s.SVG())
}

// A terminal breaks what is wider, and one that knows no Unicode shows garbage.
func TestTextKeepsItsWidth(t *testing.T) {
	for _, l := range ladders {
		s := l.compose().tell()
		for _, told := range []Story{s, s.Everything()} {
			for width := 80; width <= 200; width += 30 {
				for line := range strings.Lines(told.Text(width)) {
					if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
						t.Fatalf("%s at %d columns: a line of %d:\n%s", l.name, width, n, line)
					}
				}
			}
			for i, r := range told.ASCII(80) {
				if r > '~' {
					t.Fatalf("%s: %q at byte %d is not ASCII", l.name, r, i)
				}
			}
		}
	}
}

// What has many lines is told in few, and nothing of it is left out of the count.
func TestManyPacketsAreFolded(t *testing.T) {
	s := birthday(800, false).tell()
	text := s.Text(80)
	if lines := strings.Count(text, "\n"); lines > 40 {
		t.Errorf("%d lines:\n%s", lines, text)
	}
	if whole := strings.Count(s.Everything().Text(80), "SYN "); whole < 1600 {
		t.Errorf("asked for everything, it tells %d SYNs", whole)
	}
	folded := 0
	for line := range strings.Lines(text) {
		_, told, _ := strings.Cut(line, "… ")
		if n, rest, found := strings.Cut(told, " more SYN"); found && strings.Contains(rest, "dropped") {
			count, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			folded += count
		}
	}
	// Two are those that register.
	if shown := strings.Count(text, " SYN  ") - 2; folded+shown != 1600 {
		t.Errorf("%d SYNs are folded, %d shown, of 1600:\n%s", folded, shown, text)
	}
}

// Of a kind of which there are few, each has its line.
func TestFewPacketsAreNotFolded(t *testing.T) {
	for n, want := range map[int]int{3: 3, 4: 1} {
		s := twoNATs()
		s.event(-1, "alice", Event{Kind: GaveUp}) // so that no SYN is what the sentence speaks of
		s.reset(s.syn(-20, "bob", bobAt, aliceOut, how{dies: "nat-a"}))
		for i := range n {
			s.syn(float64(i), "alice", aliceAt, bobOut, how{dies: "nat-b"})
			s.event(float64(i), "alice", Event{Kind: SYNGivenUp})
		}
		text := s.tell().Text(80)
		if lines := strings.Count(text, "SYN     │─"); lines != want {
			t.Errorf("%d of %d have a line:\n%s", lines, n, text)
		}
		if lines := strings.Count(text, "● given up"); lines != want {
			t.Errorf("%d of %d events have a line:\n%s", lines, n, text)
		}
	}
}

// box is where a text of a drawing is.
type box struct {
	left, right float64
	y           float64
	words       string
}

// Texts that overlap cannot be read, and a fragment that is not well-formed breaks the page around it.
func TestSVG(t *testing.T) {
	for _, l := range ladders {
		drawn := l.compose().tell().SVG()
		boxes, titles := parseSVG(t, drawn)
		if titles < 2 {
			t.Errorf("%s has %d titles", l.name, titles)
		}
		slices.SortFunc(boxes, func(a, b box) int { return int(a.left - b.left) })
		for i, a := range boxes {
			for _, b := range boxes[i+1:] {
				if b.left < a.right && b.y-a.y < fontSize-1 && a.y-b.y < fontSize-1 {
					t.Errorf("%s: %q is over %q", l.name, a.words, b.words)
				}
			}
		}
	}
}

// parseSVG reads the texts of a drawing, and checks that it is well-formed and that nothing is beyond its edges.
func parseSVG(t *testing.T, drawn string) (boxes []box, titles int) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(drawn))
	var width, height float64
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return boxes, titles
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, drawn)
		}
		start, is := token.(xml.StartElement)
		switch {
		case !is:
		case start.Name.Local == "svg":
			if _, err := fmt.Sscanf(attribute(start, "viewBox"), "0 0 %f %f", &width, &height); err != nil {
				t.Fatal(err)
			}
		case start.Name.Local == "title":
			titles++
		case start.Name.Local == "text":
			x, _ := strconv.ParseFloat(attribute(start, "x"), 64)
			y, _ := strconv.ParseFloat(attribute(start, "y"), 64)
			var words string
			if err := d.DecodeElement(&words, &start); err != nil {
				t.Fatal(err)
			}
			right := x + float64(utf8.RuneCountInString(words))*0.6*fontSize
			if x < 0 || right > width || y > height {
				t.Errorf("%q is beyond the edge", words)
			}
			boxes = append(boxes, box{x, right, y, words})
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
