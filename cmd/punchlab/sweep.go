package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/punchlab/punchlab/bench"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/internal/strictyaml"
	"github.com/punchlab/punchlab/natprofiles"
	"github.com/punchlab/punchlab/topologies"
)

const (
	// defaultPoints is how many values a range has: from -2rtt to 2rtt a quarter apart.
	defaultPoints = 17
	// maxPoints is more than a terminal shows beside each other.
	maxPoints = 101
)

// sweep is a parameter and the values that it is to have, as its own flag has them.
type sweep struct {
	scale
	words []string
}

// parseSweep reads NAME=FROM..TO, NAME=FROM..TO/POINTS or NAME=VALUE,VALUE.
func parseSweep(text string) (sweep, error) {
	name, values, ok := strings.Cut(text, "=")
	if !ok {
		return sweep{}, fmt.Errorf("%s is not of the form NAME=FROM..TO, NAME=FROM..TO/POINTS or NAME=VALUE,VALUE: such as stagger=-2rtt..2rtt",
			strictyaml.Quote(text))
	}
	known, is := scales[name]
	if !is {
		return sweep{}, fmt.Errorf("%s is not one of %s%s", strictyaml.Quote(name),
			strings.Join(results.SweepParameters(), ", "), strictyaml.DidYouMean(name, results.SweepParameters()))
	}
	s := sweep{scale: known}
	s.name = name
	var err error
	if from, to, is := strings.Cut(values, ".."); is {
		s.words, err = s.between(from, to)
	} else {
		s.words = strings.Split(values, ",")
		for i, w := range s.words {
			s.words[i] = strings.TrimSpace(w)
		}
	}
	switch {
	case err != nil:
		return sweep{}, fmt.Errorf("%s: %w", text, err)
	case len(s.words) < 2 || len(s.words) > maxPoints:
		return sweep{}, fmt.Errorf("%s: %s, and a sweep has 2 to %d", text, counted(len(s.words), "value"), maxPoints)
	}
	return s, nil
}

// between are the values of a range, equally far from each other.
func (s sweep) between(from, to string) (words []string, err error) {
	points := defaultPoints
	to, count, given := strings.Cut(to, "/")
	if given {
		if points, err = strconv.Atoi(count); err != nil || points < 2 || points > maxPoints {
			return nil, fmt.Errorf("%s is not a number of points from 2 to %d", strictyaml.Quote(count), maxPoints)
		}
	}
	first, form, err := s.end(from)
	if err != nil {
		return nil, err
	}
	last, lastForm, err := s.end(to)
	switch {
	case err != nil:
		return nil, err
	case first == 0:
		form = lastForm // nothing is nothing in every unit
	case last != 0 && form != lastForm:
		return nil, fmt.Errorf("%s and %s are not in one unit", from, to)
	}
	if first == last {
		return nil, fmt.Errorf("from %s to %s is no range; a list has a comma between its values", from, to)
	}
	for i := range points {
		words = append(words, form.text(first+(last-first)*float64(i)/float64(points-1)))
	}
	return slices.Compact(words), nil // whole seconds may be fewer
}

// end reads one end of a range: its number, and how others of its kind are written.
func (s sweep) end(word string) (float64, form, error) {
	for _, f := range s.forms {
		if n, is := f.number(word); is {
			return n, f, nil
		}
	}
	_, err := s.number(word, time.Millisecond) // says what may stand here
	return 0, form{}, cmp.Or(err, fmt.Errorf("%s has no number; name the values one by one", strictyaml.Quote(word)))
}

// axis places the values, in rising order, where a stagger of one round trip is rtt.
func (s sweep) axis(rtt time.Duration) (results.Sweep, error) {
	axis := results.Sweep{Parameter: s.name, Unit: s.unit}
	if s.name == results.SweepStagger && s.inRounds() {
		axis.Unit, rtt = results.UnitRounds, time.Millisecond
	}
	for _, w := range s.words {
		n, err := s.number(w, rtt)
		if err != nil {
			return axis, fmt.Errorf("%s=%s: %w", s.name, w, err)
		}
		for _, v := range axis.Values {
			if v.Number == n {
				return axis, fmt.Errorf("%s: %s and %s are the same value", s.name, v.Text, w)
			}
		}
		axis.Values = append(axis.Values, results.Value{Text: w, Number: n})
	}
	slices.SortFunc(axis.Values, func(x, y results.Value) int { return cmp.Compare(x.Number, y.Number) })
	return axis, nil
}

