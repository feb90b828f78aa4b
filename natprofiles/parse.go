package natprofiles

import (
	"go.yaml.in/yaml/v4"

	"github.com/punchlab/punchlab/internal/catalogue"
	"github.com/punchlab/punchlab/internal/strictyaml"
)

// shape is a profile as it is written. It differs from [Profile] where a field
// accepts fewer words than its type has.
type shape struct {
	Summary     string   `yaml:"summary"`
	SeenOn      []string `yaml:"seen-on"`
	Sources     []source `yaml:"sources"`
	Aliases     []string `yaml:"aliases"`
	Tags        []string `yaml:"tags"`
	Translate   bool     `yaml:"translate"`
	Mapping     mapping  `yaml:"mapping"`
	Filtering   filter   `yaml:"filtering"`
	Ports       ports    `yaml:"ports"`
	Unsolicited Answer   `yaml:"unsolicited"`
	Input       Input    `yaml:"input"`
	Invalid     Invalid  `yaml:"invalid"`
}

type source struct {
	Ref    string  `yaml:"ref"`
	Says   Claim   `yaml:"says"`
	Fields []field `yaml:"fields"`
}

type ports struct {
	Allocation Allocation `yaml:"allocation"`
	OnConflict fallback   `yaml:"on-conflict"`
}

type (
	mapping  Dependence
	filter   Dependence
	fallback Allocation
	field    string
)

// fields are the fields that a source can be the source of.
var fields = []field{
	"translate", "mapping", "filtering", "ports", "ports.allocation", "ports.on-conflict", "unsolicited", "input", "invalid",
}

func (m *mapping) UnmarshalYAML(n *yaml.Node) error {
	return strictyaml.OneOf(n, m, mapping(EndpointIndependent), mapping(AddressAndPortDependent))
}

func (f *filter) UnmarshalYAML(n *yaml.Node) error {
	return strictyaml.OneOf(n, f, filter(AddressAndPortDependent), filter(Unfiltered))
}

func (f *fallback) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, f, fallback(Random)) }

func (f *field) UnmarshalYAML(n *yaml.Node) error { return strictyaml.OneOf(n, f, fields...) }

// Parse reads one profile, the content of file, whose base name without .yaml
// is the profile's name. Its error tells everything that is wrong, one problem
// per line as file:line:column, with the values that are allowed.
func Parse(file string, data []byte) (Profile, error) {
	s := shape{
		Translate: true,
		Ports:     ports{Allocation: Preserve},
		Input:     InputFiltered,
		Invalid:   InvalidForward,
	}
	doc, err := strictyaml.Load(file, data, &s)
	if err != nil {
		return Profile{}, err
	}
	name := catalogue.NameOf(file)
	check(doc, name, s)
	if err := doc.Err(); err != nil {
		return Profile{}, err
	}
	return s.profile(name), nil
}

// profile turns what was written into what it means.
func (s shape) profile(name string) Profile {
	p := Profile{
		Name: name, Summary: s.Summary, SeenOn: s.SeenOn, Aliases: s.Aliases, Tags: s.Tags,
		Translate: s.Translate, Filtering: Dependence(s.Filtering),
	}
	for _, from := range s.Sources {
		to := Source{Ref: from.Ref, Says: from.Says}
		for _, f := range from.Fields {
			to.Fields = append(to.Fields, string(f))
		}
		p.Sources = append(p.Sources, to)
	}
	if !s.Translate {
		return p
	}
	p.Mapping, p.Unsolicited, p.Input, p.Invalid = Dependence(s.Mapping), s.Unsolicited, s.Input, s.Invalid
	p.Ports.Allocation = s.Ports.Allocation
	if p.Ports.Allocation == Preserve {
		p.Ports.OnConflict = Random
	}
	return p
}
