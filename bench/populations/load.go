package populations

import (
	"embed"
	"errors"
	"fmt"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/natprofiles"
)

//go:embed *.yaml
var files embed.FS

// Catalogue is the shipped populations, and reads those of users. It never
// changes, so any number of goroutines may use it at once.
type Catalogue struct {
	all catalogue.Catalogue[Population]
}

// Open makes the catalogue of the shipped populations, over the profiles of a
// catalogue: where a profile of the user's has the name of a shipped one, a
// population means the user's, as the bench does. It fails only where the user
// has given two names of one population to one profile.
func Open(profiles natprofiles.Catalogue) (Catalogue, error) {
	kind := catalogue.Kind[Population]{
		Word:  "population",
		Parse: func(file string, data []byte) (Population, error) { return Parse(file, data, profiles) },
		Names: func(p Population) (string, []string) { return p.Name, nil },
		Clone: Population.clone,
	}
	all, err := kind.Read(files)
	if err != nil {
		return Catalogue{}, fmt.Errorf("populations: %w", err)
	}
	return Catalogue{all}, nil
}

// All gives every shipped population, sorted by name. They are the caller's to
// change.
func (c Catalogue) All() []Population { return c.all.All() }

// Get gives the shipped population of that name; a name that ends in .yaml is
// the path of a file instead. The error for an unknown name tells the nearest
// one and all that there are.
func (c Catalogue) Get(name string) (Population, error) { return c.all.Get(name) }

// Sides gives the populations that side a and side b are drawn from: both from
// the one that is named, or each from one of two.
func (c Catalogue) Sides(names ...string) (a, b Population, err error) {
	if len(names) < 1 || len(names) > 2 {
		return a, b, fmt.Errorf("want one population, or two for both sides, and not %d", len(names))
	}
	a, errA := c.Get(names[0])
	b, errB := a.clone(), error(nil)
	if len(names) == 2 {
		b, errB = c.Get(names[1])
	}
	return a, b, errors.Join(errA, errB)
}
