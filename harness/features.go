package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/punchlab/punchlab/harness/internal/kernel"
	"github.com/punchlab/punchlab/harness/internal/natrules"
	"github.com/punchlab/punchlab/natprofiles"
)

// apply gives a NAT its rules. Where the kernel refuses them, the error names
// the fields of the profile that it cannot do, and what it lacks.
func (n *node) apply() error {
	err := n.rules.Apply(n.ns.FD())
	if err != nil {
		err = refusedRules(natrules.Features(), n.profile, err)
	}
	return err
}

// refusedRules explains why the rules of p were refused. nftables says no more
// than that something in a batch of hundreds was wrong, so each feature that p
// needs is tried by itself.
func refusedRules(features []natrules.Feature, p natprofiles.Profile, refusal error) error {
	var lacking []error
	for _, f := range features {
		field, needed := f.NeededBy(p)
		if !needed {
			continue
		}
		if err := tryFeature(f); err != nil {
			lacking = append(lacking, fmt.Errorf("%s: this kernel cannot do %s (%s, module %s): %w", field, f.Name, f.Option, f.Module, err))
		}
	}
	if lacking == nil {
		lacking = []error{refusal}
	}
	return fmt.Errorf("profile %s: %w", p.Name, errors.Join(lacking...))
}

// tryFeature has a namespace of its own take the smallest rules that use f.
func tryFeature(f natrules.Feature) error {
	made, err := kernel.NewNamespaces([][]kernel.Sysctl{nil})
	if err != nil {
		return explain(err)
	}
	return errors.Join(f.Try.Apply(made[0].FD()), made[0].Close())
}

// examineFeatures checks what the rules of NATs need beyond what Linux's own
// NAT does. Labs without such NATs do without.
func examineFeatures() (all []examination) {
	for _, f := range natrules.Features() {
		all = append(all, examination{
			Check: Check{
				Name: f.Name, Purpose: purpose(f, natprofiles.All()),
				Advice:   fmt.Sprintf("sudo modprobe %s. A kernel of your own needs %s.", f.Module, f.Option),
				Optional: true,
			},
			try: func(context.Context, *patient) error { return tryFeature(f) },
		})
	}
	return all
}

// purpose says how many profiles need a feature, and for which field.
func purpose(f natrules.Feature, profiles []natprofiles.Profile) string {
	var of, first string
	count := 0
	for _, p := range profiles {
		field, needed := f.NeededBy(p)
		if !needed {
			continue
		}
		if count++; count == 1 {
			of, first = field, p.Name
		}
	}
	return fmt.Sprintf("%s of %d profiles, such as %s", of, count, first)
}
