package natprofiles

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"

	"github.com/punchlab/punchlab/internal/catalogue"
)

//go:embed *.yaml sets/*.yaml
var files embed.FS

// setFolder is the folder of sets in a folder of profiles.
const setFolder = "sets"

var (
	kind = catalogue.Kind[Profile]{
		Word:  "profile",
		Parse: Parse,
		Names: func(p Profile) (string, []string) { return p.Name, p.Aliases },
		Clone: Profile.clone,
	}
	setKind = catalogue.Kind[Set]{
		Word:  "set of profiles",
		Parse: ParseSet,
		Names: func(s Set) (string, []string) { return s.Name, nil },
		Clone: func(s Set) Set { return s },
	}
)

var shipped = sync.OnceValue(func() Catalogue {
	sets, err := fs.Sub(files, setFolder)
	if err != nil {
		panic(err)
	}
	c := Catalogue{kind.Shipped(files), setKind.Shipped(sets)}
	if err := c.apart(); err != nil {
		panic(err)
	}
	return c
})

// All gives the shipped profiles, sorted by name. They are the caller's to change.
func All() []Profile { return shipped().All() }

// Get gives the shipped profile of that name or alias; a name that ends in
// .yaml is the path of a file instead. The error for an unknown name tells the
// nearest one and what else there is.
func Get(name string) (Profile, error) { return shipped().Get(name) }

// Select gives the shipped profiles that several words mean, as
// [Catalogue.Select] does.
func Select(words ...string) ([]Profile, error) { return shipped().Select(words...) }

// Sets gives the shipped sets of profiles, sorted by name.
func Sets() []Set { return shipped().Sets() }

// Load reads a folder of profiles, one per .yaml file, sorted by name. Its
// error tells everything that is wrong with any of them.
func Load(dir string) ([]Profile, error) { return kind.Folder(dir) }

// Catalogue is the shipped profiles and sets together with those of a user's
// folder. It never changes, so any number of goroutines may use it at once.
type Catalogue struct {
	all  catalogue.Catalogue[Profile]
	sets catalogue.Catalogue[Set]
}

// Open makes the catalogue of the shipped profiles and those in dir, which go
// before shipped ones of the same name or alias, and of the shipped sets and
// those in the folder sets in dir, if there is one. An empty dir adds none. No
// profile may have the name of a set.
func Open(dir string) (Catalogue, error) {
	if dir == "" {
		return shipped(), nil
	}
	all, profileErr := shipped().all.With(dir)
	sets, setErr := shipped().withSets(filepath.Join(dir, setFolder))
	if err := errors.Join(profileErr, setErr); err != nil {
		return Catalogue{}, err
	}
	c := Catalogue{all, sets}
	return c, c.apart()
}

// withSets adds the sets of a user's folder, which need not exist.
func (c Catalogue) withSets(dir string) (catalogue.Catalogue[Set], error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return c.sets, nil
	}
	return c.sets.With(dir)
}

// apart checks that no profile has the name of a set: one word could mean
// either.
func (c Catalogue) apart() error {
	var errs []error
	for _, s := range c.sets.All() {
		if p, err := c.all.Get(s.Name); err == nil {
			errs = append(errs, fmt.Errorf("%s is a name of profile %s and of a set of profiles; rename one of them", s.Name, p.Name))
		}
	}
	return errors.Join(errs...)
}

// All gives every profile, sorted by name.
func (c Catalogue) All() []Profile { return c.all.All() }

// Sets gives every set, sorted by name.
func (c Catalogue) Sets() []Set { return c.sets.All() }

// Get is the function Get over this catalogue. A set is not one profile.
func (c Catalogue) Get(name string) (Profile, error) {
	if c.isSet(name) {
		return Profile{}, fmt.Errorf("%s is a set of profiles, and here only one may stand", name)
	}
	return c.all.Get(name)
}

func (c Catalogue) isSet(name string) bool {
	return slices.ContainsFunc(c.sets.All(), func(s Set) bool { return s.Name == name })
}

// Members gives the profiles of a set, sorted by name.
func (c Catalogue) Members(s Set) []Profile {
	return slices.DeleteFunc(c.All(), func(p Profile) bool { return !s.Has(p) })
}

// Find gives the profiles that a word means: those of the set of that name, or
// the one that Get gives.
func (c Catalogue) Find(word string) ([]Profile, error) {
	var names []string
	for _, s := range c.Sets() {
		if s.Name != word {
			names = append(names, s.Name)
			continue
		}
		if members := c.Members(s); len(members) > 0 {
			return members, nil
		}
		return nil, fmt.Errorf("set %s: no profile belongs to it", word)
	}
	p, err := c.all.Get(word, catalogue.Others{Word: "sets", Names: names})
	if err != nil {
		return nil, err
	}
	return []Profile{p}, nil
}

// Select gives the profiles that several words mean, each once, in the order of
// the words. Two profiles that differ may not have one name.
func (c Catalogue) Select(words ...string) ([]Profile, error) {
	var chosen []Profile
	var errs []error
	for _, word := range words {
		found, err := c.Find(word)
		errs = append(errs, err)
		for _, p := range found {
			i := slices.IndexFunc(chosen, func(q Profile) bool { return q.Name == p.Name })
			switch {
			case i < 0:
				chosen = append(chosen, p)
			case !reflect.DeepEqual(chosen[i], p):
				errs = append(errs, fmt.Errorf("%s: this profile and another one are both called %s; rename the file", word, p.Name))
			}
		}
	}
	return chosen, errors.Join(errs...)
}
