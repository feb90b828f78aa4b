package topologies

import (
	"embed"
	"sync"

	"github.com/punchlab/punchlab/internal/catalogue"
)

//go:embed *.yaml
var files embed.FS

var kind = catalogue.Kind[Topology]{
	Word:  "topology",
	Parse: Parse,
	Names: func(t Topology) (string, []string) { return t.Name, nil },
	Clone: Topology.clone,
}

var shipped = sync.OnceValue(func() catalogue.Catalogue[Topology] { return kind.Shipped(files) })

// All gives the shipped topologies, sorted by name. They are the caller's to change.
func All() []Topology { return shipped().All() }

// Get gives the shipped topology of that name; a name that ends in .yaml is the
// path of a file instead. The error for an unknown name tells the nearest one
// and all there are.
func Get(name string) (Topology, error) { return shipped().Get(name) }

// Load reads a folder of topologies, one per .yaml file, sorted by name. Its
// error tells everything that is wrong with any of them.
func Load(dir string) ([]Topology, error) { return kind.Folder(dir) }

// Catalogue is the shipped topologies together with those of a user's folder.
// It never changes, so any number of goroutines may use it at once.
type Catalogue struct{ all catalogue.Catalogue[Topology] }

// Open makes the catalogue of the shipped topologies and those in dir, which go
// before shipped ones of the same name. An empty dir adds none.
func Open(dir string) (Catalogue, error) {
	all, err := shipped().With(dir)
	return Catalogue{all}, err
}

// All gives every topology, sorted by name.
func (c Catalogue) All() []Topology { return c.all.All() }

// Get is the function Get over this catalogue.
func (c Catalogue) Get(name string) (Topology, error) { return c.all.Get(name) }
