package populations

import (
	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
	"github.com/punchlab/punchlab/natprofiles"
)

// shape is a population as it is written.
type shape struct {
	Summary string  `yaml:"summary"`
	Entries []entry `yaml:"entries"`
}

// entry is a profile with its weight and where that is from, or a group of
// profiles whose weight one source gives, and the weights within it another.
type entry struct {
	Profile  string     `yaml:"profile"`
	Group    string     `yaml:"group"`
	Weight   weight     `yaml:"weight"`
	Source   source     `yaml:"source"`
	Split    source     `yaml:"split"`
	Profiles []weighted `yaml:"profiles"`
}

// weighted is a profile of a group and its part of it.
type weighted struct {
	Profile string `yaml:"profile"`
	Weight  weight `yaml:"weight"`
}

type source struct {
	Ref  string            `yaml:"ref"`
	Says natprofiles.Claim `yaml:"says"`
}

// Parse reads one population, the content of file, whose base name without .yaml
// is the population's name. Its profiles are those of the catalogue. Its error
// tells everything that is wrong: each problem as file:line:column, what is
// wrong and what is allowed, and below it the line of the file.
func Parse(file string, data []byte, profiles natprofiles.Catalogue) (Population, error) {
	var s shape
	doc, err := strictyaml.Load(file, data, &s)
	if err != nil {
		return Population{}, err
	}
	name := catalogue.NameOf(file)
	c := checker{doc: doc, names: namesOf(profiles)}
	c.check(name, s)
	if err := doc.Err(); err != nil {
		return Population{}, err
	}
	return s.population(name, c.names), nil
}

// population turns what was written, and has been checked, into what it means.
func (s shape) population(name string, names names) Population {
	p := Population{Name: name, Summary: s.Summary}
	for _, e := range s.Entries {
		g := Group{Name: e.Group, Weight: e.Weight.float(), Source: Source(e.Source)}
		if e.Group == "" {
			g.Name = names.canonical[e.Profile]
			g.Members = []Member{{Profile: g.Name, Weight: 1}}
		} else {
			g.Split = new(Source(e.Split))
		}
		for _, m := range e.Profiles {
			g.Members = append(g.Members, Member{Profile: names.canonical[m.Profile], Weight: m.Weight.float()})
		}
		p.Groups = append(p.Groups, g)
	}
	return p
}

// names are the words that a profile may be named by.
type names struct {
	canonical map[string]string // the profile's name by each of its names
	known     []string          // all of them
	sets      []string
}

func namesOf(profiles natprofiles.Catalogue) names {
	n := names{canonical: map[string]string{}}
	for _, p := range profiles.All() {
		for _, word := range append([]string{p.Name}, p.Aliases...) {
			if found, err := profiles.Get(word); err == nil { // a user's alias may hide a shipped name
				n.canonical[word] = found.Name
				n.known = append(n.known, word)
			}
		}
	}
	for _, s := range profiles.Sets() {
		n.sets = append(n.sets, s.Name)
	}
	return n
}
