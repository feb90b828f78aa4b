package fate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/links"
)

// What is done to a packet on purpose has a reason: the rules that met it, chance, or
// the queue. What arrives untouched has none.
func TestDeeds(t *testing.T) {
	drop, delay := rule1(t, "up-link up: drop SYN #2"), rule1(t, "up-link up: delay SYN #1-2 by 5ms")
	both := links.Conditions{Loss: links.Loss{Good: 1}, Duplicate: 1}
	for name, c := range map[string]struct {
		now   links.Conditions
		rules []Rule
		want  [][]Deed
	}{
		"nothing": {links.Conditions{}, nil, [][]Deed{nil}},
		"rules": {links.Conditions{}, []Rule{delay, drop}, [][]Deed{
			{{links.Delay, "delay SYN #1-2 by 5ms"}},
			{{links.Delay, "delay SYN #1-2 by 5ms"}, {links.Drop, "drop SYN #2"}},
			nil,
		}},
		"chance":              {links.Conditions{Loss: links.Loss{Good: 1}}, nil, [][]Deed{{{links.Drop, ByChance}}}},
		"a rule before that":  {links.Conditions{Loss: links.Loss{Good: 1}}, []Rule{rule1(t, "l up: drop SYN #1")}, [][]Deed{{{links.Drop, "drop SYN #1"}}}},
		"one of two is taken": {both, nil, [][]Deed{nil}},
		"a full queue":        {links.Conditions{Rate: 8000, Queue: 60}, nil, [][]Deed{nil, {{links.Drop, ByQueue}}}},
	} {
		l := NewLine("up-link up", 1)
		l.Set(c.now)
		l.SetRules(c.rules)
		for i, want := range c.want {
			l.Pass(Packet{Size: len(syn), Head: syn})
			if diff := cmp.Diff(want, append([]Deed(nil), l.Deeds()...)); diff != "" {
				t.Errorf("%s: packet %d (-want +got)\n%s", name, i+1, diff)
			}
		}
	}
}

// Who wants to know what a line does to packets must see those of each line that does
// anything.
func TestActs(t *testing.T) {
	for _, c := range []struct {
		now   links.Conditions
		rules []Rule
		want  bool
	}{
		{links.Conditions{Delay: 5}, nil, false},
		{links.Conditions{Delay: 5, Jitter: links.Jitter{Spread: 3}, Duplicate: 0.5}, nil, false},
		{links.Conditions{Loss: links.Loss{P: 0.1, R: 1, Bad: 1}}, nil, true},
		{links.Conditions{Rate: 8000}, nil, true},
		{links.Conditions{}, []Rule{rule1(t, "up-link up: delay SYN #1 by 5ms")}, true},
	} {
		l := NewLine("up-link up", 1)
		l.Set(c.now)
		l.SetRules(c.rules)
		if l.Acts() != c.want {
			t.Errorf("%+v with %d rules acts: %t", c.now, len(c.rules), l.Acts())
		}
	}
}
