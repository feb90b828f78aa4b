package populations_test

import (
	"fmt"

	"github.com/punchlab/punchlab/bench/populations"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/natprofiles"
)

// Nine of ten NATs keep their ports and connect to each other; to the others,
// and those to each other, they do not. That is not nine of ten pairs.
func ExampleExpect() {
	profiles, err := natprofiles.Open("")
	if err != nil {
		fmt.Println(err)
		return
	}
	street, err := populations.Parse("street.yaml", []byte(`
summary: Our street
entries:
  - {profile: linux-masquerade, weight: 90, source: {ref: "we asked", says: measured}}
  - {profile: linux-random, weight: 10, source: {ref: "we asked", says: measured}}
`), profiles)
	if err != nil {
		fmt.Println(err)
		return
	}
	cell := func(a, b results.Name, successes int) results.Summary {
		return results.Summary{
			Cell:      results.Cell{Topology: "two-nats", NATA: a, NATB: b, Strategy: "simultaneous-open"},
			Successes: successes, Trials: 100,
		}
	}
	run := []results.Summary{
		cell("linux-masquerade", "linux-masquerade", 100),
		cell("linux-masquerade", "linux-random", 0), // stands for the other way round, too
	}
	for _, e := range populations.Expect(run, street, street, func(string) bool { return true }) {
		fmt.Printf("%s on %s: %.0f %% of the pairs were measured, of which %.1f %% connect\n",
			e.Strategy, e.Topology, 100*e.Coverage, 100*e.Success.Rate)
		fmt.Printf("of all, %.0f to %.0f %%\n", 100*e.Least, 100*e.Most)
	}
	// Output:
	// simultaneous-open on two-nats: 99 % of the pairs were measured, of which 81.8 % connect
	// of all, 81 to 82 %
}
