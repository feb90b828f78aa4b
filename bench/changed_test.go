package bench

import (
	"fmt"
	"testing"

	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/natprofiles"
)

func TestChanged(t *testing.T) {
	catalogue, err := natprofiles.Open("")
	if err != nil {
		t.Fatal(err)
	}
	same, err := catalogue.Get("openwrt")
	if err != nil {
		t.Fatal(err)
	}
	other, err := catalogue.Get("linux-random")
	if err != nil {
		t.Fatal(err)
	}
	other.TCP.Hairpin = "internal-source"
	m := results.Manifest{Profiles: map[string]string{
		same.Name: fingerprint(same), other.Name: fingerprint(other), "of-mine": fingerprint(same),
	}}
	if otherwise, unknown := Changed(m, catalogue); fmt.Sprint(otherwise, unknown) != "[linux-random] [of-mine]" {
		t.Errorf("%v %v", otherwise, unknown)
	}
}

func TestASweepChangesNoProfile(t *testing.T) {
	catalogue, err := natprofiles.Open("")
	if err != nil {
		t.Fatal(err)
	}
	cells := curve(t, results.SweepSYNSent, 2)
	plan := Plan{Cells: cells, Trials: 1, Sweep: &results.Sweep{
		Parameter: results.SweepSYNSent, Unit: results.UnitSeconds, Values: []results.Value{{Text: "1s", Number: 1}, {Text: "2s", Number: 2}},
	}}
	if otherwise, unknown := Changed(plan.Manifest("v0.1.0", nil), catalogue); len(otherwise)+len(unknown) > 0 {
		t.Errorf("otherwise: %v, unknown: %v; want none", otherwise, unknown)
	}
}
