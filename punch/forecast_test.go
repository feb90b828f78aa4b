package punch

import (
	"math"
	"strings"
	"testing"
	"time"
)

// Both peers forecast for themselves, and do not know which of them is named first.
func TestAForecastDoesNotDependOnWhoIsNamedFirst(t *testing.T) {
	all := kinds()
	for _, s := range Strategies() {
		for _, a := range all {
			for _, b := range all {
				f, g := s.Forecast(a.assumed(), b.assumed()), s.Forecast(b.assumed(), a.assumed())
				if f.Chance == 0 && g.Chance == 0 {
					g.Reason = f.Reason // of several reasons why not either may come first
				}
				if f != g {
					t.Fatalf("%s: %s x %s: %+v, the other way round %+v", s.Name(), a, b, f, g)
				}
				if bad := oddity(f); bad != "" {
					t.Fatalf("%s: %s x %s: %s: %+v", s.Name(), a, b, bad, f)
				}
			}
		}
	}
}

// oddity is what is wrong with a forecast in itself.
func oddity(f Forecast) string {
	switch {
	case math.IsNaN(f.Chance) || f.Chance < 0 || f.Chance > 1:
		return "no chance is that large"
	case f.Chance > 0 && (f.RoundTrips < 0 || f.ServerTrips < 0 || f.RoundTrips+f.ServerTrips > 20):
		return "that takes long"
	case f.Chance > 0 && (f.SYNs < 0 || f.SYNs > MaxSYNs):
		return "so many SYNs are not sent"
	case f.Reason == "" || strings.HasSuffix(f.Reason, ".") || strings.Contains(f.Reason, "\n"):
		return "the reason is not one sentence without a full stop"
	}
	return ""
}

func TestUnknownNATsAreForecastAsTheMostCommonOnes(t *testing.T) {
	c := Classification{}.guessed()
	if !c.Known() || !c.Cone() || c.Open() || c.Answer != Drop || !arms(c) {
		t.Errorf("%+v", c)
	}
	if got := (Classification{Mapping: AddressDependent, Filtering: AddressDependent}).assumed(); got.Ports.Size() != allPorts {
		t.Errorf("ports of a NAT whose allocation is not known: %+v", got.Ports)
	}
	if c.Check() == nil {
		t.Error("a guess has no version: it must not travel")
	}
}

func TestChoosingAmongForecasts(t *testing.T) {
	ordered := []Forecast{
		{Chance: 1, RoundTrips: 1.5, SYNs: 2},
		{Chance: 0.995, RoundTrips: 1.5, SYNs: 9},
		{Chance: 1, RoundTrips: 2, SYNs: 2},
		{Chance: 1, RoundTrips: 1.5, ServerTrips: 2, SYNs: 2},
		{Chance: 0.9, RoundTrips: 1},
		{Chance: 0.3, RoundTrips: 1},
	}
	for i, f := range ordered {
		for j, g := range ordered {
			if got := better(f, g); i != j && (got < 0) != (i < j) || i == j && got != 0 {
				t.Errorf("better(%+v, %+v) = %d", f, g, got)
			}
		}
	}
	f := Forecast{RoundTrips: 2, ServerTrips: 1}
	if got := f.takes(40*time.Millisecond, 20*time.Millisecond); got != 100*time.Millisecond {
		t.Errorf("takes %s", got)
	}
}

// The tables of facts are those of the formula in Tailscale's article on NAT traversal, and of the birthday problem.
func TestTheBirthdayOfTwoGroups(t *testing.T) {
	for _, c := range []struct {
		m, n, ports int
		want        float64
	}{
		{256, 174, 65536, 0.494}, {256, 1024, 65536, 0.982}, {700, 700, 64512, 0.9995}, {512, 512, 512, 1}, {1, 1, 64512, 1. / 64512},
		{0, 100, 64512, 0}, {400, 200, 512, 1},
	} {
		if got := birthday(c.m, c.n, c.ports); math.Abs(got-c.want) > 0.001*math.Max(c.want, 0.001) && math.Abs(got-c.want) > 0.0006 {
			t.Errorf("birthday(%d, %d, %d) = %.5f, want %.5f", c.m, c.n, c.ports, got, c.want)
		}
	}
}

func TestPredictionsOfWhatEveryoneKnows(t *testing.T) {
	nat := func(mapping, filtering Dependence, rule Rule) Classification {
		c := Classification{Version: 1, Mapping: mapping, Filtering: filtering}
		if mapping != None {
			c.Ports = Allocation{Rule: rule}
		}
		return c
	}
	restricted := nat(EndpointIndependent, AddressAndPortDependent, Preserve)
	symmetric := nat(AddressAndPortDependent, AddressAndPortDependent, Random)
	public := nat(None, None, "")
	for _, c := range []struct {
		strategy string
		a, b     Classification
		want     Verdict
	}{
		{"direct", public, symmetric, Connects},
		{"direct", restricted, restricted, Cannot},
		{"simultaneous-open", restricted, restricted, Connects},
		{"simultaneous-open", restricted, symmetric, Cannot}, // but for one in 64,512
		{"relay", symmetric, symmetric, Connects},
		{"auto", restricted, restricted, Connects},
		{"auto", symmetric, symmetric, Cannot},
		{"auto", restricted, symmetric, Connects},
	} {
		s, err := StrategyNamed(c.strategy)
		if err != nil {
			t.Fatal(err)
		}
		if got := Predict(c.a, c.b, s); got.Verdict != c.want || got.Why == "" {
			t.Errorf("%s, %s x %s: %+v, want %s", c.strategy, c.a, c.b, got, c.want)
		}
	}
}
