package results

import "slices"

// Point is one value of the parameter that a run sweeps. The zero Point is where
// nothing is swept.
type Point struct {
	Parameter string `json:"parameter"`
	// Value is the text that a flag has for it, such as "-0.25rtt": what it means may
	// depend on other flags. [Sweep.Number] places it on an axis.
	Value string `json:"value"`
}

// Swept says whether anything is.
func (p Point) Swept() bool { return p != Point{} }

// String is for people: "stagger -0.25rtt".
func (p Point) String() string {
	if !p.Swept() {
		return ""
	}
	return p.Parameter + " " + p.Value
}

// The parameters of sweeps, as flags and files name them.
const (
	SweepStagger      = "stagger"
	SweepRTT          = "rtt"
	SweepJitter       = "jitter"
	SweepLoss         = "loss"
	SweepCrossTraffic = "cross-traffic"
	SweepSYNSent      = "syn-sent" // how long the NATs keep a mapping that a SYN has made and nothing has answered
)

// SweepParameters are all of them.
func SweepParameters() []string {
	return []string{SweepStagger, SweepRTT, SweepJitter, SweepLoss, SweepCrossTraffic, SweepSYNSent}
}

// Sweep is the parameter that a run varied, and its values in rising order.
type Sweep struct {
	Parameter string `json:"parameter"`
	// Unit is that of the numbers: UnitRounds and so on, or one of a newer version.
	Unit   string  `json:"unit"`
	Values []Value `json:"values"`
}

// Value is one value of a sweep: its text, and its number in the sweep's unit.
type Value struct {
	Text   string  `json:"value"`
	Number float64 `json:"number"`
}

// The units of sweeps.
const (
	UnitRounds       = "rtt"
	UnitMilliseconds = "ms"
	UnitSeconds      = "s"
	UnitPercent      = "%"
	UnitPerSecond    = "flows/s"
)

// Number is where a point of the sweep is on its axis.
func (s *Sweep) Number(p Point) (number float64, known bool) {
	if s == nil || p.Parameter != s.Parameter {
		return 0, false
	}
	i := slices.IndexFunc(s.Values, func(v Value) bool { return v.Text == p.Value })
	if i < 0 {
		return 0, false
	}
	return s.Values[i].Number, true
}
