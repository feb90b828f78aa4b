package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
	"github.com/punchlab/punchlab/internal/strictyaml"
	"github.com/punchlab/punchlab/links"
	"github.com/punchlab/punchlab/natprofiles"
)

// scale is how values of a parameter that can be swept are written, and what they set.
type scale struct {
	name, unit string
	forms      []form // of the ends of a range

	// number places a value in the unit, where a round trip is rtt.
	number func(word string, rtt time.Duration) (float64, error)
	// set gives a setting the value; what no flag could is in the place.
	set func(*setting, *place, string) error
}

// form is one way to write a value whose number is in the middle of two others'.
type form struct {
	before, after string
	unit          time.Duration // of durations, which are a whole number of it; 0 for others
}

var (
	inRounds  = form{after: "rtt"}
	inTime    = form{unit: time.Microsecond}
	inSeconds = form{unit: time.Second}
	inPercent = form{after: "%"}
	plain     = form{}
)

// number reads a word that is of this form.
func (f form) number(word string) (float64, bool) {
	rest, is := strings.CutPrefix(word, f.before)
	if !is {
		return 0, false
	}
	if f.unit > 0 {
		d, err := time.ParseDuration(rest)
		return float64(d) / float64(f.unit), err == nil
	}
	rest, is = strings.CutSuffix(rest, f.after)
	n, err := strconv.ParseFloat(rest, 64)
	return n, err == nil && (is || n == 0) && !math.IsInf(n, 0) && !math.IsNaN(n)
}

// text writes a number, with as many digits as anybody tells apart.
func (f form) text(n float64) string {
	if f.unit == time.Second {
		return natprofiles.Timeout(math.Round(n) * float64(f.unit)).String()
	}
	if f.unit > 0 {
		return f.before + (time.Duration(math.Round(n)) * f.unit).String()
	}
	const digits = 1e6
	return f.before + strconv.FormatFloat(math.Round(n*digits)/digits, 'f', -1, 64) + f.after
}

// scales are those of all parameters, by name.
var scales = map[string]scale{
	results.SweepStagger: {
		unit: results.UnitMilliseconds, forms: []form{inRounds, inTime}, number: staggerNumber,
		set: func(s *setting, _ *place, word string) error { s.staggers = []string{word}; return nil },
	},
	results.SweepRTT: {
		unit: results.UnitMilliseconds, forms: []form{inTime}, number: inMilliseconds,
		set: func(s *setting, _ *place, word string) (err error) { s.rtt, err = time.ParseDuration(word); return err },
	},
	results.SweepJitter: {
		unit: results.UnitMilliseconds, forms: []form{inTime, {before: "normal:", unit: time.Microsecond}}, number: jitterNumber,
		set: func(s *setting, _ *place, word string) error { s.links.jitter = word; return nil },
	},
	results.SweepLoss: {
		unit: results.UnitPercent, forms: []form{inPercent}, number: lossNumber,
		set: func(s *setting, _ *place, word string) error { s.links.loss = percentage(word); return nil },
	},
	results.SweepCrossTraffic: {
		unit: results.UnitPerSecond, forms: []form{plain}, number: flowsNumber,
		set: func(s *setting, _ *place, word string) (err error) { s.crossTraffic, err = flows(word); return err },
	},
	results.SweepSYNSent: {
		unit: results.UnitSeconds, forms: []form{inSeconds}, number: timerNumber,
		set: func(_ *setting, p *place, word string) error { return p.timer.UnmarshalText([]byte(word)) },
	},
}

func staggerNumber(word string, rtt time.Duration) (float64, error) {
	d, err := parseStagger(word, rtt)
	return results.Milliseconds(d), err
}

func inMilliseconds(word string, _ time.Duration) (float64, error) {
	d, err := time.ParseDuration(word)
	if err != nil {
		return 0, fmt.Errorf("%s is not a duration, such as 40ms", strictyaml.Quote(word))
	}
	return results.Milliseconds(d), nil
}

func jitterNumber(word string, _ time.Duration) (float64, error) {
	var j links.Jitter
	err := j.UnmarshalText([]byte(word))
	return results.Milliseconds(j.Spread), err
}

// lossNumber is how much is lost in the long run.
func lossNumber(word string, _ time.Duration) (float64, error) {
	var l links.Loss
	err := l.UnmarshalText([]byte(percentage(word)))
	return math.Round(float64(l.Mean())*1e8) / 1e6, err
}

// percentage is a percentage as --loss has it: nothing needs no unit in a list.
func percentage(word string) string {
	if word == "0" {
		return "0%"
	}
	return word
}

func flowsNumber(word string, _ time.Duration) (float64, error) { return flows(word) }

// flows reads a number of flows per second, or 0 for none.
func flows(word string) (float64, error) {
	n, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number of flows per second, such as 20", strictyaml.Quote(word))
	}
	if n == 0 {
		return 0, nil
	}
	return n, harness.CrossTraffic{PerSecond: n}.Check()
}

func timerNumber(word string, _ time.Duration) (float64, error) {
	var t natprofiles.Timeout
	err := t.UnmarshalText([]byte(word))
	return time.Duration(t).Seconds(), err
}
