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

	// Seed is what the order in which cells were begun was drawn from, and the
	// seeds of all trials.
	Seed uint64 `json:"seed"`

	// Profiles gives a hash of each profile's content by its name: runs
	// whose profiles differ are not comparable, whatever they are called.
	Profiles map[string]string `json:"profiles"`

	// Cells are those that were planned, in the order in which reports show
	// them, and Trials is how many valid trials each was to get.
	Cells  []Cell `json:"cells"`
	Trials int    `json:"trials"`
}

// Planned is how many valid trials a complete run has.
func (m Manifest) Planned() int { return len(m.Cells) * m.Trials }
