package punch

import (
	"context"
	"testing"
	"time"
)

func TestWhatIsKnownIsSurmisedFirstAndSettledOnce(t *testing.T) {
	k := newKnowledge()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := k.surmised(gone); err == nil {
		t.Error("something is known of nothing")
	}
	guess := Classification{Version: 1, Mapping: EndpointIndependent, Filtering: AddressAndPortDependent}
	k.surmise(ours, guess)
	k.surmise(ours, unhindered) // the first stands
	k.surmise(others, guess)
	if us, them, err := k.surmised(gone); err != nil || us.Mapping != guess.Mapping || them.Mapping != guess.Mapping {
		t.Errorf("surmised: %s, %s, %v", us, them, err)
	}
	if _, _, err := k.settled(gone); err == nil || k.has(ours) {
		t.Error("a surmise is taken for the last word")
	}
	k.settle(ours, unhindered)
	k.settle(ours, guess) // the first stands
	k.surmise(ours, guess)
	k.settle(others, Classification{})
	us, them, err := k.settled(gone)
	if err != nil || !k.has(ours) || us.Mapping != unhindered.Mapping || them.Known() {
		t.Errorf("settled: %s, %s, %v", us, them, err)
	}
}

// What is settled before anything is surmised is both.
func TestTheLastWordMayBeTheFirst(t *testing.T) {
	k := newKnowledge()
	soon, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	go func() { k.settle(others, unhindered); k.settle(ours, unhindered) }()
	if us, them, err := k.surmised(soon); err != nil || !us.Known() || !them.Known() {
		t.Errorf("%s, %s, %v", us, them, err)
	}
}

// A plan that was made early is given up if the last word makes another one, and not for what makes no difference.
func TestAutoReconsidersWhatMatters(t *testing.T) {
	cone := func(f Dependence, answer Answer) Classification {
		return Classification{
			Version: 1, Mapping: EndpointIndependent, Filtering: f, Answer: answer, Ports: Allocation{Rule: Preserve},
			AfterICMP: Yes, ArmingTTL: 2,
		}
	}
	random := func(answer Answer) Classification {
		c := cone(AddressAndPortDependent, answer)
		c.Mapping, c.Ports = AddressAndPortDependent, Allocation{Rule: Random}
		return c.assumed()
	}
	const restricted = AddressAndPortDependent
	for _, c := range []struct {
		name                     string
		us, them, nowUs, nowThem Classification
		changed                  bool
	}{
		{"nothing", cone(restricted, Drop), cone(restricted, Drop), cone(restricted, Drop), cone(restricted, Drop), false},
		{"crossed SYNs are sent again", cone(restricted, Drop), cone(restricted, Drop), cone(restricted, Drop), cone(restricted, Reset), false},
		{"ICMP spoils them", cone(restricted, Drop), cone(restricted, Drop), cone(restricted, Drop), cone(restricted, ICMP), true},
		{"birthday", random(Drop), cone(restricted, Drop), random(Drop), cone(restricted, Drop), false},
		{"the order of many SYNs", random(Drop), cone(restricted, Drop), random(Reset), cone(restricted, Drop), true},
		{"an open filter", random(Drop), cone(restricted, Drop), random(Drop), cone(EndpointIndependent, ""), true},
		{"there was no way", random(Drop), random(Drop), random(Drop), random(Drop), true},
	} {
		a := &attempt{state: &state{knowledge: newKnowledge()}}
		a.knowledge.settle(ours, c.nowUs)
		a.knowledge.settle(others, c.nowThem)
		if err := (auto{}).reconsider(t.Context(), a, c.us.assumed(), c.them.assumed()); (err != nil) != c.changed {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
