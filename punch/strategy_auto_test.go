package punch

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What is best for two NATs follows from the mechanisms; auto must come to the same by reading forecasts.
func TestAutoDoesWhatPromisesMost(t *testing.T) {
	nat := func(mapping, filtering Dependence, ports Allocation, answer Answer) Classification {
		return Classification{
			Version: 1, Mapping: mapping, Filtering: filtering, Ports: ports, Answer: answer, AfterICMP: Yes, ArmingTTL: 2,
		}
	}
	const ei, ad, apd = EndpointIndependent, AddressDependent, AddressAndPortDependent
	preserve, random := Allocation{Rule: Preserve}, Allocation{Rule: Random}
	counted, block := Allocation{Rule: Sequential, Step: 1, Regularity: 1}, Allocation{Rule: Block, Low: 2048, High: 2559}
	restricted := nat(ei, apd, preserve, Drop)
	for _, c := range []struct {
		a, b Classification
		want string // nothing where there is no way
	}{
		{restricted, restricted, "simultaneous-open"},
		{restricted, nat(ei, apd, preserve, Reset), "simultaneous-open"},
		{restricted, nat(ei, apd, preserve, ICMP), "low-ttl"},
		{nat(ei, apd, preserve, ICMP), nat(ei, apd, preserve, Reset), "low-ttl"},
		{restricted, nat(apd, apd, counted, Drop), "sequential"},
		{nat(apd, apd, counted, Drop), nat(apd, apd, counted, Drop), "sequential"},
		{restricted, nat(apd, apd, random, Drop), "birthday"},
		{nat(ei, ad, preserve, Reset), nat(apd, apd, random, Reset), "adf-shortcut"},
		{nat(apd, apd, block, Drop), nat(apd, apd, block, Drop), "block-birthday"},
		{nat(apd, apd, random, Drop), nat(apd, ei, random, ""), "open-filter"},
		{nat(apd, apd, random, Drop), nat(apd, apd, random, Drop), ""},
		{nat(apd, apd, random, Drop), nat(apd, apd, counted, Drop), ""},
	} {
		plan, got := auto{}.plan(c.a.assumed(), c.b.assumed()), ""
		if len(plan) > 0 {
			got = plan[0].Name()
		}
		if got != c.want {
			t.Errorf("%s x %s: %q, want %q", c.a, c.b, got, c.want)
		}
		other := auto{}.plan(c.b.assumed(), c.a.assumed())
		same := func(x, y choice) bool { return x.Name() == y.Name() }
		if !slices.EqualFunc(plan, other, same) {
			t.Errorf("%s x %s: the peers' plans differ", c.a, c.b)
		}
	}
}

// A NAT that turns out to answer makes auto begin anew where ports are guessed, but not before what has begun has had its
// time: SYNs that cross are not answered.
func TestASurmiseThatErredHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counted := ofPorts(Allocation{Rule: Sequential, Step: 1, Regularity: 1}, Drop)
		silent := Classification{Version: 1, Mapping: EndpointIndependent, Filtering: AddressAndPortDependent}.assumed()
		answers := silent
		answers.Answer = Reset
		a := &attempt{state: &state{knowledge: newKnowledge(), rtt: 40 * time.Millisecond, serverRTT: 20 * time.Millisecond}}
		a.knowledge.settle(ours, counted)
		a.knowledge.settle(others, answers)
		begun := time.Now() // of the test's own time
		err := auto{}.reconsider(t.Context(), a, counted, silent)
		want := sequential{}.Forecast(counted, silent).takes(a.rtt, a.serverRTT)
		if took := time.Since(begun); !errors.Is(err, errChanged) || took < want {
			t.Errorf("%v after %s, want %v after %s", err, took, errChanged, want)
		}
		if err := (auto{}).reconsider(t.Context(), a, counted, answers); err != nil {
			t.Errorf("nothing has changed: %v", err)
		}
	})
}

// A server that cannot classify leaves auto with what it does anyway.
func TestAutoConnectsPeersThatAreNotClassified(t *testing.T) {
	_, at := serve(t)
	cfg := config(t, "auto", NewSecret(), at)
	cfg.Classification = nil
	first, second := start(t.Context(), cfg), start(t.Context(), cfg)
	a, b := <-first, <-second
	connected(t, a, b)
	if a.report.Us.Known() || b.report.Us.Known() {
		t.Errorf("%s; %s", a.report.Us, b.report.Us)
	}
}

// What the peer says of its NATs may be newer than we are, or cannot be true. It is named, and counts as not known.
func TestClassificationsThatAreNotUnderstoodAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"version":2,"mapping":"none"}`:                                    "version 2 is newer than 1",
		`{"version":1,"mapping":"symmetric"}`:                               `mapping "symmetric"`,
		`{"version":1,"mapping":"endpoint-independent","filtering":"none"}`: "a NAT that maps and lets everything in",
		`[]`: "cannot unmarshal",
	} {
		a := &attempt{state: &state{knowledge: newKnowledge()}}
		a.learn(json.RawMessage(text))
		a.knowledge.settle(ours, unhindered)
		_, them, err := a.classes(t.Context())
		if err != nil || them.Known() {
			t.Errorf("%s: %+v, %v", text, them, err)
		}
		if notes := a.tally.notes; len(notes) != 1 || !strings.Contains(notes[0], want) {
			t.Errorf("%s: notes %q, want %q", text, notes, want)
		}
	}
}
