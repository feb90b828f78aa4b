package natprofiles

import (
	"embed"
	"sync"

	"github.com/punchlab/punchlab/internal/catalogue"
)

//go:embed *.yaml
var files embed.FS

var kind = catalogue.Kind[Profile]{
	Word:  "profile",
	Parse: Parse,
	Names: func(p Profile) (string, []string) { return p.Name, p.Aliases },
	Clone: Profile.clone,
}

var shipped = sync.OnceValue(func() catalogue.Catalogue[Profile] { return kind.Shipped(files) })

// All gives the shipped profiles, sorted by name. They are the caller's to change.
func All() []Profile { return shipped().All() }

// Get gives the shipped profile of that name or alias; a name that ends in
// .yaml is the path of a file instead. The error for an unknown name tells the
// nearest one and all there are.
func Get(name string) (Profile, error) { return shipped().Get(name) }

// Load reads a folder of profiles, one per .yaml file, sorted by name. Its
// error tells everything that is wrong with any of them.
func Load(dir string) ([]Profile, error) { return kind.Folder(dir) }

// Catalogue is the shipped profiles together with those of a user's folder. It
// never changes, so any number of goroutines may use it at once.
type Catalogue struct{ all catalogue.Catalogue[Profile] }

// Open makes the catalogue of the shipped profiles and those in dir, which go
// before shipped ones of the same name or alias. An empty dir adds none.
func Open(dir string) (Catalogue, error) {
	all, err := shipped().With(dir)
	return Catalogue{all}, err
}

// All gives every profile, sorted by name.
func (c Catalogue) All() []Profile { return c.all.All() }

// Get is the function Get over this catalogue.
func (c Catalogue) Get(name string) (Profile, error) { return c.all.Get(name) }
