package punch

import (
	"strings"
	"syscall"
	"testing"
)

// A peer whose NAT does otherwise than it says is named; one that does as it says is not.
func TestClaimsThatTurnOutToBeWrongAreNamed(t *testing.T) {
	cone := Classification{
		Version: 1, Mapping: EndpointIndependent, Filtering: AddressAndPortDependent, Answer: Drop,
		Ports: Allocation{Rule: Preserve}, AfterICMP: Yes, ArmingTTL: 2,
	}
	resets := cone
	resets.Answer = Reset
	random := cone
	random.Mapping, random.Ports = AddressAndPortDependent, Allocation{Rule: Random}
	for _, c := range []struct {
		name     string
		them     Classification
		answered bool
		failed   bool
		left     bool
		want     []string
	}{
		{"as it says", cone, false, false, false, nil},
		{"it answers", cone, true, false, false, []string{"2 SYNs refused where the peer listens"}},
		{"it says that it answers", resets, true, false, false, nil},
		{"it should have connected", cone, false, true, false, []string{"by what is said of both NATs they connect"}},
		{"it left", cone, false, true, true, nil},
		{"it had no way", random, false, true, false, nil},
		{"both", cone, true, true, false, []string{"2 SYNs refused", "by what is said"}},
	} {
		a := bareAttempt(t, closedPort(t))
		a.knowledge = newKnowledge()
		a.knowledge.settle(ours, cone)
		a.knowledge.settle(others, c.them)
		if c.answered {
			for range 2 {
				a.answered(shot{to: a.peer}, syscall.ECONNREFUSED)
				a.answered(shot{to: closedPort(t)}, syscall.ECONNREFUSED) // not where it listens
				a.answered(shot{to: a.peer}, errSilence)
			}
		}
		if c.left {
			a.tally.left = "bye"
		}
		a.contradicted(simultaneousOpen{}, c.failed)
		if len(a.tally.notes) != len(c.want) {
			t.Errorf("%s: %q", c.name, a.tally.notes)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(a.tally.notes[i], want) {
				t.Errorf("%s: %q, want %q", c.name, a.tally.notes[i], want)
			}
		}
	}
}
