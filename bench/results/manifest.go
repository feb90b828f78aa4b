package results

import "time"

// Format is the version of the file format that this package writes, and the
// newest that it reads.
const Format = 1

// Manifest says what a run was to do and on what it ran: the first line of
// the file.
type Manifest struct {
	// Format is set by [NewWriter].
	Format int `json:"format"`

	// Version is punchlab's, and Kernel the release that uname gives.
	Version string    `json:"version"`
	Kernel  string    `json:"kernel"`
	Started time.Time `json:"started"`

	// Options are the flags of the run and their values as text, defaults
	// included, so that the run can be repeated.
	Options map[string]string `json:"options"`

	// Run is the identity of the run, by [Manifest.Identity]: that of the whole
	// run if this is a part of one. Files of older versions have none.
	Run string `json:"run,omitempty"`

	// Shard says which part of a run this is; nil for a whole one.
	Shard *Shard `json:"shard,omitempty"`

	// Seed is what the order in which cells were begun was drawn from, and the
	// seeds of all trials.
	Seed uint64 `json:"seed"`

	// Profiles gives a hash of each profile's content by its name: runs
	// whose profiles differ are not comparable, whatever they are called. What a sweep
	// varies is as its first point has it, also in Topologies.
	Profiles map[string]string `json:"profiles"`

	// Topologies gives the same of each topology, with the delays that the run
	// gave it.
	Topologies map[string]string `json:"topologies,omitempty"`

	// Cells are those that were planned, in the order in which reports show
	// them, and Trials is how many valid trials each was to get.
	Cells  []Cell `json:"cells"`
	Trials int    `json:"trials"`

	// Sweep is the parameter that the run varies; nil where none is. Each of its values
	// is a cell of its own for each pair and strategy.
	Sweep *Sweep `json:"sweep,omitempty"`

	// Until and Most are those of [Goal]; 0 where the number of trials was fixed.
	Until float64 `json:"until,omitempty"`
	Most  int     `json:"most,omitempty"`
}

// Goal is when a cell of the run has trials enough.
func (m Manifest) Goal() Goal { return Goal{Trials: m.Trials, HalfWidth: m.Until, Most: m.Most} }

// Planned is how many valid trials a complete run has, at least.
func (m Manifest) Planned() int { return len(m.Cells) * m.Trials }
