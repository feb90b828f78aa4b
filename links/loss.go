package links

import (
	"fmt"
	"strings"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// Loss is which packets a link loses. A link is in one of two states, good and
// bad, and in each loses some of its packets; after every packet it may change
// (E. N. Gilbert, "Capacity of a burst-noise channel", 1960; E. O. Elliott,
// 1963). A link that never turns bad loses packets independently of each other.
//
// Its text is a percentage, such as 2%, or the four shares, such as
// "p=1% r=25% good=0% bad=100%", of which the last two may be left out.
type Loss struct {
	// Good and Bad are how many packets are lost in either state.
	Good, Bad Share
	// P is how many packets the good state ends after, and R the bad one: a
	// burst is 1/R packets long on average.
	P, R Share
}

// check tells what is out of range.
func (l Loss) check() error {
	for _, s := range []struct {
		name  string
		value Share
	}{{"good", l.Good}, {"bad", l.Bad}, {"p", l.P}, {"r", l.R}} {
		if !s.value.sound() {
			return fmt.Errorf("%s: %v is not from 0%% to 100%%", s.name, s.value)
		}
	}
	switch {
	case l.P > 0 && l.R == 0:
		return fmt.Errorf("r: 0%% is not above 0%% and up to 100%%: a burst that never ends is a loss of %v", l.Bad)
	case l.P == 0 && (l.R > 0 || l.Bad > 0):
		return fmt.Errorf("p: 0%% is not above 0%% and up to 100%%: without bursts write the share alone, such as 2%%")
	}
	return nil
}

// Bursts says whether packets are lost in bursts.
func (l Loss) Bursts() bool { return l.P > 0 }

// Mean is how many packets are lost in the long run.
func (l Loss) Mean() Share {
	if !l.Bursts() {
		return l.Good
	}
	bad := l.P / (l.P + l.R)
	return (1-bad)*l.Good + bad*l.Bad
}

// String gives the text.
func (l Loss) String() string {
	if !l.Bursts() {
		return l.Good.String()
	}
	return fmt.Sprintf("p=%v r=%v good=%v bad=%v", l.P, l.R, l.Good, l.Bad)
}

// MarshalText is String.
func (l Loss) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads either form.
func (l *Loss) UnmarshalText(text []byte) error {
	word := string(text)
	if !strings.Contains(word, "=") {
		var all Share
		switch err := all.UnmarshalText(text); {
		case err != nil && strings.Contains(word, "%"):
			return err
		case err != nil:
			return fmt.Errorf("%w; bursts are written as p=1%% r=25%% good=0%% bad=100%%", err)
		}
		*l = Loss{Good: all}
		return nil
	}
	read := Loss{Bad: 1}
	shares := map[string]*Share{"p": &read.P, "r": &read.R, "good": &read.Good, "bad": &read.Bad}
	names := []string{"p", "r", "good", "bad"}
	given := map[string]bool{}
	for _, pair := range strings.FieldsFunc(word, func(r rune) bool { return r == ' ' || r == ',' }) {
		name, value, _ := strings.Cut(pair, "=")
		share, known := shares[name]
		switch {
		case !known:
			return fmt.Errorf("%s is not one of %s%s", strictyaml.Quote(name), strictyaml.List(names...), strictyaml.DidYouMean(name, names))
		case given[name]:
			return fmt.Errorf("%s is given twice", name)
		}
		if err := share.UnmarshalText([]byte(value)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		given[name] = true
	}
	if !given["p"] || !given["r"] {
		return fmt.Errorf("%s: bursts need p, how many packets begin one, and r, how many end one, such as p=1%% r=25%%", strictyaml.Quote(word))
	}
	if err := read.check(); err != nil {
		return err
	}
	*l = read
	return nil
}
