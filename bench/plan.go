package bench

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/harness"
)

// Plan is what a run is to do.
type Plan struct {
	Cells    []Cell
	Trials   int             // valid trials of each cell, at least
	Patience time.Duration   // how long a pair may try, from the introduction on
	Staggers []time.Duration // trial i starts bob later than alice by Staggers[i % len]; none: both at once
	Sweep    *results.Sweep  // what the points of the cells are values of; nil where they have none
	Seed     uint64          // draws the order of the cells and the seeds of the trials, which decide what links do
	Parallel int             // most labs side by side; 0: DefaultParallel
	Passes   int             // into how many the trials of a cell are spread; 0: as many as the labs bear

	// Until is how far from its middle the ends of the interval of a cell's rate may
	// be when the cell has trials enough, from 0 to 1; 0: Trials decides alone. Most
	// is how many valid trials a cell gets at most for that; 0 for no bound.
	Until float64
	Most  int

	// Begun is how far cells have got already, in a run that goes on.
	Begun map[results.Cell]results.Begun

	// Unclassified has peers measure their NATs in every trial, from the moment on
	// when they meet the server, instead of once before all trials.
	Unclassified bool

	// Observe says which trials are observed. What fails unobserved has no cause but
	// what the engines say.
	Observe Observe

	// CrossTraffic is how many unrelated flows begin in a second through each of
	// the NATs in the slots a and b; 0 for none.
	CrossTraffic float64
}

// DefaultParallel is how many labs run side by side if nobody says otherwise.
// A trial mostly waits for its packets: two dozen labs keep a processor busy
// and few packets late. The scheduler's GOMAXPROCS says nothing here, since
// labs raise it.
func DefaultParallel() int { return 24 * runtime.NumCPU() }

// Manifest describes the plan at the head of a results file. The cells are in
// the plan's order. Options are for people: flags and their values.
func (p Plan) Manifest(version string, options map[string]string) results.Manifest {
	m := results.Manifest{
		Version: version, Kernel: kernelRelease(), Started: time.Now(), Options: options,
		Seed: p.Seed, Trials: p.Trials, Sweep: p.Sweep, Until: p.Until, Most: p.Most,
		Profiles: map[string]string{}, Topologies: map[string]string{},
	}
	for _, c := range p.Cells {
		m.Cells = append(m.Cells, c.Key())
		keep(m.Topologies, c.Topology.Name, c.Topology)
		for _, profile := range c.NATs {
			keep(m.Profiles, profile.Name, profile)
		}
	}
	m.Run = m.Identity()
	return m
}

// keep notes what is first called by a name.
func keep(fingerprints map[string]string, name string, data any) {
	if _, known := fingerprints[name]; !known {
		fingerprints[name] = fingerprint(data)
	}
}

// fingerprint is a short hash of everything that a profile or a topology says.
func fingerprint(data any) string {
	text, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("profiles and topologies are plain data: %v", err))
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(text))[:len("sha256:")+16]
}

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// goal is when a cell has trials enough.
func (p Plan) goal() results.Goal {
	return results.Goal{Trials: p.Trials, HalfWidth: p.Until, Most: p.Most}
}

func (p Plan) check() error {
	for _, rule := range []struct {
		broken bool
		what   string
	}{
		{len(p.Cells) == 0, "no cells"},
		{p.Trials < 1, "less than one trial for each cell"},
		{p.Until < 0 || p.Until >= 1, "an interval that no rate has"},
		{p.Most < 0, "a negative number of trials at most"},
		{p.Patience <= 0, "patience is not positive"},
		{p.Parallel < 0, "a negative number of labs side by side"},
		{p.Passes < 0, "a negative number of passes"},
	} {
		if rule.broken {
			return fmt.Errorf("plan: %s", rule.what)
		}
	}
	for _, c := range p.Cells {
		if flows := p.crossTraffic(c); flows != 0 {
			if err := (harness.CrossTraffic{PerSecond: flows}).Check(); err != nil {
				return fmt.Errorf("plan: cross traffic: %w", err)
			}
		}
	}
	return nil
}

// betweenTrials is in the place of a trial's number where something lasts for
// all trials of a cell.
const betweenTrials = -1

// TrafficSeed is what the gaps between the flows of a cell's cross traffic are drawn
// from, which goes on from trial to trial.
func (p Plan) TrafficSeed(c Cell) uint64 { return p.seed(c.Key(), betweenTrials) }

// seed is the seed of a cell's trial: it depends on the run's, on which cell
// it is, and on which trial, and on nothing else.
func (p Plan) seed(c results.Cell, trial int) uint64 {
	h := sha256.Sum256(fmt.Appendf(nil, "%d %s %d", p.Seed, c, trial))
	const exactInFloats = 1<<53 - 1 // readers of JSON hold numbers as floats
	var n uint64
	for _, b := range h[:8] {
		n = n<<8 | uint64(b)
	}
	return n & exactInFloats
}