// inRounds says whether all values are multiples of the round trip.
func (s sweep) inRounds() bool {
	return !slices.ContainsFunc(s.words, func(w string) bool {
		d, err := time.ParseDuration(w)
		return err == nil && d != 0
	})
}

// nearest is the setting, with the shortest of the round trips where these are swept:
// what is not as it should be there is so everywhere.
func (b *benchFlags) nearest() setting {
	at := b.setting
	s, err := parseSweep(b.sweepText)
	if err != nil || s.name != results.SweepRTT {
		return at
	}
	shortest := time.Duration(0)
	for _, w := range s.words {
		if d, err := time.ParseDuration(w); err == nil && d > 0 && (shortest == 0 || d < shortest) {
			shortest = d
		}
	}
	at.rtt = cmp.Or(shortest, at.rtt)
	return at
}

// swept checks the flag and finds the values; nil where nothing is swept.
func (b *benchFlags) swept(at site, c *choice) *results.Sweep {
	if b.sweepText == "" && !b.flags.Changed("sweep") {
		return nil
	}
	s, err := parseSweep(b.sweepText)
	if err == nil && b.flags.Lookup(s.name) != nil && b.flags.Changed(s.name) {
		err = fmt.Errorf("%s is also given by --%s; give one of the two", s.name, s.name)
	}
	if err == nil && s.name == results.SweepSYNSent && !slices.Contains(slotNames(at.topology), "a") {
		err = fmt.Errorf("topology %s has no NAT in a slot a or b whose timer it could be", at.topology.Name)
	}
	var axis results.Sweep
	if err == nil {
		axis, err = s.axis(at.rtt)
	}
	c.add("--sweep", err)
	return &axis
}

// place is where the trials of a point take place.
type place struct {
	site
	bench.Point
	timer natprofiles.Timeout // of mappings that nothing has answered; 0 for the profiles' own
}

// places checks each value as its own flag would be. The first that is wrong is told.
func (b *benchFlags) places(axis results.Sweep, layouts topologies.Catalogue, c *choice) (all []place) {
	for _, v := range axis.Values {
		p, err := b.place(axis.Parameter, v.Text, layouts, c.catalogue)
		if err != nil {
			c.add("--sweep", err)
			return nil
		}
		all = append(all, p)
	}
	nothing := slices.Contains([]string{results.SweepJitter, results.SweepLoss}, axis.Parameter)
	for _, p := range all {
		nothing = nothing && slices.Equal(p.topology.Nodes, all[0].topology.Nodes)
	}
	if nothing {
		c.addf("--sweep", "%s: topology %s says itself what all of its links have", axis.Parameter, all[0].topology.Name)
	}
	return all
}

func (b *benchFlags) place(parameter, value string, layouts topologies.Catalogue, profiles natprofiles.Catalogue) (place, error) {
	s, p := b.setting, place{}
	err := scales[parameter].set(&s, &p, value)
	if err == nil {
		s.swept = parameter
		own := &choice{catalogue: profiles}
		p.site, _ = s.site(layouts, own)
		err = own.err()
	}
	p.Point = bench.Point{
		Point: results.Point{Parameter: parameter, Value: value}, Staggers: p.staggers, CrossTraffic: s.crossTraffic,
	}
	if err == nil {
		return p, nil
	}
	text := strings.ReplaceAll("\n"+err.Error(), "\n--"+parameter+": ", "\n")
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\n"), "\n", "; ")
	return p, errors.New(parameter + "=" + value + ": " + text)
}

// crossed are cells of every pair and strategy at every point, the points innermost.
func crossed(places []place, cells func(place) ([]bench.Cell, error)) (all []bench.Cell, err error) {
	at := make([][]bench.Cell, len(places))
	for i, p := range places {
		if at[i], err = cells(p); err != nil {
			return nil, err
		}
		for j := range at[i] {
			at[i][j].Point = p.Point
		}
	}
	for j := range at[0] {
		for i := range places {
			all = append(all, at[i][j])
		}
	}
	return all, nil
}

// timed are the profiles with the timer of a point.
func (p place) timed(profiles []natprofiles.Profile) []natprofiles.Profile {
	if p.timer == 0 {
		return profiles
	}
	all := slices.Clone(profiles)
	for i := range all {
		all[i].TCP.Timeouts.SYNSent = p.timer
	}
	return all
}
