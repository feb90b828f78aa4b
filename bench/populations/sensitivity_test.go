package populations_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/punchlab/punchlab/bench/populations"
	"github.com/punchlab/punchlab/bench/results"
	"github.com/punchlab/punchlab/natprofiles"
)

func influences(t *testing.T, cells []results.Summary, a, b populations.Population) *populations.Sensitivity {
	t.Helper()
	return populations.Expect(cells, a, b, everywhere)[0].Sensitivity
}

// By hand: x halved is 0.375 beside 0.25, so 0.6 and 0.4: 0.36 + 1/2 · 0.48 =
// 0.6. Doubled it is 1.5 beside 0.25, so 6/7 and 1/7: 36/49 + 1/2 · 12/49 = 6/7.
// To halve y is to double x, and the other way round.
func TestAnAssumedWeightMovesTheRate(t *testing.T) {
	p := twoKinds(natprofiles.Assumed, natprofiles.Assumed)
	want := &populations.Sensitivity{Low: 0.6, High: 6.0 / 7, Influences: []populations.Influence{
		{Population: "test", Group: "x", Weight: 0.75, Halved: 0.6, Doubled: 6.0 / 7},
		{Population: "test", Group: "y", Weight: 0.25, Halved: 6.0 / 7, Doubled: 0.6},
	}}
	if diff := cmp.Diff(want, influences(t, measured, p, p), near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsCountedDoesNotMove(t *testing.T) {
	for _, says := range [][2]natprofiles.Claim{
		{natprofiles.Measured, natprofiles.Documented},
		{natprofiles.Measured, natprofiles.Assumed}, // which the counted one leaves
		{natprofiles.Assumed, natprofiles.Documented},
	} {
		p := twoKinds(says[0], says[1])
		got := influences(t, measured, p, p)
		if len(got.Influences) != 0 || got.Low != got.High {
			t.Errorf("%v: %+v", says, got)
		}
	}
}

// By hand: z is counted and never connects, x and y share the counted other half
// by assumption. On single NATs that is 1/2 · (share of x). x halved is 1 part of
// 3, doubled 2 of 3.
func TestASplitMovesWithinItsGroup(t *testing.T) {
	p := populations.Population{Name: "test", Groups: []populations.Group{entry("z", 0.5, natprofiles.Measured), {
		Name: "rest", Weight: 0.5, Source: populations.Source{Says: natprofiles.Measured},
		Split:   &populations.Source{Says: natprofiles.Assumed},
		Members: []populations.Member{{Profile: "x", Weight: 0.5}, {Profile: "y", Weight: 0.5}},
	}}}
	cells := []results.Summary{cell("x", "", 10, 10), cell("y", "", 0, 10), cell("z", "", 0, 10)}
	want := &populations.Sensitivity{Low: 1.0 / 6, High: 1.0 / 3, Influences: []populations.Influence{
		{Population: "test", Group: "rest", Profile: "x", Weight: 0.5, Halved: 1.0 / 6, Doubled: 1.0 / 3},
		{Population: "test", Group: "rest", Profile: "y", Weight: 0.5, Halved: 1.0 / 3, Doubled: 1.0 / 6},
	}}
	got := influences(t, cells, p, p)
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p.Groups[1].Members[0].Weight != 0.5 {
		t.Error("the caller's population was changed")
	}
}

// Of two populations, each moves by itself; the greatest influence stands first.
func TestEachSideMovesByItself(t *testing.T) {
	homes := twoKinds(natprofiles.Assumed, natprofiles.Assumed)
	phones := populations.Population{Name: "phones", Groups: []populations.Group{
		entry("z", 0.5, natprofiles.Assumed), entry("w", 0.5, natprofiles.Assumed),
	}}
	cells := []results.Summary{cell("x", "z", 10, 10), cell("y", "z", 9, 10), cell("x", "w", 0, 10), cell("y", "w", 0, 10)}
	got := influences(t, cells, homes, phones).Influences
	var order []string
	for _, i := range got {
		order = append(order, i.Population+" "+i.String())
	}
	if diff := cmp.Diff([]string{"phones z", "phones w", "test x", "test y"}, order); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
