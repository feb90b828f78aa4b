package bench

import (
	"maps"
	"slices"
	"time"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/natprofiles"
)

// Changed names the profiles of a run that a catalogue has otherwise than they were
// when the run was made, and those that it does not have, both sorted. What is said
// of a profile by its name is then not what was measured. A version that knows more
// fields of profiles has all of them otherwise.
func Changed(m results.Manifest, profiles natprofiles.Catalogue) (otherwise, unknown []string) {
	for _, name := range slices.Sorted(maps.Keys(m.Profiles)) {
		switch p, err := profiles.Get(name); {
		case err != nil:
			unknown = append(unknown, name)
		case fingerprint(p) != m.Profiles[name] && fingerprint(swept(m, p)) != m.Profiles[name]:
			otherwise = append(otherwise, name)
		}
	}
	return otherwise, unknown
}

// swept is a profile as the first point of a run's sweep has it.
func swept(m results.Manifest, p natprofiles.Profile) natprofiles.Profile {
	if s := m.Sweep; s != nil && s.Parameter == results.SweepSYNSent && len(s.Values) > 0 {
		p.TCP.Timeouts.SYNSent = natprofiles.Timeout(s.Values[0].Number * float64(time.Second))
	}
	return p
}
