package links

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// ParseFault reads a rule:
//
//	LINK up|down: drop|delay|duplicate|corrupt CLASS #N|#N-M|every [by DURATION] [from END] [to END]
//
// LINK is a transit of the topology, CLASS one of [Classes], in any case of its
// letters, and END the name of a host or NAT or an IPv4 address, with :PORT
// behind it or not. A delay needs its duration. The error tells the column,
// counted from 1, and what is allowed there.
func ParseFault(text string) (Fault, error) {
	p := &faultParser{text: text, rest: words(text)}
	f := p.parse()
	if p.err != nil {
		return Fault{}, fmt.Errorf("%s: %w", strictyaml.Quote(text), p.err)
	}
	return f, nil
}

// wordAt is a word and the column where it begins.
type wordAt struct {
	text   string
	column int
}

func words(text string) (all []wordAt) {
	for rest := text; ; {
		trimmed := strings.TrimLeft(rest, " \t")
		column := utf8.RuneCountInString(text[:len(text)-len(trimmed)]) + 1
		if trimmed == "" {
			return all
		}
		end := strings.IndexAny(trimmed+" ", " \t")
		all = append(all, wordAt{trimmed[:end], column})
		rest = trimmed[end:]
	}
}

// faultParser reads a rule word by word, up to its first mistake.
type faultParser struct {
	text string
	rest []wordAt
	err  error
}

func (p *faultParser) parse() (f Fault) {
	f.Link = p.next("the name of a transit").text
	f.Way = p.way()
	f.Do = choose(p, "an action", actions)
	f.Class = choose(p, "a class of packets", Classes)
	f.First, f.Last = p.which()
	if f.Do == Delay {
		f.By = p.by()
	}
	for p.err == nil && len(p.rest) > 0 {
		p.end(&f)
	}
	return f
}

// fail notes the first mistake.
func (p *faultParser) fail(at wordAt, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("column %d: "+format, append([]any{at.column}, args...)...)
	}
}

// next takes a word; want says what it is to be.
func (p *faultParser) next(want string) wordAt {
	if len(p.rest) == 0 {
		p.fail(wordAt{column: utf8.RuneCountInString(p.text) + 1}, "the rule ends; want %s", want)
		return wordAt{}
	}
	w := p.rest[0]
	p.rest = p.rest[1:]
	return w
}

// way takes a direction and the colon behind it.
func (p *faultParser) way() Direction {
	w := p.next("a direction, up: or down:")
	if p.err != nil {
		return ""
	}
	word, colon := strings.CutSuffix(w.text, ":")
	switch {
	case !slices.Contains(Directions, Direction(word)):
		p.fail(w, "%s is not one of up:, down:%s", strictyaml.Quote(w.text), strictyaml.DidYouMean(word, []string{"up", "down"}))
	case !colon:
		p.fail(w, "no colon behind %s; want %s:", word, word)
	}
	return Direction(word)
}

// choose takes one of some words, whatever the case of its letters.
func choose[T ~string](p *faultParser, what string, allowed []T) T {
	w := p.next(what + ": " + strictyaml.List(allowed...))
	if p.err != nil {
		return ""
	}
	var known []string
	for _, a := range allowed {
		if strings.EqualFold(w.text, string(a)) {
			return a
		}
		known = append(known, string(a))
	}
	p.fail(w, "%s is not one of %s%s", strictyaml.Quote(w.text), strictyaml.List(allowed...), strictyaml.DidYouMean(w.text, known))
	return ""
}

const wantWhich = "which of them: #1, #1-3 or every"

// which takes the numbers of the packets that are hit.
func (p *faultParser) which() (first, last int) {
	w := p.next(wantWhich)
	if p.err != nil || w.text == "every" {
		return 0, 0
	}
	numbers, is := strings.CutPrefix(w.text, "#")
	from, to, several := strings.Cut(numbers, "-")
	first, err := strconv.Atoi(from)
	last = first
	if err == nil && several {
		last, err = strconv.Atoi(to)
	}
	if !is || err != nil || first < 1 || last < first {
		p.fail(w, "%s is not %s; they are counted from 1", strictyaml.Quote(w.text), wantWhich)
	}
	return first, last
}

// by takes the duration of a delay.
func (p *faultParser) by() time.Duration {
	const want = "by and a duration, such as by 30ms"
	if w := p.next(want); p.err == nil && w.text != "by" {
		p.fail(w, "%s is not by; a delay wants %s", strictyaml.Quote(w.text), want)
	}
	w := p.next("a duration, such as 30ms")
	if p.err != nil {
		return 0
	}
	d, err := time.ParseDuration(w.text)
	if err != nil || d <= 0 || d > MaxDelay {
		p.fail(w, "%s is not a duration above 0s and up to %v, such as 30ms", strictyaml.Quote(w.text), MaxDelay)
	}
	return d
}

// end takes an end of the flow.
func (p *faultParser) end(f *Fault) {
	w := p.next("from or to")
	ends := map[string]*End{"from": &f.From, "to": &f.To}
	end, known := ends[w.text]
	switch {
	case w.text == "by" && f.Do != Delay:
		p.fail(w, "by belongs to delay, and this rule is to %s", f.Do)
	case !known:
		p.fail(w, "%s is not one of from, to%s", strictyaml.Quote(w.text), strictyaml.DidYouMean(w.text, []string{"from", "to"}))
	case *end != End{}:
		p.fail(w, "%s is given twice", w.text)
	}
	at := p.next("a host, or an address such as 198.51.100.2:3478")
	if p.err != nil {
		return
	}
	var err error
	if *end, err = parseEnd(at.text); err != nil {
		p.fail(at, "%v", err)
	}
}

// parseEnd reads a name or an address, with a port or without.
func parseEnd(word string) (e End, err error) {
	place, port, has := strings.Cut(word, ":")
	if has {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return e, fmt.Errorf("%s: port %s is not from 1 to 65535", strictyaml.Quote(word), strictyaml.Quote(port))
		}
		e.Port = uint16(n)
	}
	if addr, err := netip.ParseAddr(place); err == nil && addr.Is4() {
		e.Addr = addr
		return e, nil
	}
	if place == "" || strings.ContainsAny(place, "./") || place[0] >= '0' && place[0] <= '9' {
		return e, fmt.Errorf("%s is neither the name of a node nor an IPv4 address, with :PORT or without", strictyaml.Quote(word))
	}
	e.Node = place
	return e, nil
}
